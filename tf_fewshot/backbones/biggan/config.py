"""The configurations of BigGAN and BigGAN-deep."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from ...choices import Choices
from ...errors import UserError
from ..checks import check_resolution
from ..configuration import Configuration
from ..errors import BackboneError
from ..sngan.config import SNGANConfig
from .normalisation import Normalisation

_WIDTHS = {
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
_LATENTS = {128: 120, 256: 140, 512: 128}
_IMAGENET = 1000
_NO_CHOICES = Choices()
_AS_RELEASED = Normalisation()


@dataclasses.dataclass(frozen=True)
class Discriminator:
    """What the discriminator of a BigGAN is built from; it is SNGAN's.

    Attributes:
        discriminator_widths: Channels of its blocks, from the image to the logit; none is
            without a discriminator.
        minibatch_group: Images of which it also sees how they differ; see
            :class:`~tf_fewshot.backbones.sngan.config.SNGANConfig`.
        discriminator_spectral_norm: Whether it is spectrally normalised; see there.
        discriminator_wide, discriminator_attention: See there.
        halvings: How many of its blocks halve the map, from the first; see there.
    """

    discriminator_widths: Sequence[int] = ()
    minibatch_group: int = 0
    discriminator_spectral_norm: bool = True
    discriminator_wide: bool = False
    discriminator_attention: int = 0
    halvings: int | None = None


_NO_DISCRIMINATOR = Discriminator()


def default_channels(resolution: int, base: int) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels; those below 128 begin as those of 128."""
    widths = _WIDTHS.get(resolution, _WIDTHS[128][: int(math.log2(resolution)) - 1])
    return [base * width for width in widths]


def default_attention(resolution: int, highest: int) -> int:
    """The resolution with attention: ``highest`` of the released networks, below it half."""
    return highest if resolution > highest else resolution // 2


@dataclasses.dataclass(frozen=True)
class BigGANConfig(Configuration):
    """What a BigGAN is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``, without ``mapping`` a multiple of the blocks and the first
            layer together; None takes that of the released networks, or 20 for each.
        channels: Channels at 4, 8, … ``resolution`` pixels; a number is the unit of the
            released networks, which have 96.
        attention: The resolution whose map attends to itself, or 0 for none; None takes 64,
            at 256 pixels 128.
        class_dim: Size of the vector of a class.
        num_classes: Number of classes; None is 1000.
        statistics: Rows of statistics for truncations from 0 to 1; 1 has those of
            truncation 1 for all.
        discriminator: What its discriminator is built from, by default none.
        mapping: Widths of the layers of a mapping network, as StyleGAN has one, from ``z`` and
            the vector of the class to what the first layer and the blocks are told; the last is
            a multiple of these. None of the released networks has one: with it what ``z`` means
            can differ from class to class, and what single pictures are fitted by is what it
            gives.
        normalisation: How it is normalised.
        choices: What ``z`` stands for; the first layer of the mapping network reads it
            (:class:`~tf_fewshot.layers.ChoiceMap`).
        hierarchical: Whether ``z`` is cut, and every block told a part of it beside the class.
            Otherwise the first layer is told all of it, and blocks the class alone.
    """

    resolution: int = 256
    latent_dim: int | None = None
    channels: int | Sequence[int] = 96
    attention: int | None = None
    class_dim: int = 128
    num_classes: int | None = None
    statistics: int = 1
    discriminator: Discriminator = _NO_DISCRIMINATOR
    mapping: Sequence[int] = ()
    normalisation: Normalisation = _AS_RELEASED
    choices: Choices = _NO_CHOICES
    hierarchical: bool = True

    @property
    def told_dim(self) -> int:
        """Size of what the layers are told together: ``z``, or what is made of it."""
        return self.mapping[-1] if self.mapping else self.latent_dim or 0

    @property
    def last_channels(self) -> int:
        """Channels of the last convolution, of which the first three are seen."""
        return 3

    @property
    def of_discriminator(self) -> SNGANConfig:
        """The configuration of its discriminator, resolved."""
        return SNGANConfig(
            resolution=self.resolution,
            num_classes=self.num_classes or 0,
            **vars(self.discriminator),
        ).resolved()

    def resolved(self) -> BigGANConfig:
        channels = _channels(self.resolution, self.channels)
        latent_dim = self.latent_dim
        if latent_dim is None:
            latent_dim = _LATENTS.get(self.resolution, 20 * len(channels))
        mapping = list(self.mapping)
        if any(not isinstance(width, int) or width < 1 for width in mapping):
            raise BackboneError(f"the widths of mapping must be 1 or more, not {mapping}")
        name, told = ("the last of mapping", mapping[-1]) if mapping else ("latent_dim", latent_dim)
        if self.hierarchical and told % max(len(channels), 1):
            raise BackboneError(
                f"{name} must be a multiple of {len(channels)} at {self.resolution} px, not {told}"
            )
        highest = 128 if self.resolution == 256 else 64
        widths = list(self.discriminator.discriminator_widths)
        choices = self.choices.as_lists()
        if choices.given and not mapping:
            raise BackboneError(
                "choice_slots and choice_quantiles are read by the first layer of the mapping "
                "network: give mapping at least one width"
            )
        try:
            choices.check(latent_dim, self.num_classes or 0)
        except UserError as error:
            raise BackboneError(str(error)) from error
        changes = {
            "latent_dim": latent_dim,
            "discriminator": dataclasses.replace(self.discriminator, discriminator_widths=widths),
            "mapping": mapping,
            "choices": choices,
        }
        config = _completed(self, channels, highest, **changes)
        if widths:
            _ = config.of_discriminator  # It says what does not fit.
        return config

    def without_labels(self, start):
        tables = ("choice_variants", "choice_thresholds")
        rows = {name: getattr(self.choices, name) for name in tables}
        if isinstance(start, str):
            return {"num_classes": 0, **{name: [] for name in rows}}
        return {"num_classes": 0, **{name: r and [r[start]] for name, r in rows.items()}}


