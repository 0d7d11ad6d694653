"""The layers of StyleGAN2's generator: styled convolutions, blocks and pixels.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figures 2d and 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ...layers import FilteredConv2D, ModulatedConv2D, scaled_lrelu, upsample2d
from ..extensions import Extensions


@keras.saving.register_keras_serializable("tf_fewshot")
class StyledConv2D(ModulatedConv2D):
    """Modulated convolution, then noise, bias, leaky ReLU, and what extensions add.

    Args:
        filters, kernel_size, up, taps: See :class:`ModulatedConv2D`.
        use_noise: Whether noise is added, scaled by a trained number.
        clamp: What activations are clamped to, in both directions; None clamps nothing.
        extensions: What adds layers.
        place: Name of the layer among all of the network.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        use_noise: bool = True,
        clamp: float | None = None,
        extensions: Extensions | Iterable = (),
        place: str = "",
        **kwargs,
    ):
        super().__init__(filters, kernel_size, **kwargs)
        self.use_noise, self.clamp, self.place = use_noise, clamp, place
        self.extensions = Extensions.of(extensions)
        self.added = self.extensions.hidden(self, "{camel}", place)

    def build(self, x_shape, w_shape, noise_shape=None):
        super().build(x_shape, w_shape)
        if self.use_noise:
            self.noise_strength = self.add_weight(
                shape=(), name="noise_strength", initializer="zeros", autocast=False
            )
        self.bias = self.add_weight(
            shape=(self.filters,), name="bias", initializer="zeros", autocast=False
        )
        self.added.build((*x_shape[:-1], self.filters))

    def call(self, x, w, noise=None):
        x = super().call(x, w)
        if noise is not None and self.use_noise:
            x += tf.cast(noise * self.noise_strength, x.dtype)
        return self.added(scaled_lrelu(x + tf.cast(self.bias, x.dtype), self.clamp))

    def get_config(self) -> dict:
        config = {k: v for k, v in super().get_config().items() if k != "demodulate"}
        return {
            **config,
            "use_noise": self.use_noise,
            "clamp": self.clamp,
            "extensions": self.extensions.to_json(),
            "place": self.place,
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Block(keras.layers.Layer):
    """The styled layers of one resolution: at 4 px a constant and one, then two.

    Args:
        resolution, channels: Of the output.
        residual: Adds the doubled input, through a 1 × 1 convolution, and divides by sqrt(2).
        taps: Low-pass filter of the doubling.
        const_channels: Channels of the constant; None is ``channels``.
        options: Further arguments of every :class:`StyledConv2D`.
        base: Height and width of the constant.
        extensions: What adds layers after each of the layers, but for the very last one.
        last: Whether this is the last resolution.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        residual: bool,
        taps: Sequence[float],
        const_channels: int | None = None,
        options: dict[str, Any] | None = None,
        base: tuple[int, int] = (4, 4),
        extensions: Extensions | Iterable = (),
        last: bool = False,
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels, self.base = resolution, channels, base
        self.const_channels = channels if const_channels is None else const_channels
        same = {**(options or {}), "taps": taps, "dtype": self.dtype_policy}
        self.skip: Any = None

        def convolution(name: str, extensions, up: bool = False) -> StyledConv2D:
            place = f"{self.name}/{name}"
            more = {"extensions": extensions, "place": place, "name": name}
            return StyledConv2D(channels, up=up, **more, **same)

        if resolution == 4:
            self.convs = [convolution("Conv", extensions)]
        else:
            self.convs = [
                convolution("Conv0_up", extensions, up=True),
                convolution("Conv1", () if last else extensions),
            ]
            if residual:
                self.skip = FilteredConv2D(
                    channels,
                    1,
                    "up",
                    taps,
                    use_bias=False,
                    name="Skip",
                    dtype=self.dtype_policy,
                )

    def build(self, x_shape, styles_shape):
        shape, style = (None, *self.base, self.const_channels), (None, styles_shape[-1])
        if self.resolution == 4:
            self.const = self.add_weight(
                shape=(1, *shape[1:]),
                name="const",
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                autocast=False,
            )
        else:
            shape = x_shape
            if self.skip is not None:
                self.skip.build(shape)
        for conv in self.convs:
            conv.build(shape, style)
            shape = (None, self.resolution, self.resolution, self.channels)

    def call(self, x, styles, noises):
        return self.activations(x, styles, noises)[-1]

    def activations(self, x, styles, noises) -> list:
        """What each of the layers gives."""
        if self.resolution == 4:
            const = tf.cast(self.const, self.compute_dtype)
            x = tf.tile(const, [tf.shape(styles[0])[0], 1, 1, 1])
        shortcut = None if self.skip is None else self.skip(x)
        maps = []
        for conv, w, noise in zip(self.convs, styles, noises, strict=True):
            x = conv(x, w, noise)
            maps.append(x)
        if shortcut is not None:
            maps[-1] = (x + shortcut) * tf.cast(math.sqrt(0.5), x.dtype)
        return maps


@keras.saving.register_keras_serializable("tf_fewshot")
class PixelConv2D(ModulatedConv2D):
    """Features to pixels: a 1 × 1 modulated convolution with bias, in float32."""

    def __init__(self, filters: int, clamp: float | None = None, **kwargs):
        super().__init__(filters, 1, demodulate=False, **{**kwargs, "dtype": "float32"})
        self.clamp = clamp

    def build(self, x_shape, w_shape):
        super().build(x_shape, w_shape)
        self.bias = self.add_weight(
            shape=(self.filters,), name="bias", initializer="zeros", autocast=False
        )

    def call(self, x, w):
        x = super().call(x, w) + self.bias
        return x if self.clamp is None else tf.clip_by_value(x, -self.clamp, self.clamp)

    def get_config(self) -> dict:
        config = keras.layers.Layer.get_config(self)
        return {**config, "filters": self.filters, "clamp": self.clamp}


@keras.saving.register_keras_serializable("tf_fewshot")
class ToRGB(keras.layers.Layer):
    """Features to pixels: of the last resolution, or the sum of all.

    Args:
        resolutions: Those that make pixels, in rising order; smaller ones are doubled.
        channels: Channels of the images.
        clamp: What pixels are clamped to before they are added up.
        taps: Low-pass filter of the doubling.

    The inputs are lists of features and of styles, one each a resolution; the output is
    float32.
    """

    def __init__(
        self,
        resolutions: Sequence[int],
        channels: int,
        clamp: float | None,
        taps: Sequence[float],
        **kwargs,
    ):
        super().__init__(autocast=False, **{**kwargs, "dtype": "float32"})
        self.resolutions, self.taps = list(resolutions), tuple(taps)
        self.convs = [PixelConv2D(channels, clamp, name=f"{r}x{r}") for r in resolutions]

    def build(self, feature_shapes, w_dim):
        for conv, shape in zip(self.convs, feature_shapes, strict=True):
            conv.build(shape, (None, w_dim))

    def call(self, features, styles):
        image = None
        for conv, x, w in zip(self.convs, features, styles, strict=True):
            pixels = conv(tf.cast(x, tf.float32), w)
            image = pixels if image is None else upsample2d(image, self.taps) + pixels
        return image
