"""The configuration of StyleGAN (version 1)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..errors import BackboneError


def default_channels(resolution: int, base: int = 8192, maximum: int = 512) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels as in the released networks."""
    stages = int(math.log2(resolution)) - 1
    return [min(base // 2 ** (i + 1), maximum) for i in range(stages)]


@dataclasses.dataclass(frozen=True)
class MappingConfig:
    """The mapping network, from latents to styles.

    Attributes:
        mapping_layers: Dense layers of the mapping network.
        mapping_width: Size of its hidden layers; None is ``w_dim``.
        mapping_lrmul: Its learning rate multiplier.
        normalize_latents: Whether what enters it is normalised.
    """

    mapping_layers: int = 8
    mapping_width: int | None = None
    mapping_lrmul: float = 0.01
    normalize_latents: bool = True


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """The synthesis network.

    Attributes:
        use_noise: Whether every layer has noise inputs. Drawings of flat colour have
            nothing random for them to make, and the grain that they leave shows.
        pixel_norm: Whether the vector of every pixel is normalised after each activation.
        instance_norm: Whether every channel of an image is, before it is styled.
        truncation_layers: How many layers ψ acts on; 0 is none of them.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
    """

    use_noise: bool = True
    pixel_norm: bool = False
    instance_norm: bool = True
    truncation_layers: int = 8
    mixing: float = 0.9
    w_avg_beta: float = 0.995


@dataclasses.dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminator.

    Attributes:
        discriminator_channels: Channels at 4, 8, … ``resolution``; None mirrors ``channels``.
        dense_channels: Size of its dense layer; None is the first of its channels.
        mbstd_group: Group of the minibatch standard deviation; 1 leaves it out.
        mbstd_features: Channels that it adds.
    """

    discriminator_channels: Sequence[int] | None = None
    dense_channels: int | None = None
    mbstd_group: int = 4
    mbstd_features: int = 1


@dataclasses.dataclass(frozen=True)
class StyleGANConfig(Configuration):
    """What a StyleGAN is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        mapping: The mapping network.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        fused: Whether resampling and convolution are one; "auto" from 128 px.
        fading: Whether the last resolution is faded in by the weight ``lod``
            (1: only the resolution below is seen, 0: only the last).
        generator: The synthesis network.
        discriminator: The discriminator.
        image_channels: Channels of the images: 1 is grey, 3 is RGB, 4 is RGB with opacity.
        num_classes: Number of classes; 0 for a network without labels.
        blur: Low-pass filter of the resampling, an odd count of numbers; [1] is none.
    """

    resolution: int = 64
    latent_dim: int = 512
    w_dim: int = 512
    mapping: MappingConfig = MappingConfig()
    channels: Sequence[int] | None = None
    fused: bool | str = "auto"
    fading: bool = False
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    image_channels: int = 3
    num_classes: int = 0
    blur: Sequence[float] = (1.0, 2.0, 1.0)

    @property
    def judges(self) -> list[int]:
        """Channels of the discriminator at 4, 8, … pixels."""
        channels = self.discriminator.discriminator_channels
        return list((self.channels if channels is None else channels) or ())

    def resolved(self) -> StyleGANConfig:
        check_resolution(self.resolution, 8)
        if isinstance(self.fused, str) and self.fused != "auto":
            raise BackboneError(f"fused must be true, false or 'auto', not {self.fused!r}")
        channels = self.channels
        channels = default_channels(self.resolution) if channels is None else list(channels)
        check_entries("channels", channels, self.resolution, self.resolution)
        judges = self.discriminator.discriminator_channels
        if judges is not None:
            check_entries("discriminator_channels", judges, self.resolution, self.resolution)
        if self.num_classes < 0 or self.image_channels < 1:
            raise BackboneError(
                "num_classes must be 0 or more, and image_channels 1 or more: not "
                f"{self.num_classes} and {self.image_channels}"
            )
        if len(self.blur) % 2 == 0 or not sum(self.blur):
            raise BackboneError(
                f"blur must be an odd count of numbers that sum to more than 0, not {self.blur}"
            )
        config = dataclasses.replace(self, channels=channels, blur=list(self.blur))
        features, last = self.discriminator.mbstd_features, config.judges[0]
        if features < 1 or last % features:
            raise BackboneError(
                f"mbstd_features={features} does not divide the {last} channels at 4 px"
            )
        return config
