"""Batch normalisation with standing statistics, whose scale and shift follow from a vector.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), section 3 and appendix B; that the statistics are a table with a row for each
truncation is so in the modules that its authors released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from .batch_norm import normalised_by_batch
from .given import GivenWeights
from .spectral import SpectralDense


def statistics_at(truncation, rows: int):
    """Where truncations in [0, 1] lie in a table of ``rows`` equally spaced rows.

    Args:
        truncation: A number, or floats ``[N, 1]`` or ``[N]``, one for each image; what
            is outside of [0, 1] is taken for the nearer end.
        rows: Rows of the table, from 0 to 1; at least 2.

    Returns:
        The row below, int32 ``[N]`` (``[1]`` for a number), and the way to the next one,
        float32 of the same shape in [0, 1].
    """
    position = tf.reshape(tf.cast(truncation, tf.float32), [-1])
    position = tf.clip_by_value(position, 0.0, 1.0) * float(rows - 1)
    # 0.58 · 50 is not 29 in floating point, and the row is meant.
    nearest = tf.round(position)
    position = tf.where(tf.abs(position - nearest) < 1e-4, nearest, position)
    below = tf.minimum(tf.floor(position), float(rows - 2))
    return tf.cast(below, tf.int32), position - below


@keras.saving.register_keras_serializable("tf_fewshot")
class HyperBatchNorm(GivenWeights):
    """Computes ``(x - mean) / sqrt(variance + epsilon) · gamma + beta`` a channel.

    With a condition ``c``, ``gamma`` is 1 + a linear map of ``c`` and ``beta`` another one,
    both without bias and as a rule spectrally normalised (the layers ``gamma`` and ``beta``);
    otherwise they are weights ``[C]``. Mean and variance are read from tables ``[rows, C]``
    between the rows that ``at`` names. Training takes those of the batch (the biased
    variance) and moves the last row towards them, unless the layer is frozen. Statistics
    are float32, and with stored ones all of the inside is.

    Args:
        conditional: Whether there is a condition.
        rows: Rows of ``moving_mean`` and ``moving_variance``.
        momentum: Of the last row, in training.
        epsilon: Added to the variance.
        maps: Arguments of the layers ``gamma`` and ``beta``, where there is a condition: how they
            are spectrally normalised (:class:`~tf_fewshot.layers.SpectralDense`). By default they
            are as BigGAN's are.

    The inputs are images ``[N, H, W, C]``, conditions ``[N, D]``, and ``at`` as
    :func:`statistics_at` gives it (None is the last row); the output is ``[N, H, W, C]``.
    """

    def __init__(
        self,
        conditional: bool = True,
        rows: int = 1,
        momentum: float = 0.9,
        epsilon: float = 1e-4,
        maps: Mapping[str, Any] | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.conditional, self.rows = conditional, rows
        self.momentum, self.epsilon = momentum, epsilon
        maps = {"epsilon": 1e-4, "form": "inside"} if maps is None else dict(maps)
        drawn = keras.initializers.get(maps.get("kernel_initializer", "glorot_uniform"))
        self.maps = {**maps, "kernel_initializer": drawn}
        # The row that training moves.
        self.moved_row = rows - 1

    def build(self, x_shape, condition_shape=None):
        channels = x_shape[-1]
        if self.conditional:
            self.gamma, self.beta = (
                SpectralDense(channels, use_bias=False, name=name, dtype="float32", **self.maps)
                for name in ("gamma", "beta")
            )
            self.gamma.build(condition_shape)
            self.beta.build(condition_shape)
        else:
            self.gamma, self.beta = (
                self.add_weight(shape=(channels,), name=name, initializer=value, autocast=False)
                for name, value in (("gamma", "ones"), ("beta", "zeros"))
            )
        self.moving_mean, self.moving_variance = (
            self.add_weight(
                shape=(self.rows, channels),
                name=name,
                initializer=value,
                trainable=False,
                autocast=False,
            )
            for name, value in (("moving_mean", "zeros"), ("moving_variance", "ones"))
        )

    def call(self, x, condition=None, at=None, training=False):
        if self.conditional:
            gamma = 1.0 + self.gamma(condition, training=training)[:, None, None, :]
            beta = self.beta(condition, training=training)[:, None, None, :]
        else:
            gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if training and self.trainable:
            y, mean, variance, _ = normalised_by_batch(x, self.epsilon)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
            y = y * tf.cast(gamma, y.dtype) + tf.cast(beta, y.dtype)
        else:
            mean, variance = (
                self._stored(table, at) for table in (self.moving_mean, self.moving_variance)
            )
            scale = gamma * tf.math.rsqrt(variance + self.epsilon)
            y = tf.cast(x, tf.float32) * scale + (beta - mean * scale)
        return tf.cast(y, self.compute_dtype)

    def _stored(self, table, at):
        table = tf.convert_to_tensor(table)
        if at is None:
            return table[-1]
        below, way = at
        # Exact at both ends.
        row = tf.gather(table, below) * (1.0 - way)[:, None]
        row += tf.gather(table, below + 1) * way[:, None]
        return row[:, None, None, :]

    def _move(self, table, new) -> None:
        chosen = tf.one_hot(self.moved_row, self.rows)[:, None]
        step = (new[None] - table) * chosen * (1.0 - self.momentum)
        table.assign_add(tf.stop_gradient(step))

    def get_config(self) -> dict:
        drawn = self.maps["kernel_initializer"]
        return {
            **super().get_config(),
            "conditional": self.conditional,
            "rows": self.rows,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "maps": {**self.maps, "kernel_initializer": keras.initializers.serialize(drawn)},
        }
