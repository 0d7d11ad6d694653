"""Dynamic loss scaling, which keeps gradients within the range of float16.

Source: Micikevicius et al., "Mixed Precision Training" (ICLR 2018), section 3.2; the rule by
which the scale moves is that of NVIDIA's and Keras's implementations.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

# Of the scale, below which gradients are not too large but no numbers at all.
SMALLEST = 2.0**-14


class LossScale:
    """The scale of one player's loss.

    Keras's ``LossScaleOptimizer`` has a scale for each optimizer, and a player may have
    several optimizers for one loss.

    Args:
        initial: The first scale.
        interval: Moves without overflow after which the scale doubles. It halves with each.
        replicas: How many compute the loss. The gradients of the rows that each of them has are so
            many times those of one device, before their mean is taken: the scale makes up for it,
            as they would overflow otherwise where those do not.
    """

    def __init__(self, initial: float = 2.0**15, interval: int = 2000, replicas: int = 1):
        self.interval, self._replicas = interval, replicas
        self.scale = keras.Variable(initial, trainable=False, dtype="float32", name="loss_scale")
        self.moves = keras.Variable(0, trainable=False, dtype="int32", name="loss_scale_moves")

    @property
    def variables(self) -> list[keras.Variable]:
        """What a resumed run needs."""
        return [self.scale, self.moves]

    def scaled(self, loss):
        """Returns the loss whose gradients :meth:`unscaled` takes."""
        return loss * tf.cast(self.scale.value / self._replicas, loss.dtype)

    def unscaled(self, gradients: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns the gradients of the loss itself, and whether all are finite; moves the scale."""
        scale = tf.convert_to_tensor(self.scale.value)
        unscaled = [g / tf.cast(scale / self._replicas, g.dtype) for g in gradients]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in unscaled])
        moves = tf.where(finite, self.moves.value + 1, 0)
        doubled = moves >= self.interval
        self.scale.assign(tf.where(finite, tf.where(doubled, scale * 2.0, scale), scale / 2.0))
        self.moves.assign(tf.where(doubled, 0, moves))
        return unscaled, finite
