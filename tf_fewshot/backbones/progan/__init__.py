"""Progressive GAN."""

from .gan import ProGAN

__all__ = ["ProGAN"]
