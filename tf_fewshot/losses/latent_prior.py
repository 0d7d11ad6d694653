"""How far a set of latents is from their prior.

Source: BSA (ICCV 2019), section 3.3, and its released code.
"""

from __future__ import annotations

import tensorflow as tf


def squared_distances(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns squared Euclidean distances ``[N, M]`` of rows ``[N, D]`` and ``[M, D]``."""
    cross = tf.matmul(a, b, transpose_b=True)
    norms = tf.reduce_sum(a**2, 1)[:, None] + tf.reduce_sum(b**2, 1)[None]
    return tf.maximum(norms - 2.0 * cross, 0.0)


def latent_prior_loss(latents: tf.Tensor, prior: tf.Tensor, convention: str) -> tf.Tensor:
    """Returns how far prior samples and latents are from the nearest of one another.

    Args:
        latents: float32 ``[N, D]``, those of the step without noise.
        prior: float32 ``[K, D]``, fresh samples of the prior; BSA takes K = 10·N.
        convention: "code" takes the mean over samples and over latents. "paper" takes
            sums, divided by D.

    Returns:
        A scalar.
    """
    distances = squared_distances(latents, prior)
    to_latents, to_prior = tf.reduce_min(distances, 0), tf.reduce_min(distances, 1)
    if convention == "code":
        return tf.reduce_mean(to_latents) + tf.reduce_mean(to_prior)
    total = tf.reduce_sum(to_latents) + tf.reduce_sum(to_prior)
    return total / tf.cast(tf.shape(latents)[1], tf.float32)
