"""What the generators of BigGAN and BigGAN-deep share: the frame that blocks are put in.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B; the constants are those of the modules that its authors released.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ...layers import (
    GivenWeights,
    HyperBatchNorm,
    LatentGaussian,
    Miner,
    ScaleShift,
    SelfAttention,
    SpectralConv2D,
    SpectralDense,
)
from ...layers.hyper_norm import statistics_at
from ..errors import BackboneError
from .initial import EPSILON, initializer, spectral


class Block(keras.layers.Layer):
    """A residual block; the base of both kinds.

    Args:
        filters: Channels of the output.
        doubled: Whether width and height are doubled.
        rows: Rows of statistics; see :class:`~tf_fewshot.layers.HyperBatchNorm`.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` after every normalisation.

    The inputs are maps ``[N, R, R, C]``, conditions ``[N, D]`` and ``at``, the place in
    the statistics.
    """

    def __init__(self, filters: int, doubled: bool, rows: int, scale_shift: bool, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.filters, self.doubled = filters, doubled
        self.rows, self.with_scale_shift = rows, scale_shift

    def _add_layers(self, condition_shape, steps: Sequence[tuple[int, int, int]]) -> None:
        """Adds normalisation, scale and shift and convolution of each step in turn.

        A step is the channels before the convolution, those after it, and its size.
        """
        dtype = self.dtype_policy
        self.norms, self.scale_shifts, self.convs = [], [], []
        for i, (before, after, size) in enumerate(steps):
            shape = (None, None, None, before)
            norm = HyperBatchNorm(
                rows=self.rows,
                epsilon=EPSILON,
                kernel_initializer=initializer(),
                name=f"norm{i}",
                dtype=dtype,
            )
            norm.build(shape, condition_shape)
            self.norms.append(norm)
            if self.with_scale_shift:
                self.scale_shifts.append(ScaleShift(name=f"scale_shift{i}", dtype=dtype))
                self.scale_shifts[-1].build(shape)
            conv = SpectralConv2D(after, size, name=f"conv{i}", dtype=dtype, **spectral())
            conv.build(shape)
            self.convs.append(conv)

    def _activated(self, i: int, x, condition, at, training):
        x = self.norms[i](x, condition, at=at, training=training)
        return tf.nn.relu(self.scale_shifts[i](x) if self.scale_shifts else x)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "doubled": self.doubled,
            "rows": self.rows,
            "scale_shift": self.with_scale_shift,
        }


class FamilyGenerator(GivenWeights, keras.Model, abc.ABC):
    """Maps ``z`` ``[N, latent_dim]`` and int labels ``[N]`` to float32 images in [-1, 1].

    Called as ``generator(z, label=None, training=False, truncation=None)``: the truncation,
    a number or ``[N, 1]``, says which statistics normalise; None takes the last row.

    Args:
        latent_dim: Size of ``z``.
        channels: Channels at 4, 8, … pixels up to the resolution of the images.
        attention: The resolution whose map attends to itself; 0 for none.
        num_classes: Number of classes; 0 with ``one_class``.
        class_dim: Size of the vector of a class.
        one_class: Instead of a table of classes, one vector that is trained.
        rows: Rows of statistics.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` to every hidden layer but
            the last.
        to_rgb: Channels of the last convolution; the first three are seen.
        miner: Widths of the hidden layers of a :class:`~tf_fewshot.layers.Miner` of ``z``,
            before it is cut or joined to the vector of the class; none leaves it out.
        latent_gaussian: Axes of a :class:`~tf_fewshot.layers.LatentGaussian` of ``z``; 0
            leaves it out.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    def __init__(
        self,
        latent_dim: int,
        channels: Sequence[int],
        attention: int,
        num_classes: int,
        class_dim: int,
        one_class: bool = False,
        rows: int = 1,
        scale_shift: bool = False,
        to_rgb: int = 3,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        name: str = "generator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "latent_dim": latent_dim,
            "channels": list(channels),
            "attention": attention,
            "num_classes": num_classes,
            "class_dim": class_dim,
            "one_class": one_class,
            "rows": rows,
            "scale_shift": scale_shift,
            "to_rgb": to_rgb,
            "miner": list(miner),
            "latent_gaussian": latent_gaussian,
        }
        self.latent_dim, self.class_dim, self.num_classes = latent_dim, class_dim, num_classes
        self.channels, self.rows = list(channels), rows
        self.miner = Miner(miner, name="miner") if miner else None
        self.latent_gaussian = (
            LatentGaussian(latent_gaussian, latent_dim, name="latent_gaussian")
            if latent_gaussian
            else None
        )
        # In float32: the map is small, and everything follows from it.
        self.from_latent = SpectralDense(
            16 * channels[0], name="G_linear", dtype="float32", **spectral()
        )
        self.scale_shift = ScaleShift(name="scale_shift", dtype="float32") if scale_shift else None
        self.blocks = self._blocks(scale_shift)
        self.attention_at = attention
        self.attention: Any = (
            SelfAttention(EPSILON, initializer(), name="attention", dtype=self.dtype_policy)
            if attention
            else None
        )
        self.norm = HyperBatchNorm(
            conditional=False, rows=rows, epsilon=EPSILON, name="norm", dtype="float32"
        )
        self.to_rgb = SpectralConv2D(to_rgb, name="to_rgb", dtype="float32", **spectral())

    @abc.abstractmethod
    def _blocks(self, scale_shift: bool) -> list[Block]:
        """The blocks from 4 pixels to the image."""

    @abc.abstractmethod
    def _split(self, z, classes) -> tuple[Any, list[Any]]:
        """What the first layer and each block are told, of ``z`` and vectors of classes."""

    def build(self, input_shape=None):
        del input_shape
        for layer in (self.latent_gaussian, self.miner):
            if layer is not None:
                layer.build((None, self.latent_dim))
        if self.num_classes:
            self.class_table = self.add_weight(
                shape=(self.num_classes, self.class_dim),
                name="class_table",
                initializer=initializer(),
                autocast=False,
            )
        else:
            self.class_vector = self.add_weight(
                shape=(self.class_dim,), name="class_vector", initializer="zeros", autocast=False
            )
        first, conditions = self._split(
            tf.zeros([1, self.latent_dim]), tf.zeros([1, self.class_dim])
        )
        self.from_latent.build(first.shape)
        shape = (None, 4, 4, self.channels[0])
        if self.scale_shift:
            self.scale_shift.build(shape)
        for block, condition in zip(self.blocks, conditions, strict=True):
            block.build(shape, condition.shape)
            size = shape[1] * (2 if block.doubled else 1)
            shape = (None, size, size, block.filters)
            if self._attends_after(block, size):
                self.attention.build(shape)
        self.norm.build(shape)
        self.to_rgb.build(shape)

    def call(self, z, label=None, training=False, truncation=None):
        return self.activations(z, label, training, truncation)[-1]

    def activations(self, z, label=None, training=False, truncation=None) -> list:
        """The maps ``[N, h, w, C]`` after the first layer and each block, then the images."""
        at = None if truncation is None or self.rows == 1 else statistics_at(truncation, self.rows)
        z = tf.cast(z, tf.float32)
        if self.latent_gaussian is not None:
            z = self.latent_gaussian(z, z)
        if self.miner is not None:
            z = self.miner(z)
        first, conditions = self._split(z, self._classes(tf.shape(z)[0], label))
        x = self.from_latent(first, training=training)
        x = tf.reshape(x, [-1, 4, 4, self.channels[0]])
        if self.scale_shift:
            x = self.scale_shift(x)
        shown = [tf.cast(x, self.compute_dtype)]
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(shown[-1], condition, at=at, training=training)
            if self._attends_after(block, x.shape[1]):
                x = self.attention(x, training=training)
            shown.append(x)
        x = tf.nn.relu(self.norm(tf.cast(shown[-1], tf.float32), at=at, training=training))
        # What is not seen need not be computed.
        kernel = self.to_rgb.normalised_kernel(training)[..., :3]
        images = tf.tanh(tf.nn.conv2d(x, kernel, 1, "SAME") + self.to_rgb.bias[:3])
        return [*shown, images]

    def _attends_after(self, block: Block, size: int) -> bool:
        return self.attention is not None and block.doubled and size == self.attention_at

    def _classes(self, n, label):
        """The vectors ``[N, class_dim]`` of labels ``[N]``."""
        if not self.num_classes:
            vector = tf.convert_to_tensor(self.class_vector)
            return tf.tile(vector[None], [n, 1])
        if label is None:
            raise BackboneError(f"this BigGAN draws {self.num_classes} classes: give it labels")
        label = tf.reshape(tf.cast(label, tf.int32), [-1])
        return tf.gather(tf.convert_to_tensor(self.class_table), label)

    @property
    def norms(self) -> list[HyperBatchNorm]:
        """Every normalisation, from input to output."""
        return [*(norm for block in self.blocks for norm in block.norms), self.norm]

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
