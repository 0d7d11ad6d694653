"""The configuration of StyleGAN3, in groups of settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..errors import BackboneError
from ..stylegan2.config import DiscriminatorConfig, LabelsConfig, MappingConfig, StyleGAN2Config


@dataclasses.dataclass(frozen=True)
class FrequencyConfig:
    """The layers of the synthesis network, and the frequencies that they let through.

    Frequencies are in cycles per width of the picture.

    Attributes:
        synthesis_layers: Number of layers, without Fourier features and pixels.
        critical_layers: How many of them, at the end, are sampled critically: their filter lets
            through all frequencies that the pixels can hold.
        first_cutoff: The highest frequency that the Fourier features have.
        first_stopband: The frequency from which the first layer's filter lets nothing through.
        last_stopband_rel: The same of the last layer, as a multiple of its cutoff.
        margin: Pixels around the picture that inner layers have, too.
    """

    synthesis_layers: int = 14
    critical_layers: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2.0**2.1
    last_stopband_rel: float = 2.0**0.3
    margin: int = 10

    def check(self, resolution: int) -> None:
        """Raises a BackboneError unless layers can be made of this for pictures of this size."""
        if self.critical_layers < 1 or self.synthesis_layers <= self.critical_layers:
            raise BackboneError(
                "synthesis_layers must be more than critical_layers, and these 1 or more, not "
                f"{self.synthesis_layers} and {self.critical_layers}"
            )
        if self.margin < 0:
            raise BackboneError(f"margin must be 0 or more, not {self.margin}")
        last = resolution / 2
        if not 0 < self.first_cutoff < last or not 1 < self.last_stopband_rel < 100:
            raise BackboneError(
                f"first_cutoff must be between 0 and {last}, and last_stopband_rel between 1 and "
                f"100, not {self.first_cutoff} and {self.last_stopband_rel}"
            )
        end = last * self.last_stopband_rel
        if not max(self.first_cutoff, 0.5) < self.first_stopband <= end:
            raise BackboneError(
                "first_stopband must be more than first_cutoff and than 0.5, and at most the last "
                f"layer's, {end:g}, not {self.first_stopband}"
            )

    def progression(self, first: float, last: float) -> np.ndarray:
        """Frequencies of all layers and the pixels, in geometric progression, float64."""
        steps = np.arange(self.synthesis_layers + 1)
        steps = np.minimum(steps / (self.synthesis_layers - self.critical_layers), 1.0)
        return first * (last / first) ** steps

    def default_channels(self, resolution: int, times: int) -> list[int]:
        """Channels of the layers as the released networks of config T have them, so many times."""
        cutoffs = self.progression(self.first_cutoff, resolution / 2)
        widths = np.rint(np.minimum(times * 16384 / cutoffs, times * 512))
        return [int(width) for width in widths[:-1]]


@dataclasses.dataclass(frozen=True)
class SynthesisConfig:
    """What the layers of the synthesis network do.

    Attributes:
        kernel_size: Of the convolutions: 3 (config T) or 1 (config R).
        filter_size: Length of the filters, in samples of the lower rate.
        lrelu_upsampling: How many times finer the leaky ReLU's input is sampled.
        radial: Whether filters that go down are alike in all directions (config R).
        output_scale: What pixels are multiplied by.
        g_clamp: What activations are clamped to, in both directions; None clamps nothing.
        magnitude_beta: Decay of the running mean of the squares that enter each layer.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
        truncation_layers: How many layers ψ acts on; None is all.
    """

    kernel_size: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    radial: bool = False
    output_scale: float = 0.25
    g_clamp: float | None = 256.0
    magnitude_beta: float = 0.999
    mixing: float = 0.0
    w_avg_beta: float = 0.998
    truncation_layers: int | None = None

    def check(self) -> None:
        """Raises a BackboneError unless layers can be made of this."""
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise BackboneError(f"kernel_size must be odd, not {self.kernel_size}")
        if not 1 <= self.filter_size <= 64 or not 1 <= self.lrelu_upsampling <= 16:
            raise BackboneError(
                "filter_size must be 1 to 64 and lrelu_upsampling 1 to 16, not "
                f"{self.filter_size} and {self.lrelu_upsampling}"
            )


# Where config T differs from StyleGAN2.
_MAPPING, _LABELS = MappingConfig(mapping_layers=2), LabelsConfig()
_DISCRIMINATOR = DiscriminatorConfig(d_clamp=256.0)


@dataclasses.dataclass(frozen=True)
class StyleGAN3Config(Configuration):
    """What a StyleGAN3 is built from.

    The defaults are those of config T. Config R has ``kernel_size=1`` and ``radial=True``.

    Attributes:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        channels: Channels of the layers from the first to the last before the pixels, of which
            there are ``synthesis_layers``; the first has as many Fourier features. None takes
            those of the released networks.
        image_channels: Channels of the images.
        taps: Low-pass filter of the discriminator's resampling, of at least two numbers.
        mapping: The mapping network.
        labels: How labels enter; "concat" is StyleGAN2's alone.
        layers: The layers of the synthesis network, by their frequencies.
        generator: What they do.
        discriminator: The discriminator, which is StyleGAN2's.
    """

    resolution: int = 256
    latent_dim: int = 512
    w_dim: int = 512
    channels: Sequence[int] | None = None
    image_channels: int = 3
    taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0)
    mapping: MappingConfig = _MAPPING
    labels: LabelsConfig = _LABELS
    layers: FrequencyConfig = FrequencyConfig()
    generator: SynthesisConfig = SynthesisConfig()
    discriminator: DiscriminatorConfig = _DISCRIMINATOR

    @property
    def num_classes(self) -> int:
        """How many classes labels tell apart."""
        return self.labels.num_classes

    def of_discriminator(self) -> StyleGAN2Config:
        """What the discriminator is built from, which is one of StyleGAN2."""
        return StyleGAN2Config(
            resolution=self.resolution,
            image_channels=self.image_channels,
            taps=self.taps,
            labels=self.labels,
            discriminator=self.discriminator,
        ).resolved()

    def resolved(self) -> StyleGAN3Config:
        check_resolution(self.resolution, 8)
        self.layers.check(self.resolution)
        self.generator.check()
        if self.labels.conditioning != "embed":
            raise BackboneError(
                f"a stylegan3 has conditioning 'embed', not {self.labels.conditioning!r}"
            )
        count, channels = self.layers.synthesis_layers, self.channels
        if channels is None:
            times = 2 if self.generator.kernel_size == 1 else 1
            channels = self.layers.default_channels(self.resolution, times)
        if len(channels) != count:
            raise BackboneError(
                f"{count} layers need {count} entries in channels, not {len(channels)}"
            )
        judge = self.of_discriminator()
        judges = judge.discriminator.discriminator_channels or ()
        check_entries("discriminator_channels", judges, self.resolution, self.resolution)
        return dataclasses.replace(
            self,
            channels=list(channels),
            taps=list(self.taps),
            discriminator=dataclasses.replace(
                self.discriminator, discriminator_channels=list(judges)
            ),
        )
