"""The generator of SNGAN with projection discriminator; see :mod:`.gan`."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf

from ...layers import ClassBatchNorm, DoublingConv2D, upscale2d
from ...layers.row_layers import RowConv2D, RowDense
from ..errors import BackboneError
from ..extensions import Extensions, Point
from ..network import Network
from .config import SNGANConfig


def glorot(gain: float = 1.0):
    """Glorot's uniform initializer times the root of ``gain``."""
    return keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")


def _convolution(
    filters: int, size: int, gain: float, name: str, dtype, kind=RowConv2D
) -> keras.layers.Conv2D:
    return kind(
        filters, size, padding="same", kernel_initializer=glorot(gain), name=name, dtype=dtype
    )


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANFromLatent(keras.layers.Layer):
    """Latents ``[N, D]`` to the first map ``[N, 4, 4, width]``, then what extensions add.

    The units of the dense layer are rows, columns, channels, in this order.
    """

    def __init__(self, width: int, extensions: Extensions | Iterable = (), **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.extensions = Extensions.of(extensions)
        self.dense = RowDense(
            16 * width, kernel_initializer=glorot(), name="dense", dtype=self.dtype_policy
        )
        self.added = self.extensions.hidden(self, "{name}", self.name)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.added.build((None, 4, 4, self.width))

    def call(self, z):
        return self.added(tf.reshape(self.dense(z), [-1, 4, 4, self.width]))

    def get_config(self) -> dict:
        config = {"width": self.width, "extensions": self.extensions.to_json()}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANGeneratorBlock(keras.layers.Layer):
    """Residual block that doubles the map ``[N, R, R, C]`` to ``[N, 2R, 2R, filters]``.

    Normalisation, ReLU, doubling (nearest neighbour), 3 × 3 convolution, normalisation,
    ReLU, 3 × 3 convolution; beside it doubling and a 1 × 1 convolution.

    Args:
        filters: Channels of both convolutions.
        classes, single: See :class:`~tf_fewshot.layers.ClassBatchNorm`.
        extensions: What adds layers after both normalisations.
    """

    def __init__(
        self,
        filters: int,
        classes: int = 0,
        single: bool = False,
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.classes, self.single = filters, classes, single
        self.extensions = Extensions.of(extensions)
        dtype = self.dtype_policy
        self.norms = [
            ClassBatchNorm(classes, single, name=name, dtype=dtype) for name in ("b1", "b2")
        ]
        self.added = tuple(
            self.extensions.hidden(self, f"{norm.name}_{{name}}", f"{self.name}/{norm.name}")
            for norm in self.norms
        )
        self.c1 = _convolution(filters, 3, 2.0, "c1", dtype, DoublingConv2D)
        self.c2 = _convolution(filters, 3, 2.0, "c2", dtype)
        self.c_sc = _convolution(filters, 1, 1.0, "c_sc", dtype)

    def build(self, input_shape):
        inner = (*input_shape[:-1], self.filters)
        for convolution, shape in ((self.c1, input_shape), (self.c2, inner)):
            convolution.build(shape)
        self.c_sc.build(input_shape)
        for layers in (self.norms, self.added):
            for layer, shape in zip(layers, (input_shape, inner), strict=True):
                layer.build(shape)

    def call(self, x, label=None, training=False):
        h = self.c1(self._activated(0, x, label, training))
        h = self.c2(self._activated(1, h, label, training))
        # One pixel at a time: the same before doubling as after it, at a quarter of the cost.
        return h + upscale2d(self.c_sc(x))

    def _activated(self, i: int, x, label, training):
        return tf.nn.relu(self.added[i](self.norms[i](x, label, training=training)))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "classes": self.classes,
            "single": self.single,
            "extensions": self.extensions.to_json(),
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
class SNGANGenerator(Network):
    """Maps ``z`` ``[N, latent_dim]`` to float32 images ``[N, R, R, channels]`` in [-1, 1].

    With classes it also takes int labels ``[N]``. Extensions act on ``z``, which is the free
    latent, too, on the classes, and on the first layer and every normalisation but the last.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    kind = "generator"
    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN, Point.CLASSES})
    configuration = SNGANConfig

    def __init__(self, config: SNGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, **kwargs)
        self.latent_dim, widths = config.latent_dim, list(config.widths or ())
        self.latents = self.extensions.latents(self, self.latent_dim, self.latent_dim)
        dtype = self.dtype_policy
        self.from_latent = SNGANFromLatent(widths[0], self.extensions, name="l1", dtype=dtype)
        self.blocks = [
            SNGANGeneratorBlock(
                width,
                self.classes.count,
                self.classes.single,
                self.extensions,
                name=f"block{i + 2}",
                dtype=dtype,
            )
            for i, width in enumerate(widths[1:])
        ]
        self.to_image = SNGANToImage(config.channels, name=f"l{len(widths) + 1}")

    @property
    def chain(self) -> list:
        """The layers from latents to pixels, but those that extensions add to latents."""
        return [self.from_latent, *self.blocks, self.to_image]

    def build(self, input_shape=None):
        self.latents.build_free()
        self.latents.build_entering()
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
        classes = self.classes.count
        if classes and label is None:
            raise BackboneError(f"this SNGAN draws {classes} classes: give it labels")
        z = self.latents.enter(self.latents.carry(z, z))
        maps = [self.from_latent(tf.cast(z, self.compute_dtype))]
        for block in self.blocks:
            given = label if classes else None
            maps.append(self._part(block)(maps[-1], given, training=training))
        return [*maps, self.to_image(tf.cast(maps[-1], tf.float32), training=training)]
