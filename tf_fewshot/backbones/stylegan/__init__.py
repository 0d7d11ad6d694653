"""StyleGAN, version 1."""

from .gan import StyleGAN

__all__ = ["StyleGAN"]
