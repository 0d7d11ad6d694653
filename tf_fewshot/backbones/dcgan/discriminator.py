"""The discriminator of DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf

from ...layers import WholeBatchNormalization
from ..extensions import Extensions
from ..feedforward import FeedForwardDiscriminator
from .config import DCGANConfig
from .generator import BATCH_NORM, convolution


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANDiscriminatorBlock(keras.layers.Layer):
    """Convolution that halves the image, batch normalisation but for the first, leaky ReLU.

    Args:
        filters: Channels of the output.
        norm: Whether there is batch normalisation.
        extensions: What adds layers before the leaky ReLU.
    """

    def __init__(self, filters: int, norm: bool, extensions: Extensions | Iterable = (), **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.extensions = Extensions.of(extensions)
        dtype = self.dtype_policy
        self.conv = convolution(keras.layers.Conv2D, filters, False, dtype)
        self.norm = (
            WholeBatchNormalization(**BATCH_NORM, name="norm", dtype=dtype) if norm else None
        )
        self.added = self.extensions.hidden(self, "{name}", self.name)

    def build(self, input_shape):
        self.conv.build(input_shape)
        shape = (None, None, None, self.filters)
        if self.norm:
            self.norm.build(shape)
        self.added.build(shape)

    def call(self, x, training=False):
        x = self.conv(x)
        if self.norm:
            x = self.norm(x, training=training)
        return tf.nn.leaky_relu(self.added(x), 0.2)

    def get_config(self) -> dict:
        config = {"filters": self.filters, "norm": self.norm is not None}
        return {**super().get_config(), **config, "extensions": self.extensions.to_json()}


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

    Extensions act on every hidden layer.
    """

    configuration = DCGANConfig

    def __init__(self, config: DCGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, **kwargs)
        widths = list(config.discriminator_widths or ())
        self.blocks = [
            DCGANDiscriminatorBlock(
                width,
                norm=i > 0,
                extensions=self.extensions,
                name=f"layer{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        self.to_logit = DCGANToLogit(name=f"layer{len(widths) + 1}")

    def build(self, input_shape=None):
        size, width = self.config.resolution, self.config.channels
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = size // 2, block.filters
        self.to_logit.build((None, size, size, width))

    def call(self, images, label=None, training=False):
        return self.logits(self.activations(images, training)[-1], label, training)

    def logits(self, features, label=None, training=False):
        """Logits ``[N, 1]`` of what the last stage but one gives."""
        del label, training
        return self.to_logit(tf.cast(features, tf.float32))
