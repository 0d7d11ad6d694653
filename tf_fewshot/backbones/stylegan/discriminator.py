"""The discriminator of StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import (
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    MinibatchStdDev,
    ScaleShift,
    downscale2d,
)
from ..parts import Stage
from .layers import fuses, lrelu


def _scale_shifts(count: int, dtype) -> list[ScaleShift]:
    return [ScaleShift(normalized=True, name=f"ScaleShift{i}", dtype=dtype) for i in range(count)]


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorBlock(keras.layers.Layer):
    """The two convolutions of one resolution; the second halves the image."""

    def __init__(self, resolution, channels, out_channels, fused, scale_shift=False, **kwargs):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels = resolution, channels
        self.conv0 = EqualizedConv2D(channels, name="Conv0", dtype=self.dtype_policy)
        self.blur = Blur(name="Blur", dtype=self.dtype_policy)
        self.conv1 = EqualizedConv2D(
            out_channels,
            resample="down",
            fused=fuses(fused, resolution),
            name="Conv1_down",
            dtype=self.dtype_policy,
        )
        self.scale_shifts = _scale_shifts(2 * scale_shift, self.dtype_policy)

    def build(self, input_shape):
        self.conv0.build(input_shape)
        self.conv1.build((None, self.resolution, self.resolution, self.channels))
        for layer, conv in zip(self.scale_shifts, (self.conv0, self.conv1), strict=False):
            layer.build((None, None, None, conv.filters))

    def call(self, x):
        for i, conv in enumerate((self.conv0, self.conv1)):
            x = lrelu(conv(self.blur(x) if i else x))
            if self.scale_shifts:
                x = self.scale_shifts[i](x)
        return x


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorHead(keras.layers.Layer):
    """The last, 4 × 4 resolution: minibatch standard deviation to logit, in float32."""

    def __init__(self, channels, mbstd_group, scale_shift=False, **kwargs):
        kwargs.setdefault("name", "4x4")
        super().__init__(**kwargs)
        self.mbstd_group = mbstd_group
        self.stddev = MinibatchStdDev(mbstd_group, name="MinibatchStdDev", dtype="float32")
        self.conv = EqualizedConv2D(channels, name="Conv", dtype="float32")
        self.dense0 = EqualizedDense(channels, name="Dense0", dtype="float32")
        self.dense1 = EqualizedDense(1, gain=1.0, name="Dense1", dtype="float32")
        self.scale_shifts = _scale_shifts(2 * scale_shift, "float32")

    def build(self, input_shape):
        channels = input_shape[-1]
        self.conv.build((None, 4, 4, channels + (self.mbstd_group > 1)))
        self.dense0.build((None, 16 * self.conv.filters))
        self.dense1.build((None, self.dense0.units))
        for layer, width in zip(
            self.scale_shifts, (self.conv.filters, self.dense0.units), strict=False
        ):
            layer.build((None, width))

    def call(self, x):
        x = tf.cast(x, tf.float32)
        if self.mbstd_group > 1:
            x = self.stddev(x)
        x = lrelu(self.conv(x))
        if self.scale_shifts:
            x = self.scale_shifts[0](x)
        x = lrelu(self.dense0(tf.reshape(x, [-1, 16 * self.conv.filters])))
        if self.scale_shifts:
            x = self.scale_shifts[1](x)
        return self.dense1(x)


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANDiscriminator(keras.Model):
    """StyleGAN's discriminator; see :class:`StyleGANGenerator` for the arguments.

    Args:
        mbstd_group: Group of the minibatch standard deviation; 1 leaves it out.
        scale_shift: Adds a normalized :class:`ScaleShift` to every hidden layer.
    """

    def __init__(
        self,
        resolution: int,
        channels: Sequence[int],
        fused: bool | str = "auto",
        fading: bool = False,
        mbstd_group: int = 4,
        scale_shift: bool = False,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "resolution": resolution,
            "channels": list(channels),
            "fused": fused,
            "fading": fading,
            "mbstd_group": mbstd_group,
            "scale_shift": scale_shift,
        }
        self.resolution, self.fading = resolution, fading
        resolutions = [4 * 2**i for i in range(len(channels))][::-1]
        widths = list(channels)[::-1]
        seen = resolutions[:2] if fading else resolutions[:1]
        self.from_rgb = {
            str(r): EqualizedConv2D(c, 1, name=f"FromRGB_{r}x{r}", dtype=self.dtype_policy)
            for r, c in zip(seen, widths, strict=False)
        }
        self.blocks = [
            DiscriminatorBlock(
                r, widths[i], widths[i + 1], fused, scale_shift, dtype=self.dtype_policy
            )
            for i, r in enumerate(resolutions[:-1])
        ]
        self.head = DiscriminatorHead(widths[-1], mbstd_group, scale_shift, dtype="float32")
        self._widths = widths

    def build(self, input_shape=None):
        for r, layer in self.from_rgb.items():
            layer.build((None, int(r), int(r), 3))
        for i, block in enumerate(self.blocks):
            block.build((None, block.resolution, block.resolution, self._widths[i]))
        self.head.build((None, 4, 4, self._widths[-1]))
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )

    def call(self, images, label=None, training=False):
        del label, training
        return self.head(self.activations(images)[-1])

    def activations(self, images) -> list:
        """What each stage but the last gives."""
        images = tf.convert_to_tensor(images)
        found = [self._seen(images)]
        for i, block in enumerate(self.blocks):
            x = block(found[-1])
            if i == 0 and self.fading:
                small = self._seen(downscale2d(images))
                x += (small - x) * tf.cast(self.lod, x.dtype)
            found.append(x)
        return found

    def stages(self) -> list[Stage]:
        """The parts from pixels to logit; every variable in exactly one."""
        first = [v for layer in self.from_rgb.values() for v in layer.weights]
        stages = [Stage("FromRGB", (*first, *([self.lod] if self.fading else [])))]
        stages += [Stage(block.name, tuple(block.weights)) for block in self.blocks]
        return [*stages, Stage("4x4", tuple(self.head.weights))]

    def _seen(self, images):
        return lrelu(self.from_rgb[str(images.shape[1])](tf.cast(images, self.compute_dtype)))

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
