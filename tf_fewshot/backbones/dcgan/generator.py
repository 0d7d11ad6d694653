"""The generator of DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import LatentGaussian, Miner, ScaleShift

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
    """Transposed convolution, batch normalisation, scale and shift, ReLU.

    Args:
        filters: Channels of the output.
        first: Whether the input is 1 × 1 and the output 4 × 4; otherwise the size doubles.
        scale_shift: Adds :class:`ScaleShift` after the batch normalisation.
    """

    def __init__(self, filters: int, first: bool = False, scale_shift: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.first = filters, first
        dtype = self.dtype_policy
        self.conv = convolution(keras.layers.Conv2DTranspose, filters, first, dtype)
        self.norm = keras.layers.BatchNormalization(**BATCH_NORM, name="norm", dtype=dtype)
        self.scale_shift = ScaleShift(name="scale_shift", dtype=dtype) if scale_shift else None

    def build(self, input_shape):
        self.conv.build(input_shape)
        shape = (None, None, None, self.filters)
        self.norm.build(shape)
        if self.scale_shift:
            self.scale_shift.build(shape)

    def call(self, x, training=False):
        x = self.norm(self.conv(x), training=training)
        return tf.nn.relu(self.scale_shift(x) if self.scale_shift else x)

    def get_config(self) -> dict:
        config = {"filters": self.filters, "first": self.first}
        return {**super().get_config(), **config, "scale_shift": self.scale_shift is not None}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANToImage(keras.layers.Layer):
    """The last transposed convolution and tanh, in float32."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels = channels
        self.conv = convolution(keras.layers.Conv2DTranspose, channels, False, "float32")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return tf.tanh(self.conv(x))

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANGenerator(keras.Model):
    """Maps ``z`` ``[N, latent_dim]`` to float32 images ``[N, R, R, channels]`` in [-1, 1].

    Args:
        resolution: Width and height ``R`` of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the hidden layers at 4, 8, … ``R / 2`` pixels.
        channels: Channels of the images.
        scale_shift: Adds :class:`ScaleShift` to every hidden layer but the last.
        miner: Widths of the hidden layers of a :class:`Miner` of ``z``; none leaves it out.
        latent_gaussian: Axes of a :class:`LatentGaussian` of ``z``; 0 leaves it out.
    """

    def __init__(
        self,
        resolution: int,
        latent_dim: int,
        widths: Sequence[int],
        channels: int = 3,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        name: str = "generator",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self._config = {
            "resolution": resolution,
            "latent_dim": latent_dim,
            "widths": list(widths),
            "channels": channels,
            "scale_shift": scale_shift,
            "miner": list(miner),
            "latent_gaussian": latent_gaussian,
        }
        self.latent_dim = latent_dim
        self.miner = Miner(miner, name="miner") if miner else None
        self.latent_gaussian = (
            LatentGaussian(latent_gaussian, latent_dim, name="latent_gaussian")
            if latent_gaussian
            else None
        )
        self.blocks = [
            DCGANGeneratorBlock(
                width,
                first=i == 0,
                scale_shift=scale_shift and i < len(widths) - 1,
                name=f"layer{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        self.to_image = DCGANToImage(channels, name=f"layer{len(widths) + 1}")

    @property
    def chain(self) -> list:
        """The layers from latents to pixels, but the miner."""
        return [*self.blocks, self.to_image]

    def build(self, input_shape=None):
        for layer in (self.latent_gaussian, self.miner):
            if layer is not None:
                layer.build((None, self.latent_dim))
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
        if self.latent_gaussian is not None:
            z = self.latent_gaussian(z, z)
        if self.miner is not None:
            z = self.miner(z)
        found = [tf.cast(z, self.compute_dtype)[:, None, None, :]]
        for block in self.blocks:
            found.append(block(found[-1], training=training))
        return [*found[1:], self.to_image(tf.cast(found[-1], tf.float32))]

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
