"""Content and style of a picture, by activations of a frozen network.

Source: Gatys et al., "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016),
section 2; the equations are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def gram_matrices(features: tf.Tensor) -> tf.Tensor:
    """Returns products of channels, meaned over places (equation 3 by the number of places).

    Args:
        features: ``[N, h, w, C]``.

    Returns:
        float32 ``[N, C, C]``.
    """
    x = tf.cast(features, tf.float32)
    places = x.shape[1] * x.shape[2]
    flat = tf.reshape(x, [-1, places, x.shape[3]])
    return tf.matmul(flat, flat, transpose_a=True) / float(places)


def content_loss(features: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Returns half the sum of squared differences (equation 1).

    Args:
        features, wanted: ``[N, h, w, C]`` of one layer.

    Returns:
        float32 ``[N]``, one for each picture.
    """
    difference = tf.cast(features, tf.float32) - tf.cast(wanted, tf.float32)
    return 0.5 * tf.reduce_sum(tf.square(difference), axis=[1, 2, 3])


def style_loss(features: Sequence[tf.Tensor], wanted: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the distance of Gram matrices, all layers alike (equations 4, 5; w_l = 1 / layers).

    Args:
        features: ``[N, h, w, C]`` of each layer.
        wanted: Gram matrices ``[N, C, C]`` of each layer, see :func:`gram_matrices`.

    Returns:
        float32 ``[N]``, one for each picture.
    """
    total = 0.0
    for layer, grams in zip(features, wanted, strict=True):
        difference = tf.square(gram_matrices(layer) - grams)
        # The mean over C² pairs of channels, by 4.
        total += 0.25 * tf.reduce_mean(difference, axis=[1, 2])
    return total / float(len(features))
