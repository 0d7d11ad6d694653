"""StyleGAN2's discriminator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figure 7; "Training Generative Adversarial Networks with Limited Data" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ..layers import (
    EqualizedConv2D,
    EqualizedDense,
    FilteredConv2D,
    MinibatchStdDev,
    ScaleShift,
    downsample2d,
    scaled_lrelu,
)
from .stylegan2_generator import Architecture, labels_of
from .stylegan2_mapping import Conditioning, LabelMapping


@keras.saving.register_keras_serializable("tf_fewshot")
class FromRGB(keras.layers.Layer):
    """Pixels to features: 1 × 1 convolutions, of the whole image or of halved ones, too.

    Args:
        widths: Channels of the features by the size of the image.
        clamps: What they are clamped to, by the same; None clamps nothing.

    Input images ``[N, R, R, C]``, output features ``[N, R, R, widths[R]]``, where ``R`` is
    one of the sizes.
    """

    def __init__(self, widths: dict[int, int], clamps: dict[int, float | None], **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.clamps = clamps
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
        r = images.shape[1]
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
        scale_shift: Adds a normalized :class:`ScaleShift` after both activations.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        out_channels: int,
        residual: bool,
        taps: Sequence[float],
        clamp: float | None,
        scale_shift: bool = False,
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels, self.clamp = resolution, channels, clamp
        dtype = self.dtype_policy
        self.conv0 = EqualizedConv2D(channels, gain=1.0, name="Conv0", dtype=dtype)
        self.conv1 = FilteredConv2D(out_channels, 3, "down", taps, name="Conv1_down", dtype=dtype)
        self.scale_shifts = _scale_shifts(("Conv0", "Conv1_down"), scale_shift, dtype)
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
        for layer, conv in zip(self.scale_shifts, (self.conv0, self.conv1), strict=False):
            layer.build((None, None, None, conv.filters))

    def call(self, x):
        y = scaled_lrelu(self.conv0(x), self.clamp)
        if self.scale_shifts:
            y = self.scale_shifts[0](y)
        y = scaled_lrelu(self.conv1(y), self.clamp)
        if self.scale_shifts:
            y = self.scale_shifts[1](y)
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
        scale_shift: Adds a normalized :class:`ScaleShift` after both activations.
    """

    def __init__(
        self,
        channels: int,
        dense_channels: int,
        outputs: int,
        mbstd_group: int | None,
        mbstd_features: int,
        clamp: float | None,
        scale_shift: bool = False,
        **kwargs,
    ):
        kwargs.setdefault("name", "4x4")
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels, self.clamp = channels, clamp
        self.features = mbstd_features
        self.stddev = (
            MinibatchStdDev(mbstd_group, mbstd_features, name="MinibatchStdDev", dtype="float32")
            if mbstd_features
            else None
        )
        self.conv = EqualizedConv2D(channels, gain=1.0, name="Conv", dtype="float32")
        self.dense = EqualizedDense(dense_channels, gain=1.0, name="Dense0", dtype="float32")
        self.scale_shifts = _scale_shifts(("Conv", "Dense0"), scale_shift, "float32")
        self.out = EqualizedDense(outputs, gain=1.0, name="Output", dtype="float32")

    def build(self, input_shape=None):
        self.conv.build((None, 4, 4, self.channels + self.features))
        self.dense.build((None, 16 * self.channels))
        self.out.build((None, self.dense.units))
        for layer, width in zip(self.scale_shifts, (self.channels, self.dense.units), strict=False):
            layer.build((None, width))

    def call(self, x):
        x = tf.cast(x, tf.float32)
        if self.stddev is not None:
            x = self.stddev(x)
        x = scaled_lrelu(self.conv(x), self.clamp)
        if self.scale_shifts:
            x = self.scale_shifts[0](x)
        x = scaled_lrelu(self.dense(tf.reshape(x, [-1, 16 * self.channels])))
        if self.scale_shifts:
            x = self.scale_shifts[1](x)
        return self.out(x)


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Discriminator(keras.Model):
    """StyleGAN2's discriminator.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        channels: Channels at 4, 8, … ``resolution`` pixels.
        dense_channels: Size of the dense layer; None is the first of ``channels``.
        image_channels: Channels of the images.
        architecture: "resnet" has residual blocks, "skip" looks at the halved image in
            each resolution, "orig" neither.
        taps: Low-pass filter of the resampling.
        clamp: What activations are clamped to, in both directions; None clamps nothing.
        clamp_last_pixels: Whether those from the 4-pixel image are, too.
        mbstd_group: Images that the minibatch standard deviation is taken of; None is
            the whole batch.
        mbstd_features: Channels that it adds; 0 leaves it out.
        num_classes: Number of classes; 0 takes no labels.
        conditioning: "concat" has a score for each class (StyleGAN2), "embed" projects
            on a mapped class vector (StyleGAN2-ADA).
        label_mapping: Arguments of :class:`LabelMapping`.
        one_class: Takes no labels, and has the weights of one class.
        scale_shift: Adds a normalized :class:`ScaleShift` to every hidden layer.
    """

    def __init__(
        self,
        resolution: int,
        channels: Sequence[int],
        dense_channels: int | None = None,
        image_channels: int = 3,
        architecture: Architecture = "resnet",
        taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0),
        clamp: float | None = None,
        clamp_last_pixels: bool = True,
        mbstd_group: int | None = 4,
        mbstd_features: int = 1,
        num_classes: int = 0,
        conditioning: Conditioning = "embed",
        label_mapping: dict[str, Any] | None = None,
        one_class: bool = False,
        scale_shift: bool = False,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "resolution": resolution,
            "channels": list(channels),
            "dense_channels": dense_channels,
            "image_channels": image_channels,
            "architecture": architecture,
            "taps": list(taps),
            "clamp": clamp,
            "clamp_last_pixels": clamp_last_pixels,
            "mbstd_group": mbstd_group,
            "mbstd_features": mbstd_features,
            "num_classes": num_classes,
            "conditioning": conditioning,
            "label_mapping": label_mapping,
            "one_class": one_class,
            "scale_shift": scale_shift,
        }
        self.image_channels, self.taps = image_channels, tuple(taps)
        self.one_class, self.classes = one_class, num_classes
        widths = {4 * 2**i: c for i, c in enumerate(channels)}
        self.sees_all = architecture == "skip"
        seen = {r: c for r, c in widths.items() if self.sees_all or r == resolution}
        clamps = {r: clamp if r > 4 or clamp_last_pixels else None for r in seen}
        self.from_rgb = FromRGB(seen, clamps, name="FromRGB", dtype=self.dtype_policy)
        self.blocks = [
            StyleGAN2DiscriminatorBlock(
                r,
                c,
                widths[r // 2],
                architecture == "resnet",
                taps,
                clamp,
                scale_shift,
                dtype=self.dtype_policy,
            )
            for r, c in reversed(widths.items())
            if r > 4
        ]
        self.mapping, outputs = None, 1
        if num_classes and conditioning == "concat":
            outputs = num_classes
        elif num_classes:
            settings = {"dim": widths[4], "layers": 0, "lrmul": 0.1, **(label_mapping or {})}
            self.mapping = LabelMapping(num_classes, name="mapping", dtype="float32", **settings)
            outputs = self.mapping.dim
        self.head = StyleGAN2Head(
            widths[4],
            widths[4] if dense_channels is None else dense_channels,
            outputs,
            mbstd_group,
            mbstd_features,
            clamp,
            scale_shift,
        )

    def build(self, input_shape=None):
        self.from_rgb.build((None, None, None, self.image_channels))
        for layer in (*self.blocks, self.head):
            layer.build()
        if self.mapping is not None:
            self.mapping.build()

    def call(self, images, label=None, training=False):
        del training
        images = tf.convert_to_tensor(images)
        label = labels_of(label, images, self.classes, self.one_class)
        scores = self.head(self.activations(images)[-1])
        if label is None:
            return scores
        if self.mapping is None:
            return tf.gather(scores, label, axis=1, batch_dims=1)[:, None]
        product = tf.reduce_sum(scores * self.mapping(label), 1, keepdims=True)
        return product / math.sqrt(self.mapping.dim)

    def activations(self, images) -> list:
        """What each stage from the pixels to 4 px gives."""
        image = tf.convert_to_tensor(images)
        found = [self.from_rgb(image)]
        for block in self.blocks:
            x = block(found[-1])
            if self.sees_all:
                image = downsample2d(tf.cast(image, tf.float32), self.taps)
                seen = self.from_rgb(image)
                x = tf.cast(x, seen.dtype) + seen
            found.append(x)
        return found

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}


def _scale_shifts(names: Sequence[str], wanted: bool, dtype) -> list[ScaleShift]:
    return [
        ScaleShift(normalized=True, name=f"{name}_ScaleShift", dtype=dtype)
        for name in (names if wanted else ())
    ]
