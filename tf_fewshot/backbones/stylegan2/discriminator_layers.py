"""The layers of StyleGAN2's discriminator: pixels, blocks and head.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figure 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from ...layers import (
    EqualizedConv2D,
    EqualizedDense,
    FilteredConv2D,
    MinibatchStdDev,
    scaled_lrelu,
)
from ..extensions import Extensions


@keras.saving.register_keras_serializable("tf_fewshot")
class FromRGB(keras.layers.Layer):
    """Pixels to features: 1 × 1 convolutions, of the whole image or of halved ones, too.

    Args:
        widths: Channels of the features by the size of the image.
        clamps: What they are clamped to, by the same; None clamps nothing.
        base: Height of what square networks see in 4 pixels.

    Input images ``[N, R, R, C]``, output features ``[N, R, R, widths[R]]``, where ``R`` is
    one of the sizes; of images that are not square, as many times 4 as the height is of ``base``.
    """

    def __init__(
        self, widths: dict[int, int], clamps: dict[int, float | None], base: int = 4, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)
        self.clamps, self.base = clamps, base
        self.convs = {
            str(r): EqualizedConv2D(
                width,
                1,
                gain=1.0,
                name=f"{r}x{r}",
                dtype="float32" if r == 4 else self.dtype_policy,
            )
            for r, width in widths.items()
        }

    def build(self, input_shape):
        for r, conv in self.convs.items():
            conv.build((None, int(r), int(r), input_shape[-1]))

    def call(self, images):
        r = images.shape[1] * 4 // self.base
        conv = self.convs[str(r)]
        return scaled_lrelu(conv(tf.cast(images, conv.compute_dtype)), self.clamps[r])


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2DiscriminatorBlock(keras.layers.Layer):
    """The two convolutions of one resolution; the second halves the image.

    Args:
        resolution, channels: Of the input.
        out_channels: Channels of the output.
        residual: Adds the halved input, through a 1 × 1 convolution, and divides by sqrt(2).
        taps: Low-pass filter of the halving.
        clamp: What activations are clamped to; None clamps nothing.
        extensions: What adds layers after both activations.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        out_channels: int,
        residual: bool,
        taps: Sequence[float],
        clamp: float | None,
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels, self.clamp = resolution, channels, clamp
        dtype = self.dtype_policy
        self.conv0 = EqualizedConv2D(channels, gain=1.0, name="Conv0", dtype=dtype)
        self.conv1 = FilteredConv2D(out_channels, 3, "down", taps, name="Conv1_down", dtype=dtype)
        self.added = _added(self, extensions, ("Conv0", "Conv1_down"))
        self.skip = None
        if residual:
            self.skip = FilteredConv2D(
                out_channels, 1, "down", taps, use_bias=False, name="Skip", dtype=dtype
            )

    def build(self, input_shape=None):
        shape = (None, self.resolution, self.resolution, self.channels)
        for conv in (self.conv0, self.conv1, self.skip):
            if conv is not None:
                conv.build(shape)
        for added, conv in zip(self.added, (self.conv0, self.conv1), strict=True):
            added.build((None, None, None, conv.filters))

    def call(self, x):
        y = self.added[0](scaled_lrelu(self.conv0(x), self.clamp))
        y = self.added[1](scaled_lrelu(self.conv1(y), self.clamp))
        if self.skip is None:
            return y
        return (y + self.skip(x)) * tf.cast(math.sqrt(0.5), y.dtype)


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Head(keras.layers.Layer):
    """The last, 4 × 4 resolution: minibatch standard deviation to scores, in float32.

    Args:
        channels: Channels of the input and of the convolution.
        dense_channels: Size of the dense layer.
        outputs: How many scores, of which labels make one.
        mbstd_group, mbstd_features: Of :class:`MinibatchStdDev`; 0 features leave it out.
        clamp: What activations of the convolution are clamped to; None clamps nothing.
        base: Height and width of the input.
        extensions: What adds layers after both activations.
    """

    def __init__(
        self,
        channels: int,
        dense_channels: int,
        outputs: int,
        mbstd_group: int | None,
        mbstd_features: int,
        clamp: float | None,
        base: tuple[int, int] = (4, 4),
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        kwargs.setdefault("name", "4x4")
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels, self.clamp, self.base = channels, clamp, base
        self.features = mbstd_features
        self.stddev = (
            MinibatchStdDev(mbstd_group, mbstd_features, name="MinibatchStdDev", dtype="float32")
            if mbstd_features
            else None
        )
        self.conv = EqualizedConv2D(channels, gain=1.0, name="Conv", dtype="float32")
        self.dense = EqualizedDense(dense_channels, gain=1.0, name="Dense0", dtype="float32")
        self.added = _added(self, extensions, ("Conv", "Dense0"))
        self.out = EqualizedDense(outputs, gain=1.0, name="Output", dtype="float32")

    def build(self, input_shape=None):
        self.conv.build((None, *self.base, self.channels + self.features))
        self.dense.build((None, math.prod(self.base) * self.channels))
        self.out.build((None, self.dense.units))
        for added, width in zip(self.added, (self.channels, self.dense.units), strict=True):
            added.build((None, width))

    def call(self, x):
        x = tf.cast(x, tf.float32)
        if self.stddev is not None:
            x = self.stddev(x)
        x = self.added[0](scaled_lrelu(self.conv(x), self.clamp))
        x = scaled_lrelu(self.dense(tf.reshape(x, [-1, math.prod(self.base) * self.channels])))
        return self.out(self.added[1](x))


def _added(owner, extensions: Extensions | Iterable, layers: tuple[str, str]) -> tuple:
    """What extensions add after the two hidden layers of a block or the head."""
    extensions = Extensions.of(extensions)
    return tuple(
        extensions.hidden(owner, f"{layer}_{{camel}}", f"{owner.name}/{layer}") for layer in layers
    )
