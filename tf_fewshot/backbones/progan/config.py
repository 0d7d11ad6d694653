"""The configuration of Progressive GAN."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..stylegan.config import default_channels


@dataclasses.dataclass(frozen=True)
class ProGANConfig(Configuration):
    """What a Progressive GAN, grown to its end, is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim: Size of ``z``.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        image_channels: Channels of the images.
        discriminator_channels: The same as ``channels`` of the discriminator; None mirrors them.
        dense_channels: Size of the discriminator's dense layer; None is its channels at 4 px.
        fused: Whether the discriminator halves a map before its leaky ReLU, as convolutions that
            are fused with halving do, rather than after it.
        mbstd_group: Images that the minibatch standard deviation is taken of; 1 leaves it out.
    """

    resolution: int = 256
    latent_dim: int = 512
    channels: Sequence[int] | None = None
    image_channels: int = 3
    discriminator_channels: Sequence[int] | None = None
    dense_channels: int | None = None
    fused: bool = True
    mbstd_group: int = 4

    def resolved(self) -> ProGANConfig:
        check_resolution(self.resolution, 8)
        channels, judges = self.channels, self.discriminator_channels
        channels = default_channels(self.resolution) if channels is None else list(channels)
        judges = channels if judges is None else list(judges)
        check_entries("channels", channels, self.resolution, self.resolution)
        check_entries("discriminator_channels", judges, self.resolution, self.resolution)
        return dataclasses.replace(self, channels=channels, discriminator_channels=list(judges))
