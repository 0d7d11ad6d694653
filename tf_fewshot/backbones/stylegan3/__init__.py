"""StyleGAN3."""

from .gan import StyleGAN3

__all__ = ["StyleGAN3"]