@dataclasses.dataclass(frozen=True)
class BigGANDeepConfig(Configuration):
    """What a BigGAN-deep is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        channels: Channels at 4, 8, … ``resolution`` pixels, none more than before; a number
            is the unit of the released networks, which have 128.
        attention: The resolution whose map attends to itself, or 0 for none; None takes 64.
        class_dim: Size of the vector of a class.
        num_classes: Number of classes; None is 1000.
        statistics: Rows of statistics for truncations from 0 to 1; the released networks
            have 51.
        to_rgb: Channels of the last convolution, of which the first three are seen; None
            takes the last of ``channels``, as the released networks do.
        normalisation: How it is normalised.
    """

    resolution: int = 256
    latent_dim: int = 128
    channels: int | Sequence[int] = 128
    attention: int | None = None
    class_dim: int = 128
    num_classes: int | None = None
    statistics: int = 51
    to_rgb: int | None = None
    normalisation: Normalisation = _AS_RELEASED

    @property
    def told_dim(self) -> int:
        """Size of what the layers are told: ``z``."""
        return self.latent_dim

    @property
    def last_channels(self) -> int | None:
        """Channels of the last convolution, of which the first three are seen."""
        return self.to_rgb

    def resolved(self) -> BigGANDeepConfig:
        channels = _channels(self.resolution, self.channels)
        if sorted(channels, reverse=True) != channels:
            raise BackboneError(f"channels must not grow towards the image, as {channels} do")
        to_rgb = (channels or [3])[-1] if self.to_rgb is None else self.to_rgb
        if to_rgb < 3:
            raise BackboneError(f"to_rgb must be 3 channels or more, not {to_rgb}")
        return _completed(self, channels, 64, to_rgb=to_rgb)


def _channels(resolution: int, channels: int | Sequence[int]) -> list[int]:
    if isinstance(channels, int):
        return default_channels(resolution, channels)
    return list(channels)


def _completed(config, channels: list[int], highest: int, **others: Any):
    """A copy of the configuration with these values and defaults for what is left out.

    Args:
        config: Of either architecture.
        channels: At 4, 8, … pixels.
        highest: See :func:`default_attention`.
        **others: Further values.
    """
    attention, num_classes = config.attention, config.num_classes
    attention = default_attention(config.resolution, highest) if attention is None else attention
    num_classes = _IMAGENET if num_classes is None else num_classes
    _check(config.resolution, channels, attention, num_classes)
    config.normalisation.check()
    return dataclasses.replace(
        config, channels=channels, attention=attention, num_classes=num_classes, **others
    )


def _check(resolution: int, channels: list[int], attention: int, num_classes: int) -> None:
    check_resolution(resolution, 16)
    wanted = int(math.log2(resolution)) - 1
    if len(channels) != wanted or any(not isinstance(c, int) or c < 1 for c in channels):
        raise BackboneError(
            f"{resolution} px need {wanted} numbers of channels (for 4, 8, … {resolution} px), "
            f"not {channels}"
        )
    inside = [0, *(4 * 2**i for i in range(1, wanted - 1))]
    if attention not in inside:
        raise BackboneError(
            f"attention must be one of {', '.join(map(str, inside))}, not {attention}"
        )
    if num_classes < 0:
        raise BackboneError(f"num_classes must not be below 0, as {num_classes} is")
