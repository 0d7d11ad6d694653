"""BigGAN and BigGAN-deep."""

from .deep import BigGANDeep
from .gan import BigGAN

__all__ = ["BigGAN", "BigGANDeep"]
