"""How far the weights of a generator have gone since training began.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020),
figure 3, left, compares it with and without the penalty.
"""

from __future__ import annotations

import keras
import tensorflow as tf

STAT = "generator/drift"
"""The name of this number among the stats of a run."""


class Drift:
    """Measures ``|θ - θ_S| / |θ_S|`` over all trainable weights of a generator.

    ``| |`` is the Euclidean norm, θ_S the weights of the source. Weights that the source has not,
    such as scale and shift, count from where they are when this is made.

    Args:
        generator: The one that is trained, before its first step.
        source: The source's.
    """

    def __init__(self, generator: keras.Model, source: keras.Model):
        begun = {v.path: v for v in source.weights}
        self._pairs = []
        for weight in generator.trainable_weights:
            before = begun.get(weight.path)
            if before is None or before.shape != weight.shape:
                before = tf.constant(weight.numpy())
            self._pairs.append((weight, before))
        self._compiled = tf.function(self._distance, autograph=False)

    def __call__(self) -> float:
        """Returns the distance as it is now; 0 is where training began."""
        return float(self._compiled()) if self._pairs else 0.0

    def _distance(self) -> tf.Tensor:
        moved = tf.add_n([tf.reduce_sum(tf.square(w - b)) for w, b in self._pairs])
        whole = tf.add_n([tf.reduce_sum(tf.square(b)) for _, b in self._pairs])
        return tf.sqrt(moved / tf.maximum(whole, 1e-30))
