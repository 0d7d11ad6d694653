"""StyleGAN2, with the variants of StyleGAN2-ADA."""

from .gan import StyleGAN2

__all__ = ["StyleGAN2"]
