"""What the generators of BigGAN and BigGAN-deep share: the frame that blocks are put in.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B; the constants are those of the modules that its authors released.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ...layers import GivenWeights, HyperBatchNorm, SelfAttention, SpectralConv2D, SpectralDense
from ...layers.by_row import by_row
from ...layers.hyper_norm import statistics_at
from ..errors import BackboneError
from ..extensions import Extensions, Point
from ..network import Network
from .initial import initializer
from .normalisation import Normalisation

_AS_RELEASED = Normalisation()


class Block(keras.layers.Layer):
    """A residual block; the base of both kinds.

    Args:
        filters: Channels of the output.
        doubled: Whether width and height are doubled.
        rows: Rows of statistics; see :class:`~tf_fewshot.layers.HyperBatchNorm`.
        extensions: What adds layers after every normalisation.
        normalisation: How it is normalised; JSON of it, too.

    The inputs are maps ``[N, R, R, C]``, conditions ``[N, D]`` and ``at``, the place in
    the statistics.
    """

    def __init__(
        self,
        filters: int,
        doubled: bool,
        rows: int,
        extensions: Extensions | Iterable = (),
        normalisation: Normalisation | Mapping[str, Any] = _AS_RELEASED,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.filters, self.doubled, self.rows = filters, doubled, rows
        self.extensions = Extensions.of(extensions)
        if not isinstance(normalisation, Normalisation):
            normalisation = Normalisation(**normalisation)
        self.normalisation = normalisation

    def _add_layers(
        self, condition_shape, steps: Sequence[tuple[int, int, int]], doubling: int | None = None
    ) -> None:
        """Adds normalisation, what extensions add, and convolution of each step in turn.

        A step is the channels before the convolution, those after it, and its size; the one
        numbered ``doubling`` doubles the map first.
        """
        dtype = self.dtype_policy
        self.norms, self.convs, added = [], [], []
        for i, (before, after, size) in enumerate(steps):
            shape = (None, None, None, before)
            norm = HyperBatchNorm(
                rows=self.rows,
                epsilon=self.normalisation.norm_epsilon,
                maps=self.normalisation.maps(),
                name=f"norm{i}",
                dtype=dtype,
            )
            norm.build(shape, condition_shape)
            self.norms.append(norm)
            added.append(self.extensions.hidden(self, f"{{name}}{i}", f"{self.name}/{norm.name}"))
            added[-1].build(shape)
            resample = "up" if i == doubling else None
            kind = self.normalisation.spectral()
            conv = SpectralConv2D(after, size, resample, name=f"conv{i}", dtype=dtype, **kind)
            conv.build(shape)
            self.convs.append(conv)
        self.added = tuple(added)

    def _activated(self, i: int, x, condition, at, training):
        x = self.norms[i](x, condition, at=at, training=training)
        return tf.nn.relu(self.added[i](x))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "doubled": self.doubled,
            "rows": self.rows,
            "extensions": self.extensions.to_json(),
            "normalisation": dataclasses.asdict(self.normalisation),
        }


class FamilyGenerator(GivenWeights, Network, abc.ABC):
    """Maps ``z`` ``[N, latent_dim]`` and int labels ``[N]`` to float32 images in [-1, 1].

    Called as ``generator(z, label=None, training=False, truncation=None)``: the truncation,
    a number or ``[N, 1]``, says which statistics normalise; None takes the last row.

    Extensions act on ``z``, which is the free latent, too, before it is cut or joined to the
    vector of the class; on the classes; and on every hidden layer but the last. Behind a mapping
    network the free latent is what that network gives.

    Raises:
        BackboneError: if there are classes but no labels.
    """

    kind = "generator"
    by_row = ("class_weight",)
    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN, Point.CLASSES})

    def __init__(self, config: Any, extensions=(), **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        self.latent_dim, self.class_dim = config.latent_dim, config.class_dim
        self.channels, self.rows = list(config.channels), config.statistics
        self.told_dim = config.told_dim
        self.latents = self.extensions.latents(self, self.latent_dim, self.told_dim)
        normalisation: Normalisation = config.normalisation
        kind = normalisation.spectral()
        # In float32: the map is small, and everything follows from it.
        self.from_latent = SpectralDense(
            16 * self.channels[0], name="G_linear", dtype="float32", **kind
        )
        self.added = self.extensions.hidden(self, "{name}", "G_linear", "float32")
        self.blocks = self._blocks()
        self.attention_at = config.attention
        self.attention: Any = (
            SelfAttention(
                **normalisation.power_step(),
                kernel_initializer=initializer(),
                name="attention",
                dtype=self.dtype_policy,
            )
            if config.attention
            else None
        )
        self.norm = HyperBatchNorm(
            conditional=False,
            rows=self.rows,
            epsilon=normalisation.last_norm_epsilon,
            name="norm",
            dtype="float32",
        )
        self.to_rgb = SpectralConv2D(config.last_channels, name="to_rgb", dtype="float32", **kind)

    @abc.abstractmethod
    def _blocks(self) -> list[Block]:
        """The blocks from 4 pixels to the image."""

    @abc.abstractmethod
    def _split(self, told, classes) -> tuple[Any, list[Any]]:
        """What the first layer and each block are told, of latents and vectors of classes.

        ``told`` is ``z``, or what a mapping network made of it, ``[N, told_dim]``.
        """

    def build(self, input_shape=None):
        del input_shape
        self.latents.build_free()
        self.latents.build_entering()
        if self.classes.count:
            self.class_weight = self.add_weight(
                shape=(self.classes.count, self.class_dim),
                name="class_table",
                # As large as z: classes hardly differ at first with the other kernels' 0.02.
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                autocast=False,
            )
        else:
            self.class_weight = self.add_weight(
                shape=(self.class_dim,), name="class_vector", initializer="zeros", autocast=False
            )
        first, conditions = self._split(tf.zeros([1, self.told_dim]), tf.zeros([1, self.class_dim]))
        self.from_latent.build(first.shape)
        shape = (None, 4, 4, self.channels[0])
        self.added.build(shape)
        for block, condition in zip(self.blocks, conditions, strict=True):
            block.build(shape, condition.shape)
            size = shape[1] * (2 if block.doubled else 1)
            shape = (None, size, size, block.filters)
            if self.attends_after(block, size):
                self.attention.build(shape)
        self.norm.build(shape)
        self.to_rgb.build(shape)

    def call(self, z, label=None, training=False, truncation=None):
        return self.activations(z, label, training, truncation)[-1]

    def activations(self, z, label=None, training=False, truncation=None) -> list:
        """The maps ``[N, h, w, C]`` after the first layer and each block, then the images."""
        return self.drawn(self.told(z, label), label, training, truncation)

    def told(self, z, label=None):
        """What the network is told of latents ``[N, latent_dim]``: float32 ``[N, told_dim]``."""
        z = tf.cast(z, tf.float32)
        return self.latents.enter(self.latents.carry(z, z))

    def drawn(self, told, label=None, training=False, truncation=None) -> list:
        """The maps and images of what the network is told; see :meth:`activations`."""
        at = None if truncation is None or self.rows == 1 else statistics_at(truncation, self.rows)
        first, conditions = self.conditions(told, label)
        x = self.from_latent(first, training=training)
        x = self.added(tf.reshape(x, [-1, 4, 4, self.channels[0]]))
        shown = [tf.cast(x, self.compute_dtype)]
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = self._part(block)(shown[-1], condition, at=at, training=training)
            if self.attends_after(block, x.shape[1]):
                x = self._part(self.attention)(x, training=training)
            shown.append(x)
        pixels = self._part(self._pixels, self.norm, self.to_rgb)
        return [*shown, pixels(shown[-1], at=at, training=training)]

    def _pixels(self, x, at, training):
        """The images ``[N, H, W, 3]`` of the last map."""
        x = tf.nn.relu(self.norm(tf.cast(x, tf.float32), at=at, training=training))
        # What is not seen need not be computed.
        kernel = self.to_rgb.normalised_kernel(training)[..., :3]
        return tf.tanh(tf.nn.conv2d(x, kernel, 1, "SAME") + self.to_rgb.bias[:3])

    def conditions(self, told, label=None) -> tuple[Any, list[Any]]:
        """What the first layer ``[N, D]`` and each block ``[N, D]`` are told, with the class."""
        return self._split(told, self._class_vectors(tf.shape(told)[0], label))

    def attends_after(self, block: Block, size: int) -> bool:
        """Whether the map of ``size`` pixels after a block attends to itself."""
        return self.attention is not None and block.doubled and size == self.attention_at

    def _class_vectors(self, n, label):
        """The vectors ``[N, class_dim]`` of labels ``[N]``."""
        weight = tf.convert_to_tensor(self.class_weight)
        if not self.classes.count:
            return by_row(self.class_weight, tf.tile(weight[None], [n, 1]))
        return by_row(self.class_weight, tf.gather(weight, self._numbers(label)))

    def _numbers(self, label):
        """Labels as int32 ``[N]``."""
        if label is None:
            count = self.classes.count
            raise BackboneError(f"this BigGAN draws {count} classes: give it labels")
        return tf.reshape(tf.cast(label, tf.int32), [-1])

    @property
    def mapping_weights(self) -> list:
        """The weights of a mapping network; none by default."""
        return []

    @property
    def norms(self) -> list[HyperBatchNorm]:
        """Every normalisation, from input to output."""
        return [*(norm for block in self.blocks for norm in block.norms), self.norm]
