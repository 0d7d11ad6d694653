"""Batch normalisation of a batch by itself, by TensorFlow's fused operation."""

from __future__ import annotations

import tensorflow as tf


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
