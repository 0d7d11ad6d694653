"""The generator of DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf

from ...layers.row_layers import RowBatchNormalization, RowConv2DTranspose
from ..extensions import Extensions, Point
from ..network import Network
from .config import DCGANConfig

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def convolution(cls: type, filters: int, first_or_last: bool, dtype):
    """A 4 × 4 convolution of class ``cls``: by stride 2, or between 1 × 1 and 4 × 4."""
    return cls(
        filters,
        4,
        strides=1 if first_or_last else 2,
        padding="valid" if first_or_last else "same",
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name="conv",
        dtype=dtype,
    )


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANGeneratorBlock(keras.layers.Layer):
    """Transposed convolution, batch normalisation, what extensions add, ReLU.

    Args:
        filters: Channels of the output.
        first: Whether the input is 1 × 1 and the output 4 × 4; otherwise the size doubles.
        extensions: What adds layers before the ReLU.
    """

    def __init__(
        self,
        filters: int,
        first: bool = False,
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.first = filters, first
        self.extensions = Extensions.of(extensions)
        dtype = self.dtype_policy
        self.conv = convolution(RowConv2DTranspose, filters, first, dtype)
        self.norm = RowBatchNormalization(**BATCH_NORM, name="norm", dtype=dtype)
        self.added = self.extensions.hidden(self, "{name}", self.name)

    def build(self, input_shape):
        self.conv.build(input_shape)
        shape = (None, None, None, self.filters)
        self.norm.build(shape)
        self.added.build(shape)

    def call(self, x, training=False):
        return tf.nn.relu(self.added(self.norm(self.conv(x), training=training)))

    def get_config(self) -> dict:
        config = {"filters": self.filters, "first": self.first}
        return {**super().get_config(), **config, "extensions": self.extensions.to_json()}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANToImage(keras.layers.Layer):
    """The last transposed convolution and tanh, in float32."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels = channels
        self.conv = convolution(RowConv2DTranspose, channels, False, "float32")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return tf.tanh(self.conv(x))

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANGenerator(Network):
    """Maps ``z`` ``[N, latent_dim]`` to float32 images ``[N, R, R, channels]`` in [-1, 1].

    Extensions act on ``z``, which is the free latent, too, and on every hidden layer but the
    last.
    """

    kind = "generator"
    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN})
    configuration = DCGANConfig

    def __init__(self, config: DCGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, **kwargs)
        self.latent_dim, widths = config.latent_dim, list(config.widths or ())
        self.latents = self.extensions.latents(self, self.latent_dim, self.latent_dim)
        self.blocks = [
            DCGANGeneratorBlock(
                width,
                first=i == 0,
                extensions=self.extensions if i < len(widths) - 1 else (),
                name=f"layer{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        self.to_image = DCGANToImage(config.channels, name=f"layer{len(widths) + 1}")

    @property
    def chain(self) -> list:
        """The layers from latents to pixels, but those that extensions add to latents."""
        return [*self.blocks, self.to_image]

    def build(self, input_shape=None):
        self.latents.build_free()
        self.latents.build_entering()
        size, width = 1, self.latent_dim
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = 4 if size == 1 else 2 * size, block.filters
        self.to_image.build((None, size, size, width))

    def call(self, z, label=None, training=False):
        return self.activations(z, label, training)[-1]

    def activations(self, z, label=None, training=False) -> list:
        """What each layer gives, the last of them the images; labels are ignored."""
        del label
        z = self.latents.enter(self.latents.carry(z, z))
        maps = [tf.cast(z, self.compute_dtype)[:, None, None, :]]
        for block in self.blocks:
            maps.append(self._part(block)(maps[-1], training=training))
        return [*maps[1:], self.to_image(tf.cast(maps[-1], tf.float32))]
