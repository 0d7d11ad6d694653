"""Between stored pixels and what networks see, and flips on the way."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def to_float(images):
    """Converts uint8 in [0, 255] to float32 in [-1, 1], as x / 127.5 - 1.

    Arrays give arrays and tensors give tensors, of the same shape.
    """
    if tf.is_tensor(images):
        return tf.cast(images, tf.float32) / 127.5 - 1.0
    return np.asarray(images).astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(images):
    """Converts floats, nominally in [-1, 1], to uint8: it clips, then rounds.

    It is the inverse of :func:`to_float`.

    Arrays give arrays and tensors give tensors, of the same shape. NaN has no colour: it
    becomes black in arrays and is undefined in tensors.
    """
    if tf.is_tensor(images):
        scaled = (tf.cast(images, tf.float32) + 1.0) * 127.5
        return tf.cast(tf.round(tf.clip_by_value(scaled, 0.0, 255.0)), tf.uint8)
    scaled = (np.asarray(images).astype(np.float32) + 1) * np.float32(127.5)
    return np.rint(np.nan_to_num(np.clip(scaled, 0, 255))).astype(np.uint8)


def random_flip(images, seed) -> tf.Tensor:
    """Mirrors each picture left to right with probability 1/2.

    Args:
        images: ``[N, H, W, C]`` of any type.
        seed: int ``[2]``, as for ``tf.random.stateless_uniform``: the same seed mirrors
            the same pictures.

    Returns:
        A tensor of the type and shape of ``images``.
    """
    images = tf.convert_to_tensor(images)
    flip = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    return tf.where(flip, tf.reverse(images, axis=[2]), images)
