"""The discriminator of DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import ScaleShift
from ..feedforward import FeedForwardDiscriminator
from .generator import BATCH_NORM, convolution


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANDiscriminatorBlock(keras.layers.Layer):
    """Convolution that halves the image, batch normalisation but for the first, leaky ReLU.

    A normalized :class:`ScaleShift`, if asked for, stands before the leaky ReLU.
    """

    def __init__(self, filters: int, norm: bool, scale_shift: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        dtype = self.dtype_policy
        self.conv = convolution(keras.layers.Conv2D, filters, False, dtype)
        self.norm = (
            keras.layers.BatchNormalization(**BATCH_NORM, name="norm", dtype=dtype)
            if norm
            else None
        )
        self.scale_shift = (
            ScaleShift(normalized=True, name="scale_shift", dtype=dtype) if scale_shift else None
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        for layer in (self.norm, self.scale_shift):
            if layer:
                layer.build((None, None, None, self.filters))

    def call(self, x, training=False):
        x = self.conv(x)
        if self.norm:
            x = self.norm(x, training=training)
        if self.scale_shift:
            x = self.scale_shift(x)
        return tf.nn.leaky_relu(x, 0.2)

    def get_config(self) -> dict:
        config = {"filters": self.filters, "norm": self.norm is not None}
        config["scale_shift"] = self.scale_shift is not None
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANToLogit(keras.layers.Layer):
    """The last 4 × 4 convolution to one logit, in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.conv = convolution(keras.layers.Conv2D, 1, True, "float32")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return tf.reshape(self.conv(x), [-1, 1])


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANDiscriminator(FeedForwardDiscriminator):
    """Maps images ``[N, R, R, channels]`` in [-1, 1] to float32 logits ``[N, 1]``.

    Args:
        resolution: Width and height ``R`` of the images, a power of two from 16.
        widths: Channels of the hidden layers at ``R / 2``, … 8, 4 pixels.
        channels: Channels of the images.
        scale_shift: Adds a normalized :class:`ScaleShift` to every hidden layer.
    """

    def __init__(
        self,
        resolution: int,
        widths: Sequence[int],
        channels: int = 3,
        scale_shift: bool = False,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self._config = {
            "resolution": resolution,
            "widths": list(widths),
            "channels": channels,
            "scale_shift": scale_shift,
        }
        self.resolution, self.channels = resolution, channels
        self.blocks = [
            DCGANDiscriminatorBlock(
                width,
                norm=i > 0,
                scale_shift=scale_shift,
                name=f"layer{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        self.to_logit = DCGANToLogit(name=f"layer{len(widths) + 1}")

    def build(self, input_shape=None):
        size, width = self.resolution, self.channels
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = size // 2, block.filters
        self.to_logit.build((None, size, size, width))

    def call(self, images, label=None, training=False):
        del label
        x = self.activations(images, training)[-1]
        return self.to_logit(tf.cast(x, tf.float32))
