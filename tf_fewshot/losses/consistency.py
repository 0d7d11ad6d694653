"""Whether two generators see the same likeness between the same latents.

Source: Ojha et al., "Few-shot Image Generation via Cross-domain Correspondence" (CVPR
2021), section 3.1, and its released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def log_likeness(features: tf.Tensor) -> tf.Tensor:
    """Returns how alike each row is to each other one, as log probabilities.

    Args:
        features: ``[N, …]``, N at least 2.

    Returns:
        float32 ``[N, N - 1]``: the logarithm of the softmax over cosine similarities
        (paper, equation 1).
    """
    rows = tf.reshape(tf.cast(features, tf.float32), [tf.shape(features)[0], -1])
    rows = tf.math.l2_normalize(rows, axis=1)
    n = tf.shape(rows)[0]
    similarities = tf.matmul(rows, rows, transpose_b=True)
    others = tf.boolean_mask(similarities, ~tf.eye(n, dtype=tf.bool))
    return tf.nn.log_softmax(tf.reshape(others, [n, n - 1]), axis=1)


def distance_consistency(source: Sequence[tf.Tensor], adapted: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the divergence of the adapted likeness from the source's, over layers.

    Args:
        source, adapted: Activations ``[N, …]`` of the same layers of both generators, of the
            same latents.

    Returns:
        A scalar: the mean over layers, rows and the N - 1 entries of a row, as the released
        code takes it (the paper's equation 2 sums). It is KL(source ‖ adapted), as there.
    """
    terms = []
    for one, other in zip(source, adapted, strict=True):
        wanted, adapted_to = log_likeness(one), log_likeness(other)
        terms.append(tf.reduce_mean(tf.exp(wanted) * (wanted - adapted_to)))
    return tf.add_n(terms) / len(terms)
