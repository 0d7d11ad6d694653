"""The generator that samples are drawn from: the trained one, averaged or as it is."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.sample_statistics import measure_batches, measure_styles, sample_statistics
from ..errors import UserError


class EMA:
    """A float32 copy of a GAN whose generator follows the original's.

    Source: Karras et al., "Progressive Growing of GANs" (2018), section 4.1.

    Args:
        gan: The GAN being trained.
        decay: Of the exponential moving average in each step, in [0, 1). With 0 there is
            no average: the copy is brought up to date when it is asked for.

    Raises:
        UserError: for another decay.
    """

    def __init__(self, gan: GAN, decay: float):
        if not 0.0 <= decay < 1.0:
            raise UserError(f"ema_decay must be at least 0 and below 1, not {decay}.")
        self._gan, self.decay = gan.with_precision("float32"), decay
        mine = {v.path: v for v in self._gan.generator.weights}
        self._pairs = [(mine[v.path], v) for v in gan.generator.weights]
        self._trained = gan
        self._begun = [(v, v.numpy()) for v in sample_statistics(gan)]

    @property
    def variables(self) -> list[keras.Variable]:
        return [mine for mine, _ in self._pairs]

    def update(self, step: tf.Tensor) -> None:
        """Moves the copy towards the original; ``step`` counts from 0.

        Early on the decay is smaller, so that the average forgets how it began.
        """
        if not self.decay:
            return
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for mine, theirs in self._pairs:
            if theirs.trainable:
                mine.assign_add((theirs - mine) * (1.0 - decay))
            else:
                mine.assign(theirs)

    def current(self) -> GAN:
        """Returns the copy, with the discriminator as it is now if the architecture has one."""
        if not self.decay:
            for mine, theirs in self._pairs:
                mine.assign(theirs)
        mine, theirs = self._gan.discriminator, self._trained.discriminator
        # An architecture without one may be trained against one of another architecture.
        if mine is not None and theirs is not None:
            for copy, weight in zip(mine.weights, theirs.weights, strict=True):
                copy.assign(weight)
        return self._gan

    def measure(self) -> None:
        """Measures again what the copy keeps of its own samples, if training has moved that.

        The mean of the styles follows weights that move faster than it does; statistics of batches
        are those of the trained weights, and fit a copy that has no average.
        """
        if any(np.any(v.numpy() != value) for v, value in self._begun):
            measure_styles(self._gan)
            if self.decay:
                measure_batches(self._gan)
