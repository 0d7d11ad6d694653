"""The configuration of StyleGAN2, in groups of settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..errors import BackboneError
from ..stylegan.config import default_channels

_ARCHITECTURES = ("orig", "skip", "resnet")
_CONDITIONINGS = ("concat", "embed")


@dataclasses.dataclass(frozen=True)
class MappingConfig:
    """The mapping network, from latents to styles.

    Attributes:
        mapping_layers: Number of its dense layers.
        mapping_width: Size of its hidden layers; None is ``w_dim``.
        mapping_lrmul: Its learning rate multiplier.
    """

    mapping_layers: int = 8
    mapping_width: int | None = None
    mapping_lrmul: float = 0.01


@dataclasses.dataclass(frozen=True)
class LabelsConfig:
    """How labels enter both networks.

    Attributes:
        num_classes: Number of classes; 0 for a network without labels.
        conditioning: How labels enter: "concat" (StyleGAN2) or "embed" (StyleGAN2-ADA).
        label_dim: Size of a class's vector in the generator; None is ``latent_dim``.
        d_label_dim, d_mapping_layers, d_mapping_lrmul: Of the discriminator's mapping of
            labels, for "embed"; None as ``d_label_dim`` is its first channels.
    """

    num_classes: int = 0
    conditioning: str = "embed"
    label_dim: int | None = None
    d_label_dim: int | None = None
    d_mapping_layers: int = 0
    d_mapping_lrmul: float = 0.1


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """The synthesis network.

    Attributes:
        const_channels: Channels of the constant; None is the first of ``channels``.
        g_architecture: "skip" adds up the pixels of all resolutions, "resnet" has residual
            blocks, "orig" neither (figure 7).
        g_clamp: What activations are clamped to, in both directions; None clamps nothing.
        use_noise: Whether every layer has noise inputs.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
        truncation_layers: How many layers ψ acts on; None is all.
    """

    const_channels: int | None = None
    g_architecture: str = "skip"
    g_clamp: float | None = None
    use_noise: bool = True
    mixing: float = 0.9
    w_avg_beta: float = 0.995
    truncation_layers: int | None = None


@dataclasses.dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminator.

    Attributes:
        discriminator_channels: Channels at 4, 8, … ``resolution``; None mirrors ``channels``.
        dense_channels: Size of the dense layer; None is the first of the channels.
        d_architecture: "resnet" has residual blocks, "skip" looks at the halved image in
            each resolution, "orig" neither (figure 7).
        d_clamp: What activations are clamped to; None clamps nothing.
        d_clamp_last_pixels: Whether features of the 4-pixel image are, too ("skip" only).
        mbstd_group: Images that the minibatch standard deviation is taken of; None is the
            whole batch.
        mbstd_features: Channels that it adds; 0 leaves it out.
    """

    discriminator_channels: Sequence[int] | None = None
    dense_channels: int | None = None
    d_architecture: str = "resnet"
    d_clamp: float | None = None
    d_clamp_last_pixels: bool = True
    mbstd_group: int | None = 4
    mbstd_features: int = 1


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config(Configuration):
    """What a StyleGAN2 is built from.

    The defaults are those of config F. Config E has half the channels; StyleGAN2-ADA's
    "auto" has ``mapping_layers=2``, activations clamped to 256 and, below 512 pixels,
    half the channels. Configs B to D, once grown, are ``"orig"`` in both networks.

    Attributes:
        resolution: Width and height of the images, a power of two from 8; see ``base``.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        channels: Channels at 4, 8, … ``resolution``; None takes config F's.
        image_channels: Channels of the images: 1 is grey, 3 is RGB, 4 is RGB with opacity.
        base: Height and width of the constant that images grow from; with (4, 2) they are half as
            wide as ``resolution``.
        taps: Low-pass filter of the resampling, of at least two numbers.
        mapping: The mapping network.
        labels: How labels enter.
        generator: The synthesis network.
        discriminator: The discriminator.
    """

    resolution: int = 256
    latent_dim: int = 512
    w_dim: int = 512
    channels: Sequence[int] | None = None
    image_channels: int = 3
    base: Sequence[int] = (4, 4)
    taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0)
    mapping: MappingConfig = MappingConfig()
    labels: LabelsConfig = LabelsConfig()
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()

    @property
    def num_classes(self) -> int:
        """How many classes labels tell apart."""
        return self.labels.num_classes

    def size_at(self, resolution: int) -> tuple[int, int]:
        """Height and width of what is ``resolution`` pixels high and wide in square networks."""
        height, width = self.base
        return height * resolution // 4, width * resolution // 4

    def resolved(self) -> StyleGAN2Config:
        check_resolution(self.resolution, 8)
        channels, judges = self.channels, self.discriminator.discriminator_channels
        channels = default_channels(self.resolution, 16384) if channels is None else list(channels)
        judges = channels if judges is None else list(judges)
        check_entries("channels", channels, self.resolution, self.resolution)
        check_entries("discriminator_channels", judges, self.resolution, self.resolution)
        self._check(judges[0])
        return dataclasses.replace(
            self,
            channels=channels,
            taps=list(self.taps),
            base=list(self.base),
            discriminator=dataclasses.replace(self.discriminator, discriminator_channels=judges),
        )

    def _check(self, features: int) -> None:
        """Checks single settings, with the discriminator's channels at 4 px."""
        g, d, labels = self.generator, self.discriminator, self.labels
        for name, value in (
            ("g_architecture", g.g_architecture),
            ("d_architecture", d.d_architecture),
        ):
            if value not in _ARCHITECTURES:
                raise BackboneError(f"{name} must be 'orig', 'skip' or 'resnet', not {value!r}")
        if labels.conditioning not in _CONDITIONINGS:
            raise BackboneError(
                f"conditioning must be 'concat' or 'embed', not {labels.conditioning!r}"
            )
        if len(self.base) != 2 or any(type(n) is not int or n < 1 for n in self.base):
            raise BackboneError(f"base must be a height and a width, not {list(self.base)!r}")
        if len(self.taps) < 2:
            raise BackboneError(f"taps must be at least two numbers, not {list(self.taps)!r}")
        if d.mbstd_features and features % d.mbstd_features:
            raise BackboneError(
                f"mbstd_features={d.mbstd_features} does not divide the {features} channels at 4 px"
            )
