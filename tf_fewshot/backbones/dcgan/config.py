"""The configuration of DCGAN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration


def default_widths(resolution: int, base: int = 64, maximum: int = 512) -> list[int]:
    """Channels of the hidden layers at 4, 8, … ``resolution / 2`` pixels."""
    hidden = int(math.log2(resolution)) - 2
    return [min(base * 2 ** (hidden - 1 - i), maximum) for i in range(hidden)]


@dataclasses.dataclass(frozen=True)
class DCGANConfig(Configuration):
    """What a DCGAN is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the generator's hidden layers at 4, 8, … ``resolution / 2``
            pixels; None doubles from 64 at the last to at most 512.
        discriminator_widths: The same for the discriminator, from the largest to 4
            pixels; None mirrors ``widths``.
        channels: Channels of the images.
    """

    resolution: int = 64
    latent_dim: int = 100
    widths: Sequence[int] | None = None
    discriminator_widths: Sequence[int] | None = None
    channels: int = 3

    def resolved(self) -> DCGANConfig:
        check_resolution(self.resolution, 16)
        widths = self.widths
        widths = default_widths(self.resolution) if widths is None else list(widths)
        mirrored = self.discriminator_widths
        mirrored = widths[::-1] if mirrored is None else list(mirrored)
        check_entries("widths", widths, self.resolution, self.resolution // 2)
        check_entries("discriminator_widths", mirrored, self.resolution, self.resolution // 2)
        return dataclasses.replace(self, widths=widths, discriminator_widths=mirrored)
