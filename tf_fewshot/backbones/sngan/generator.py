"""The generator of SNGAN with projection discriminator; see :mod:`.gan`."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import ClassBatchNorm, LatentGaussian, Miner, ScaleShift, upscale2d
from ..errors import BackboneError


def glorot(gain: float = 1.0):
    """Glorot's uniform initializer times the root of ``gain``."""
    return keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")


def _convolution(filters: int, size: int, gain: float, name: str, dtype):
    return keras.layers.Conv2D(
        filters, size, padding="same", kernel_initializer=glorot(gain), name=name, dtype=dtype
    )


def _maybe_scale_shift(wanted: bool, name: str, dtype) -> ScaleShift | None:
    return ScaleShift(name=name, dtype=dtype) if wanted else None


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANFromLatent(keras.layers.Layer):
    """Latents ``[N, D]`` to the first map ``[N, 4, 4, width]``, then scale and shift.

    The units of the dense layer are rows, columns, channels, in this order.
    """

    def __init__(self, width: int, scale_shift: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = keras.layers.Dense(
            16 * width, kernel_initializer=glorot(), name="dense", dtype=self.dtype_policy
        )
        self.scale_shift = _maybe_scale_shift(scale_shift, "scale_shift", self.dtype_policy)

    def build(self, input_shape):
        self.dense.build(input_shape)
        if self.scale_shift:
            self.scale_shift.build((None, 4, 4, self.width))

    def call(self, z):
        x = tf.reshape(self.dense(z), [-1, 4, 4, self.width])
        return self.scale_shift(x) if self.scale_shift else x

    def get_config(self) -> dict:
        config = {"width": self.width, "scale_shift": self.scale_shift is not None}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANGeneratorBlock(keras.layers.Layer):
    """Residual block that doubles the map ``[N, R, R, C]`` to ``[N, 2R, 2R, filters]``.

    Normalisation, ReLU, doubling (nearest neighbour), 3 × 3 convolution, normalisation,
    ReLU, 3 × 3 convolution; beside it doubling and a 1 × 1 convolution.

    Args:
        filters: Channels of both convolutions.
        classes, one_class: See :class:`~tf_fewshot.layers.ClassBatchNorm`.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` after both normalisations.
    """

    def __init__(
        self,
        filters: int,
        classes: int = 0,
        one_class: bool = False,
        scale_shift: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.classes, self.one_class = filters, classes, one_class
        dtype = self.dtype_policy
        self.norms = [
            ClassBatchNorm(classes, one_class, name=name, dtype=dtype) for name in ("b1", "b2")
        ]
        self.scale_shifts = [
            ScaleShift(name=name, dtype=dtype) for name in ("b1_scale_shift", "b2_scale_shift")
        ]
        if not scale_shift:
            self.scale_shifts = []
        self.c1 = _convolution(filters, 3, 2.0, "c1", dtype)
        self.c2 = _convolution(filters, 3, 2.0, "c2", dtype)
        self.c_sc = _convolution(filters, 1, 1.0, "c_sc", dtype)

    def build(self, input_shape):
        inner = (*input_shape[:-1], self.filters)
        for convolution, shape in ((self.c1, input_shape), (self.c2, inner)):
            convolution.build(shape)
        self.c_sc.build(input_shape)
        for layers in (self.norms, self.scale_shifts):
            for layer, shape in zip(layers, (input_shape, inner), strict=False):
                layer.build(shape)

    def call(self, x, label=None, training=False):
        h = self.c1(upscale2d(self._activated(0, x, label, training)))
        h = self.c2(self._activated(1, h, label, training))
        # One pixel at a time: the same before doubling as after it, at a quarter of the cost.
        return h + upscale2d(self.c_sc(x))

    def _activated(self, i: int, x, label, training):
        x = self.norms[i](x, label, training=training)
        return tf.nn.relu(self.scale_shifts[i](x) if self.scale_shifts else x)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "classes": self.classes,
            "one_class": self.one_class,
            "scale_shift": bool(self.scale_shifts),
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANToImage(keras.layers.Layer):
    """The last normalisation, the same for all classes; ReLU, convolution, tanh; in float32."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels = channels
        self.norm = ClassBatchNorm(name="norm", dtype="float32")
        self.conv = _convolution(channels, 3, 1.0, "conv", "float32")

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.conv.build(input_shape)

    def call(self, x, training=False):
        return tf.tanh(self.conv(tf.nn.relu(self.norm(x, training=training))))

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANGenerator(keras.Model):
    """Maps ``z`` ``[N, latent_dim]`` to float32 images ``[N, R, R, channels]`` in [-1, 1].

    With ``num_classes`` it also takes int labels ``[N]``.

    Args:
        latent_dim: Size of ``z``.
        widths: Channels at 4, 8, … ``R`` pixels.
        channels: Channels of the images.
        num_classes, one_class: See :class:`~tf_fewshot.layers.ClassBatchNorm`.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` to the first layer and to
            every normalisation but the last.
        miner: Widths of the hidden layers of a :class:`~tf_fewshot.layers.Miner` of ``z``;
            none leaves it out.
        latent_gaussian: Axes of a :class:`~tf_fewshot.layers.LatentGaussian` of ``z``; 0
            leaves it out.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    def __init__(
        self,
        latent_dim: int,
        widths: Sequence[int],
        channels: int = 3,
        num_classes: int = 0,
        one_class: bool = False,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        name: str = "generator",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self._config = {
            "latent_dim": latent_dim,
            "widths": list(widths),
            "channels": channels,
            "num_classes": num_classes,
            "one_class": one_class,
            "scale_shift": scale_shift,
            "miner": list(miner),
            "latent_gaussian": latent_gaussian,
        }
        self.miner = Miner(miner, name="miner") if miner else None
        self.latent_gaussian = (
            LatentGaussian(latent_gaussian, latent_dim, name="latent_gaussian")
            if latent_gaussian
            else None
        )
        self.latent_dim, self.num_classes = latent_dim, num_classes
        dtype = self.dtype_policy
        self.from_latent = SNGANFromLatent(widths[0], scale_shift, name="l1", dtype=dtype)
        self.blocks = [
            SNGANGeneratorBlock(
                width, num_classes, one_class, scale_shift, name=f"block{i + 2}", dtype=dtype
            )
            for i, width in enumerate(widths[1:])
        ]
        self.to_image = SNGANToImage(channels, name=f"l{len(widths) + 1}")

    @property
    def chain(self) -> list:
        """The layers from latents to pixels, but the miner."""
        return [self.from_latent, *self.blocks, self.to_image]

    def build(self, input_shape=None):
        for layer in (self.latent_gaussian, self.miner):
            if layer is not None:
                layer.build((None, self.latent_dim))
        self.from_latent.build((None, self.latent_dim))
        size, width = 4, self.from_latent.width
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = 2 * size, block.filters
        self.to_image.build((None, size, size, width))

    def call(self, z, label=None, training=False):
        return self.activations(z, label, training)[-1]

    def activations(self, z, label=None, training=False) -> list:
        """What each stage gives, the last of them the images."""
        if self.num_classes and label is None:
            raise BackboneError(f"this SNGAN draws {self.num_classes} classes: give it labels")
        if self.latent_gaussian is not None:
            z = self.latent_gaussian(z, z)
        if self.miner is not None:
            z = self.miner(z)
        found = [self.from_latent(tf.cast(z, self.compute_dtype))]
        for block in self.blocks:
            found.append(block(found[-1], label if self.num_classes else None, training=training))
        return [*found, self.to_image(tf.cast(found[-1], tf.float32), training=training)]

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
