"""SNGAN with a projection discriminator."""

from .gan import SNGAN

__all__ = ["SNGAN"]
