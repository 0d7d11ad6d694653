"""The projection discriminator of SNGAN; see :mod:`.gan`."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import ScaleShift, SpectralConv2D, SpectralDense, SpectralEmbedding, downscale2d
from ..errors import BackboneError
from ..feedforward import FeedForwardDiscriminator
from .generator import glorot


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANDiscriminatorBlock(keras.layers.Layer):
    """Residual block of two 3 × 3 convolutions with spectral normalisation.

    ReLU, convolution, ReLU, convolution, and halving (mean of 2 × 2 pixels) if wanted;
    beside it a 1 × 1 convolution wherever the shape changes. The first block of the
    network begins without the ReLU.

    Args:
        filters: Channels of the output.
        down: Whether the output is half as wide and high.
        first: Whether this is the first block. Its first convolution has ``filters``
            channels; that of the others as many as the input.
        scale_shift: Adds a normalized :class:`~tf_fewshot.layers.ScaleShift` after both
            3 × 3 convolutions.

    Input ``[N, R, R, C]``, output ``[N, R/2, R/2, filters]`` or ``[N, R, R, filters]``.
    """

    def __init__(
        self,
        filters: int,
        down: bool = True,
        first: bool = False,
        scale_shift: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.down, self.first = filters, down, first
        self.scale_shifts = [
            ScaleShift(normalized=True, name=f"{name}_scale_shift", dtype=self.dtype_policy)
            for name in (("c1", "c2") if scale_shift else ())
        ]
        self.c_sc: SpectralConv2D | None = None

    def build(self, input_shape):
        width = input_shape[-1]
        hidden = self.filters if self.first else width
        dtype, inner = self.dtype_policy, (*input_shape[:-1], hidden)
        self.c1, self.c2 = (
            SpectralConv2D(filters, kernel_initializer=glorot(2.0), name=name, dtype=dtype)
            for filters, name in ((hidden, "c1"), (self.filters, "c2"))
        )
        self.c1.build(input_shape)
        self.c2.build(inner)
        for layer, filters in zip(self.scale_shifts, (hidden, self.filters), strict=False):
            layer.build((*input_shape[:-1], filters))
        if self.down or self.first or width != self.filters:
            shortcut = SpectralConv2D(
                self.filters, 1, kernel_initializer=glorot(), name="c_sc", dtype=dtype
            )
            shortcut.build(input_shape)
            self.c_sc = shortcut

    def call(self, x, training=False):
        h = x if self.first else tf.nn.relu(x)
        h = self._shifted(0, self.c1(h, training=training))
        h = self._shifted(1, self.c2(tf.nn.relu(h), training=training))
        if self.down:
            # The shortcut is linear in each pixel: halved before or after it, as is cheaper.
            h, x = downscale2d(h, 2), downscale2d(x, 2)
        return h + (x if self.c_sc is None else self.c_sc(x, training=training))

    def _shifted(self, i: int, x):
        return self.scale_shifts[i](x) if self.scale_shifts else x

    def get_config(self) -> dict:
        config = {"filters": self.filters, "down": self.down, "first": self.first}
        config["scale_shift"] = bool(self.scale_shifts)
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANToLogit(keras.layers.Layer):
    """ReLU, sum over pixels, and the logit ``w · h + v_label · h + b``, in float32.

    Source: "cGANs with Projection Discriminator", section 3. ``w`` and the table of ``v``
    have spectral norms of 1. The one class of a copy without classes is a plain vector:
    a table of one row would be a unit vector, whatever was learned.

    Args:
        classes: Rows of the table; 0 has none.
        one_class: With 0 classes, adds the one vector ``class_vector``, at first 0.

    Input ``[N, H, W, C]`` and, with classes, int labels ``[N]``; output ``[N, 1]``.
    """

    def __init__(self, classes: int = 0, one_class: bool = False, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.classes, self.one_class = classes, one_class
        self.linear = SpectralDense(1, kernel_initializer=glorot(), name="linear", dtype="float32")
        self.projection: SpectralEmbedding | None = None

    def build(self, input_shape):
        width = input_shape[-1]
        self.linear.build((None, width))
        if self.classes:
            projection = SpectralEmbedding(
                self.classes,
                width,
                kernel_initializer=glorot(),
                name="projection",
                dtype="float32",
            )
            projection.build((None,))
            self.projection = projection
        if self.one_class:
            self.class_vector = self.add_weight(
                shape=(1, width), name="class_vector", initializer="zeros", autocast=False
            )

    def call(self, x, label=None, training=False):
        h = tf.reduce_sum(tf.nn.relu(x), [1, 2])
        logits = self.linear(h, training=training)
        if self.projection is not None:
            rows = self.projection(label, training=training)
            return logits + tf.reduce_sum(rows * h, -1, keepdims=True)
        if self.one_class:
            vector = tf.convert_to_tensor(self.class_vector)
            return logits + tf.reduce_sum(vector * h, -1, keepdims=True)
        return logits

    def get_config(self) -> dict:
        return {**super().get_config(), "classes": self.classes, "one_class": self.one_class}


@keras.saving.register_keras_serializable("tf_fewshot")
class SNGANDiscriminator(FeedForwardDiscriminator):
    """Maps images ``[N, R, R, channels]`` in [-1, 1] to float32 logits ``[N, 1]``.

    With ``num_classes`` it also takes int labels ``[N]``.

    Args:
        resolution: Width and height ``R`` of the images.
        widths: Channels of the blocks, from the image to the logit.
        halvings: Blocks that halve the map: the first ones.
        channels: Channels of the images.
        num_classes, one_class: See :class:`SNGANToLogit`.
        scale_shift: See :class:`SNGANDiscriminatorBlock`.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    def __init__(
        self,
        resolution: int,
        widths: Sequence[int],
        halvings: int,
        channels: int = 3,
        num_classes: int = 0,
        one_class: bool = False,
        scale_shift: bool = False,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self._config = {
            "resolution": resolution,
            "widths": list(widths),
            "halvings": halvings,
            "channels": channels,
            "num_classes": num_classes,
            "one_class": one_class,
            "scale_shift": scale_shift,
        }
        self.resolution, self.channels = resolution, channels
        self.num_classes = num_classes
        self.blocks = [
            SNGANDiscriminatorBlock(
                width,
                down=i < halvings,
                first=i == 0,
                scale_shift=scale_shift,
                name=f"block{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(widths)
        ]
        self.to_logit = SNGANToLogit(num_classes, one_class, name=f"l{len(widths) + 1}")

    def build(self, input_shape=None):
        size, width = self.resolution, self.channels
        for block in self.blocks:
            block.build((None, size, size, width))
            size, width = size // 2 if block.down else size, block.filters
        self.to_logit.build((None, size, size, width))

    def call(self, images, label=None, training=False):
        if self.num_classes and label is None:
            raise BackboneError(f"this SNGAN judges {self.num_classes} classes: give it labels")
        x = tf.cast(self.activations(images, training)[-1], tf.float32)
        return self.to_logit(x, label if self.num_classes else None, training=training)
