"""The discriminator of StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from ...layers import Blur, EqualizedConv2D, EqualizedDense, MinibatchStdDev, downscale2d
from ..extensions import Extensions, Point
from ..network import Network
from ..parts import Stage
from ..style_based.labels import labels_of
from .config import DiscriminatorConfig, StyleGANConfig
from .layers import Fields, fuses, lrelu


def _added(owner, extensions: Extensions | Iterable, layers: tuple[str, str]) -> tuple:
    """What extensions add after the two hidden layers of a block or the head."""
    extensions = Extensions.of(extensions)
    return tuple(
        extensions.hidden(owner, f"{{camel}}{i}", f"{owner.name}/{layer}")
        for i, layer in enumerate(layers)
    )


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorBlock(keras.layers.Layer):
    """The two convolutions of one resolution; the second halves the image.

    Args:
        resolution, channels: Of the input.
        out_channels: Channels of the output.
        fused: Whether halving and convolution are one; "auto" from 128 px.
        blur: Low-pass filter of the halving; one number is none.
        extensions: What adds layers after both activations.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        out_channels: int,
        fused: bool | str,
        blur: Sequence[float],
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels = resolution, channels
        self.conv0 = EqualizedConv2D(channels, name="Conv0", dtype=self.dtype_policy)
        self.blur = Blur(blur, name="Blur", dtype=self.dtype_policy) if len(blur) > 1 else None
        self.conv1 = EqualizedConv2D(
            out_channels,
            resample="down",
            fused=fuses(fused, resolution),
            name="Conv1_down",
            dtype=self.dtype_policy,
        )
        self.added = _added(self, extensions, ("Conv0", "Conv1_down"))

    def build(self, input_shape):
        self.conv0.build(input_shape)
        self.conv1.build((None, self.resolution, self.resolution, self.channels))
        for added, conv in zip(self.added, (self.conv0, self.conv1), strict=True):
            added.build((None, None, None, conv.filters))

    def call(self, x):
        x = self.added[0](lrelu(self.conv0(x)))
        x = x if self.blur is None else self.blur(x)
        return self.added[1](lrelu(self.conv1(x)))


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorHead(keras.layers.Layer):
    """The last, 4 × 4 resolution: minibatch standard deviation to logit, in float32.

    Args:
        channels: Of the input and of the convolution.
        config: Fields of :class:`DiscriminatorConfig`.
        outputs: How many scores.
        extensions: What adds layers after both activations.
    """

    def __init__(
        self,
        channels: int,
        config: Fields,
        outputs: int = 1,
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        kwargs.setdefault("name", "4x4")
        super().__init__(**kwargs)
        form = DiscriminatorConfig(**config)
        self.spread = form.mbstd_features if form.mbstd_group > 1 else 0
        self.stddev = MinibatchStdDev(
            form.mbstd_group, form.mbstd_features, name="MinibatchStdDev", dtype="float32"
        )
        dense = channels if form.dense_channels is None else form.dense_channels
        self.conv = EqualizedConv2D(channels, name="Conv", dtype="float32")
        self.dense0 = EqualizedDense(dense, name="Dense0", dtype="float32")
        self.dense1 = EqualizedDense(outputs, gain=1.0, name="Dense1", dtype="float32")
        self.added = _added(self, extensions, ("Conv", "Dense0"))

    def build(self, input_shape):
        channels = input_shape[-1]
        self.conv.build((None, 4, 4, channels + self.spread))
        self.dense0.build((None, 16 * self.conv.filters))
        self.dense1.build((None, self.dense0.units))
        for added, width in zip(self.added, (self.conv.filters, self.dense0.units), strict=True):
            added.build((None, width))

    def call(self, x):
        x = tf.cast(x, tf.float32)
        if self.spread:
            x = self.stddev(x)
        x = self.added[0](lrelu(self.conv(x)))
        x = lrelu(self.dense0(tf.reshape(x, [-1, 16 * self.conv.filters])))
        return self.dense1(self.added[1](x))


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANDiscriminator(Network):
    """StyleGAN's discriminator, with a score for each class if there are any.

    Extensions act on its classes and every hidden layer.
    """

    kind = "discriminator"
    points = frozenset({Point.HIDDEN, Point.CLASSES})
    configuration = StyleGANConfig

    def __init__(self, config: StyleGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        self.resolution, self.fading = config.resolution, config.fading
        widths = config.judges[::-1]
        resolutions = [4 * 2**i for i in range(len(widths))][::-1]
        seen = resolutions[:2] if config.fading else resolutions[:1]
        dtype = self.dtype_policy
        self.from_rgb = {
            str(r): EqualizedConv2D(c, 1, name=f"FromRGB_{r}x{r}", dtype=dtype)
            for r, c in zip(seen, widths, strict=False)
        }
        self.blocks = [
            DiscriminatorBlock(
                r,
                widths[i],
                widths[i + 1],
                config.fused,
                config.blur,
                self.extensions,
                dtype=dtype,
            )
            for i, r in enumerate(resolutions[:-1])
        ]
        self.head = DiscriminatorHead(
            widths[-1],
            dataclasses.asdict(config.discriminator),
            max(self.classes.rows, 1),
            self.extensions,
            dtype="float32",
        )
        self._widths = widths

    def build(self, input_shape=None):
        for r, layer in self.from_rgb.items():
            layer.build((None, int(r), int(r), self.config.image_channels))
        for i, block in enumerate(self.blocks):
            block.build((None, block.resolution, block.resolution, self._widths[i]))
        self.head.build((None, 4, 4, self._widths[-1]))
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )

    def call(self, images, label=None, training=False):
        return self.logits(self.activations(images)[-1], label, training)

    def logits(self, features, label=None, training=False):
        """Logits ``[N, 1]`` of what the last stage but one gives, with labels if it has classes."""
        del training
        label, scores = labels_of(label, features, self.classes), self.head(features)
        if label is None:
            return scores
        return tf.gather(scores, label, axis=1, batch_dims=1)[:, None]

    def activations(self, images) -> list:
        """What each stage but the last gives."""
        images = tf.convert_to_tensor(images)
        seen = self._part(self._seen, *self.from_rgb.values())
        maps = [seen(images)]
        for i, block in enumerate(self.blocks):
            x = self._part(block)(maps[-1])
            if i == 0 and self.fading:
                small = seen(downscale2d(images))
                x += (small - x) * tf.cast(self.lod, x.dtype)
            maps.append(x)
        return maps

    def stages(self) -> list[Stage]:
        """The parts from pixels to logit; every variable in exactly one."""
        first = [v for layer in self.from_rgb.values() for v in layer.weights]
        stages = [Stage("FromRGB", (*first, *([self.lod] if self.fading else [])))]
        stages += [Stage(block.name, tuple(block.weights)) for block in self.blocks]
        return [*stages, Stage("4x4", tuple(self.head.weights))]

    def _seen(self, images):
        return lrelu(self.from_rgb[str(images.shape[1])](tf.cast(images, self.compute_dtype)))
