"""The projection discriminator of SNGAN; see :mod:`.gan`."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from ...layers import (
    MinibatchStdDev,
    SelfAttention,
    SpectralConv2D,
    SpectralDense,
    SpectralEmbedding,
    downscale2d,
)
from ..errors import BackboneError
from ..extensions import Extensions, Point
from ..feedforward import FeedForwardDiscriminator
from ..parts import ClassTable
from .config import SNGANConfig
from .generator import glorot


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANDiscriminatorBlock(keras.layers.Layer):
    """Residual block of two 3 × 3 convolutions with spectral normalisation.

    ReLU, convolution, ReLU, convolution, and halving (mean of 2 × 2 pixels) if wanted,
    fused with the second convolution; beside it a 1 × 1 convolution wherever the shape
    changes. The first block of the network begins without the ReLU.

    Args:
        filters: Channels of the output.
        down: Whether the output is half as wide and high.
        first: Whether this is the first block. Its first convolution has ``filters``
            channels; that of the others as many as the input, unless it is wide.
        extensions: What adds layers after both 3 × 3 convolutions.
        normalised: Whether kernels are spectrally normalised.
        wide: Whether the first convolution has ``filters`` channels wherever it is.

    Input ``[N, R, R, C]``, output ``[N, R/2, R/2, filters]`` or ``[N, R, R, filters]``.
    """

    def __init__(
        self,
        filters: int,
        down: bool = True,
        first: bool = False,
        extensions: Extensions | Iterable = (),
        normalised: bool = True,
        wide: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.down, self.first = filters, down, first
        self.normalised, self.wide = normalised, wide
        self.extensions = Extensions.of(extensions)
        self.added = tuple(
            self.extensions.hidden(self, f"{name}_{{name}}", f"{self.name}/{name}")
            for name in ("c1", "c2")
        )
        self.c_sc: SpectralConv2D | None = None

    def build(self, input_shape):
        width = input_shape[-1]
        hidden = self.filters if self.first or self.wide else width
        dtype, inner = self.dtype_policy, (*input_shape[:-1], hidden)
        self.c1, self.c2 = (
            SpectralConv2D(
                filters,
                resample=resample,
                kernel_initializer=glorot(2.0),
                normalised=self.normalised,
                name=name,
                dtype=dtype,
            )
            for filters, resample, name in (
                (hidden, None, "c1"),
                (self.filters, "down" if self.down else None, "c2"),
            )
        )
        self.c1.build(input_shape)
        self.c2.build(inner)
        for added, filters in zip(self.added, (hidden, self.filters), strict=True):
            added.build((*input_shape[:-1], filters))
        if self.down or self.first or width != self.filters:
            shortcut = SpectralConv2D(
                self.filters,
                1,
                kernel_initializer=glorot(),
                normalised=self.normalised,
                name="c_sc",
                dtype=dtype,
            )
            shortcut.build(input_shape)
            self.c_sc = shortcut

    def call(self, x, training=False):
        h = x if self.first else tf.nn.relu(x)
        h = self.added[0](self.c1(h, training=training))
        h = self.added[1](self.c2(tf.nn.relu(h), training=training))
        if self.down:
            # The shortcut is linear in each pixel: halved before or after it, as is cheaper.
            x = downscale2d(x, 2)
        return h + (x if self.c_sc is None else self.c_sc(x, training=training))

    def get_config(self) -> dict:
        config = {"filters": self.filters, "down": self.down, "first": self.first}
        config |= {"normalised": self.normalised, "extensions": self.extensions.to_json()}
        return {**super().get_config(), **config, "wide": self.wide}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANToLogit(keras.layers.Layer):
    """ReLU, sum over pixels, and the logit ``w · h + v_label · h + b``, in float32.

    Source: "cGANs with Projection Discriminator", section 3. ``w`` and the table of ``v``
    have spectral norms of 1. The one class of a copy without classes is a plain vector:
    a table of one row would be a unit vector, whatever was learned.

    Args:
        classes: Rows of the table; 0 has none.
        single: With 0 classes, adds the one vector ``class_vector``, at first 0.
        normalised: False leaves out the spectral norms of 1.

    Input ``[N, H, W, C]`` and, with classes, int labels ``[N]``; output ``[N, 1]``.
    """

    def __init__(self, classes: int = 0, single: bool = False, normalised: bool = True, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.classes, self.single, self.normalised = classes, single, normalised
        self.linear = SpectralDense(
            1,
            kernel_initializer=glorot(),
            normalised=normalised,
            name="linear",
            dtype="float32",
        )
        self.projection: SpectralEmbedding | None = None

    def build(self, input_shape):
        width = input_shape[-1]
        self.linear.build((None, width))
        if self.classes:
            projection = SpectralEmbedding(
                self.classes,
                width,
                kernel_initializer=glorot(),
                normalised=self.normalised,
                name="projection",
                dtype="float32",
            )
            projection.build((None,))
            self.projection = projection
        if self.single:
            self.class_vector = self.add_weight(
                shape=(1, width), name="class_vector", initializer="zeros", autocast=False
            )

    def call(self, x, label=None, training=False):
        h = tf.reduce_sum(tf.nn.relu(x), [1, 2])
        logits = self.linear(h, training=training)
        if self.projection is not None:
            rows = self.projection(label, training=training)
            return logits + tf.reduce_sum(rows * h, -1, keepdims=True)
        if self.single:
            vector = tf.convert_to_tensor(self.class_vector)
            return logits + tf.reduce_sum(vector * h, -1, keepdims=True)
        return logits

    def get_config(self) -> dict:
        config = {"classes": self.classes, "single": self.single, "normalised": self.normalised}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANDiscriminator(FeedForwardDiscriminator):
    """Maps images ``[N, R, R, channels]`` in [-1, 1] to float32 logits ``[N, 1]``.

    With classes it also takes int labels ``[N]``. Extensions act on the classes and on every
    hidden layer.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    points = frozenset({Point.HIDDEN, Point.CLASSES})
    configuration = SNGANConfig

    def __init__(self, config: SNGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, **kwargs)
        widths = list(config.discriminator_widths or ())
        self.blocks = [
            SNGANDiscriminatorBlock(
                width,
                down=i < (config.halvings or 0),
                first=i == 0,
                extensions=self.extensions,
                normalised=config.discriminator_spectral_norm,
                wide=config.discriminator_wide,
                name=f"block{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        # The blocks, and what is done with the map of one of them.
        self.hidden: list = list(self.blocks)
        if config.discriminator_attention:
            attention = SelfAttention(
                1e-12, "outside", kernel_initializer=glorot(), name="attention",
                dtype=self.dtype_policy,
            )  # fmt: skip
            size = config.resolution // config.discriminator_attention
            self.hidden.insert(size.bit_length() - 1, attention)
        self.to_logit = SNGANToLogit(
            self.classes.count,
            self.classes.single,
            config.discriminator_spectral_norm,
            name=f"l{len(widths) + 1}",
        )
        self.spread: MinibatchStdDev | None = None
        if config.minibatch_group:
            features = _spread_channels(widths[-2])
            self.spread = MinibatchStdDev(
                config.minibatch_group, features, name="spread", dtype=self.dtype_policy
            )

    @property
    def chain(self) -> list:
        return [*self.hidden, self.to_logit]

    def build(self, input_shape=None):
        size, width = self.config.resolution, self.config.channels
        for block in self.hidden:
            if isinstance(block, SelfAttention):
                block.build((None, size, size, width))
                continue
            if block is self.blocks[-1] and self.spread is not None:
                width += self.spread.features
            block.build((None, size, size, width))
            size, width = size // 2 if block.down else size, block.filters
        self.to_logit.build((None, size, size, width))

    def activations(self, images, training=False) -> list:
        x, maps = tf.cast(images, self.compute_dtype), []
        for block in self.hidden:
            if self.spread is not None and block is self.blocks[-1]:
                x = self.spread(x)
            x = self._part(block)(x, training=training)
            maps.append(x)
        return maps

    def call(self, images, label=None, training=False):
        return self.logits(self.activations(images, training)[-1], label, training)

    def logits(self, features, label=None, training=False):
        """Logits ``[N, 1]`` of what the last stage but one gives, with labels if it has classes."""
        classes = self.classes.count
        if classes and label is None:
            raise BackboneError(f"this SNGAN judges {classes} classes: give it labels")
        x = tf.cast(features, tf.float32)
        return self.to_logit(x, label if classes else None, training=training)

    def class_table(self) -> ClassTable:
        """The table that classes are projected on; a row of 0 leaves what all classes share."""
        # As inference divides it: a row alone would not know the norm of its table.
        layer = self.to_logit
        assert layer.projection is not None
        projection = layer.projection.normalised_kernel().numpy().astype(np.float64)
        return ClassTable(f"{layer.path}/class_vector", projection, neutral=0.0)


def _spread_channels(width: int) -> int:
    """Returns how many channels tell the standard deviation of so many channels."""
    return max(1, width // 16)
