"""The one place where truncation is applied: what each kind of it does, and what does none."""

from __future__ import annotations

import enum

import numpy as np
import tensorflow as tf

# A threshold that no latent reaches.
NO_THRESHOLD = 10.0


class Truncation(enum.Enum):
    """What a backbone truncates; it may truncate several things by the same number."""

    # Components of z beyond a threshold are drawn again.
    LATENTS = "latents"
    # Styles move towards their mean by a factor.
    STYLES = "styles"
    # Batch normalisation takes the statistics of latents that are truncated so.
    STATISTICS = "statistics"


def no_truncation(kinds: frozenset[Truncation]) -> float:
    """The number that truncates nothing."""
    return NO_THRESHOLD if Truncation.LATENTS in kinds else 1.0


def truncated_latents(z, threshold):
    """Carries latents to the truncated normal distribution, as :func:`truncated_normal` does.

    Args:
        z: float32 ``[N, D]`` of N(0, 1).
        threshold: A number or ``[N]``. 0 or less gives the centre; from :data:`NO_THRESHOLD`
            on ``z`` stays bit-equal.
    """
    threshold = tf.maximum(tf.cast(threshold, tf.float32), 0.0)
    whole = threshold >= NO_THRESHOLD
    if threshold.shape.rank:
        whole = whole[:, None]
    return tf.where(whole, z, truncated_normal(z, threshold))


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
