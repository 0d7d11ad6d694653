"""The configuration of SNGAN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..errors import BackboneError


def default_widths(resolution: int, base: int = 64) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels; the released networks are of 64 and 128."""
    doublings = int(math.log2(resolution)) - 2
    return [min(base * 2 ** (doublings - i), 16 * base) for i in range(doublings + 1)]


def default_halvings(resolution: int) -> int:
    """Halving blocks of the discriminator: down to 2 pixels, from 128 pixels on to 4."""
    return int(math.log2(resolution)) - (2 if resolution >= 128 else 1)


@dataclasses.dataclass(frozen=True)
class SNGANConfig(Configuration):
    """What an SNGAN is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the generator at 4, 8, … ``resolution`` pixels; None doubles
            from 64 at the last to at most 1024.
        discriminator_widths: Channels of the discriminator's blocks, from the image to the
            logit; None mirrors ``widths``.
        halvings: How many of these blocks halve the map, from the first; None goes down to
            2 pixels, from a resolution of 128 on to 4.
        num_classes: Number of classes; 0 for none.
        channels: Channels of the images.
        minibatch_group: Images of which the discriminator's last block is also shown the standard
            deviation (:class:`~tf_fewshot.layers.MinibatchStdDev`, a channel for every 16), which
            the published SNGAN is not; 0 leaves it out.
        discriminator_spectral_norm: Whether the discriminator is spectrally normalised. Without
            it, and with R1, it learns within some hundred steps what a normalised one takes
            thousands for.
        discriminator_wide: Whether every block's first convolution has as many channels as its
            second, as BigGAN's do; else that is so of the first block alone.
        discriminator_attention: Width and height of the map of the discriminator that attends to
            itself, as BigGAN's does, or 0 for none.
    """

    resolution: int = 128
    latent_dim: int = 128
    widths: Sequence[int] | None = None
    discriminator_widths: Sequence[int] | None = None
    halvings: int | None = None
    num_classes: int = 0
    channels: int = 3
    minibatch_group: int = 0
    discriminator_spectral_norm: bool = True
    discriminator_wide: bool = False
    discriminator_attention: int = 0

    def resolved(self) -> SNGANConfig:
        check_resolution(self.resolution, 16)
        widths, judges = self.widths, self.discriminator_widths
        widths = default_widths(self.resolution) if widths is None else list(widths)
        judges = widths[::-1] if judges is None else list(judges)
        halvings = self.halvings
        if halvings is None:
            halvings = min(default_halvings(self.resolution), len(judges))
        _check(self.resolution, widths, judges, halvings)
        if min(self.latent_dim, self.channels) < 1 or self.num_classes < 0:
            raise BackboneError(
                "latent_dim and channels must be 1 or more, and num_classes 0 or more: not "
                f"{self.latent_dim}, {self.channels}, {self.num_classes}"
            )
        if self.minibatch_group < 0 or (self.minibatch_group and len(judges) < 2):
            raise BackboneError(
                "minibatch_group must be 0 or more, and 0 with one block: not "
                f"{self.minibatch_group} with {len(judges)}"
            )
        maps = [self.resolution // 2**i for i in range(1, halvings + 1)]
        if self.discriminator_attention not in [0, *(size for size in maps if size > 1)]:
            raise BackboneError(
                f"discriminator_attention must be 0 or the size of one of its maps "
                f"({', '.join(map(str, maps))}), not {self.discriminator_attention}"
            )
        return dataclasses.replace(
            self, widths=widths, discriminator_widths=judges, halvings=halvings
        )


def _check(resolution: int, widths: list[int], judges: list[int], halvings: int) -> None:
    levels = int(math.log2(resolution))
    check_entries("widths", widths, resolution, resolution)
    for name, values in (("widths", widths), ("discriminator_widths", judges)):
        if not values or any(not isinstance(v, int) or v < 1 for v in values):
            raise BackboneError(f"{name} must be numbers of channels, not {values}")
    if not 0 <= halvings <= min(len(judges), levels):
        raise BackboneError(
            f"halvings must be 0 to {min(len(judges), levels)} at {resolution} px with "
            f"{len(judges)} blocks, not {halvings}"
        )
