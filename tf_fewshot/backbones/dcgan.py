"""DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example: no dense
layer, 4 × 4 kernels throughout. The EWC paper's analysis (section 3) is of this network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ..layers import Miner, ScaleShift
from .base import GAN, BackboneError, ScaleShiftRole, Stage, build_networks, register

_BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def default_widths(resolution: int, base: int = 64, maximum: int = 512) -> list[int]:
    """Channels of the hidden layers at 4, 8, … ``resolution / 2`` pixels."""
    hidden = int(math.log2(resolution)) - 2
    return [min(base * 2 ** (hidden - 1 - i), maximum) for i in range(hidden)]


def _convolution(cls: type, filters: int, first_or_last: bool, dtype):
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
        self.conv = _convolution(keras.layers.Conv2DTranspose, filters, first, dtype)
        self.norm = keras.layers.BatchNormalization(**_BATCH_NORM, name="norm", dtype=dtype)
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
        self.conv = _convolution(keras.layers.Conv2DTranspose, channels, False, "float32")

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
    """

    def __init__(
        self,
        resolution: int,
        latent_dim: int,
        widths: Sequence[int],
        channels: int = 3,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
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
        }
        self.latent_dim = latent_dim
        self.miner = Miner(miner, name="miner") if miner else None
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

    def build(self, input_shape=None):
        if self.miner is not None:
            self.miner.build((None, self.latent_dim))
        size, width = 1, self.latent_dim
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = 4 if size == 1 else 2 * size, block.filters
        self.to_image.build((None, size, size, width))

    def call(self, z, label=None, training=False):
        del label
        return self.activations(z, training)[-1]

    def activations(self, z, training=False) -> list:
        """What each layer gives, the last of them the images."""
        z = z if self.miner is None else self.miner(z)
        found = [tf.cast(z, self.compute_dtype)[:, None, None, :]]
        for block in self.blocks:
            found.append(block(found[-1], training=training))
        return [*found[1:], self.to_image(tf.cast(found[-1], tf.float32))]

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANDiscriminatorBlock(keras.layers.Layer):
    """Convolution that halves the image, batch normalisation but for the first, leaky ReLU.

    A normalized :class:`ScaleShift`, if asked for, stands before the leaky ReLU.
    """

    def __init__(self, filters: int, norm: bool, scale_shift: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        dtype = self.dtype_policy
        self.conv = _convolution(keras.layers.Conv2D, filters, False, dtype)
        self.norm = (
            keras.layers.BatchNormalization(**_BATCH_NORM, name="norm", dtype=dtype)
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
        self.conv = _convolution(keras.layers.Conv2D, 1, True, "float32")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return tf.reshape(self.conv(x), [-1, 1])


@keras.saving.register_keras_serializable("tf_fewshot")
class DCGANDiscriminator(keras.Model):
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

    def activations(self, images, training=False) -> list:
        """What each layer but the last gives."""
        found = [tf.cast(images, self.compute_dtype)]
        for block in self.blocks:
            found.append(block(found[-1], training=training))
        return found[1:]

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}


@register("dcgan")
class DCGAN(GAN):
    """DCGAN with its mirrored discriminator.

    Batch normalisation (epsilon 1e-5, momentum 0.9) uses the statistics of the batch
    with ``training=True`` and the moving ones otherwise. All kernels are drawn from
    N(0, 0.02²).

    Args:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the generator's hidden layers at 4, 8, … ``resolution / 2``
            pixels; None doubles from 64 at the last to at most 512.
        discriminator_widths: The same for the discriminator, from the largest to 4
            pixels; None mirrors ``widths``.
        channels: Channels of the images.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` between batch
            normalisation and ReLU of every hidden layer of the generator but the last.
        miner: See :class:`DCGANGenerator`.
        discriminator_scale_shift: See :class:`DCGANDiscriminator`.
        dtype: Keras dtype policy, such as "mixed_bfloat16". Images and logits are
            float32 under every policy.

    Raises:
        BackboneError: if the resolution or the number of widths does not fit.
    """

    def __init__(
        self,
        resolution: int = 64,
        latent_dim: int = 100,
        widths: Sequence[int] | None = None,
        discriminator_widths: Sequence[int] | None = None,
        channels: int = 3,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        if resolution < 16 or resolution & (resolution - 1):
            raise BackboneError(f"resolution must be a power of two from 16, not {resolution}")
        widths = default_widths(resolution) if widths is None else list(widths)
        mirrored = widths[::-1] if discriminator_widths is None else list(discriminator_widths)
        hidden = int(math.log2(resolution)) - 2
        for name, value in (("widths", widths), ("discriminator_widths", mirrored)):
            if len(value) != hidden:
                raise BackboneError(
                    f"{resolution} px need {hidden} entries in {name} "
                    f"(for 4, 8, … {resolution // 2} px), not {len(value)}"
                )
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            widths=widths,
            discriminator_widths=mirrored,
            channels=channels,
            scale_shift=scale_shift,
            miner=list(miner),
            discriminator_scale_shift=discriminator_scale_shift,
            dtype=dtype,
        )
        self.generator: Any = DCGANGenerator(
            resolution, latent_dim, widths, channels, scale_shift, miner, dtype=dtype
        )
        self.discriminator: Any = DCGANDiscriminator(
            resolution, mirrored, channels, discriminator_scale_shift, dtype=dtype
        )
        build_networks((self.generator, (latent_dim,)), (self.discriminator, self.image_shape))

    @property
    def latent_dim(self) -> int:
        return self.config["latent_dim"]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config["resolution"], self.config["resolution"], self.config["channels"])

    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        """The full inference path; see :meth:`GAN.generate`.

        DCGAN truncates its latents (:meth:`GAN.truncate_latents`), not in the network, and
        has no noise: both arguments are ignored.
        """
        del truncation, noise
        return self.generator(z, label)

    def generator_features(self, z, label=None) -> list:
        del label
        return self.generator.activations(z)

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label
        return self.discriminator.activations(images, training)

    def generator_stages(self) -> list[Stage]:
        g = self.generator
        stages = [Stage(layer.name, tuple(layer.weights)) for layer in (*g.blocks, g.to_image)]
        if g.miner is not None:
            stages.insert(0, Stage("miner", tuple(g.miner.weights)))
        return stages

    def output_axis(self, kernel) -> int:
        return -2 if kernel.path.startswith("generator/layer") else -1

    def synthesis_stages(self) -> list[Stage]:
        return [stage for stage in self.generator_stages() if stage.name != "miner"]

    def discriminator_stages(self) -> list[Stage]:
        d = self.discriminator
        if d is None:
            return []
        return [Stage(layer.name, tuple(layer.weights)) for layer in (*d.blocks, d.to_logit)]

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        if not self.config["scale_shift"]:
            raise BackboneError("this DCGAN has no scale and shift: use with_scale_shift()")
        return [
            ScaleShiftRole(block.name, (block.scale_shift.gamma,), (block.scale_shift.beta,))
            for block in self.generator.blocks
            if block.scale_shift is not None
        ]

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        if not self.config["discriminator_scale_shift"]:
            raise BackboneError("use with_discriminator_scale_shift() first")
        return [
            ScaleShiftRole(block.name, (block.scale_shift.gamma,), (block.scale_shift.beta,))
            for block in self.discriminator.blocks
        ]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Gamma and beta of batch normalisation."""
        return [
            ScaleShiftRole(block.name, (block.norm.gamma,), (block.norm.beta,))
            for block in self.generator.blocks
        ]
