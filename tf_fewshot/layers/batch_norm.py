"""Batch normalisation of a batch by itself: by TensorFlow's fused operation, and Keras's layer."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
import tensorflow as tf

from ..splitting import batch_mean, of_share, replicas

_TWICE = contextvars.ContextVar("twice", default=False)


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """Gives batch normalisation the right gradients of gradients while networks are called.

    ``tf.nn.moments`` takes the mean in the variance for a constant: the gradient is right, what it
    is differentiated to is not. Penalties of gradients, such as R1, need that. Elsewhere it is
    left as it is, because gradients would be summed in another order.
    """
    before = _TWICE.set(True)
    try:
        yield
    finally:
        _TWICE.reset(before)


def normalised_by_batch(x, epsilon: float):
    """Normalises every channel by its mean and variance in the batch.

    One operation in place of ten: it is faster in float32, and in bfloat16 the alternative,
    moments in half precision, is slower still.

    Args:
        x: ``[N, H, W, C]``, float32, bfloat16 or float16.
        epsilon: Added to the (biased) variance.

    Returns:
        The images, like ``x``; the mean and the biased variance, float32 ``[C]`` without
        gradients of their own; and the number of values a channel, float32.
    """
    if of_share():
        return _normalised_by_all(x, epsilon)
    channels = x.shape[-1]
    y, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.ones([channels]),
        offset=tf.zeros([channels]),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    mean, unbiased = tf.stop_gradient(mean), tf.stop_gradient(unbiased)
    return y, mean, unbiased * (count - 1.0) / count, count


def _normalised_by_all(x, epsilon: float):
    """The same by the whole batch, of which ``x`` is the share of one replica."""
    wide = tf.cast(x, tf.float32)
    mean = batch_mean(tf.reduce_mean(wide, [0, 1, 2]))
    centred = wide - mean
    variance = batch_mean(tf.reduce_mean(tf.square(centred), [0, 1, 2]))
    y = tf.cast(centred * tf.math.rsqrt(variance + epsilon), x.dtype)
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32) * replicas()
    return y, tf.stop_gradient(mean), tf.stop_gradient(variance), count


@keras.saving.register_keras_serializable("tf_fewshot")
class WholeBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, by the whole batch where replicas have a share of it each.

    Within :func:`twice_differentiable` it has the second derivatives of a variance, too. Keras's
    own ``synchronized`` computes the variance as a difference of means of squares, which rounds
    more.
    """

    def _moments(self, inputs, mask):
        if mask is None and of_share():
            wide = tf.cast(inputs, tf.float32)
            mean = batch_mean(tf.reduce_mean(wide, self._reduction_axes))
            squares = tf.math.squared_difference(wide, tf.stop_gradient(mean))
            variance = batch_mean(tf.reduce_mean(squares, self._reduction_axes))
        else:
            mean, variance = super()._moments(inputs, mask)
        if _TWICE.get():
            # Around a constant c the variance is larger by (mean - c)². That is 0 here, and so is
            # its gradient, but for the order in which gradients are summed.
            variance -= tf.math.squared_difference(mean, tf.stop_gradient(mean))
        return tf.cast(mean, inputs.dtype), tf.cast(variance, inputs.dtype)
