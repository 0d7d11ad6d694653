"""DCGAN."""

from .gan import DCGAN

__all__ = ["DCGAN"]
