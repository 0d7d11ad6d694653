"""The truncated normal distribution."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def truncated_normal(z, threshold):
    """Maps samples ``[N, D]`` of N(0, 1) to a normal truncated at ±threshold, by inversion.

    ``threshold`` is a number or ``[N]``; 0 or less gives the centre.
    """
    z = tf.convert_to_tensor(z, tf.float32)
    threshold = tf.maximum(tf.cast(threshold, tf.float32), 0.0)
    if threshold.shape.rank:
        threshold = threshold[:, None]
    # In double precision, for the tails.
    wide, root = tf.cast(z, tf.float64), np.sqrt(0.5)
    inside = tf.math.erf(tf.cast(threshold, tf.float64) * root)
    values = tf.cast(tf.math.erfinv(tf.math.erf(wide * root) * inside) / root, tf.float32)
    # Truncation enlarges nothing; without this the far tails would jump to the threshold.
    limit = tf.minimum(threshold, tf.abs(z))
    return tf.clip_by_value(values, -limit, limit)
