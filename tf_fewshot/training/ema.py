"""Exponential moving average of the generator's weights."""

from __future__ import annotations

import tensorflow as tf

from ..backbones import GAN


class EMA:
    """A float32 copy of a GAN whose generator follows the original's.

    Source: Karras et al., "Progressive Growing of GANs" (2018), section 4.1.

    Args:
        gan: The GAN being trained.
        decay: Of the average in each step, in [0, 1); 0 copies the weights.
    """

    def __init__(self, gan: GAN, decay: float):
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"the decay must be in [0, 1), not {decay}")
        self.gan, self.decay = gan.with_precision("float32"), decay
        mine = {v.path: v for v in self.gan.generator.weights}
        self._pairs = [(mine[v.path], v) for v in gan.generator.weights]

    @property
    def variables(self):
        return [mine for mine, _ in self._pairs]

    def update(self, step: tf.Tensor) -> None:
        """Moves the copy towards the original; ``step`` counts from 0.

        Early on the decay is smaller, so that the average forgets how it began.
        """
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for mine, theirs in self._pairs:
            if theirs.trainable:
                mine.assign_add((theirs - mine) * (1.0 - decay))
            else:
                mine.assign(theirs)
