"""Adaptive discriminator augmentation (ADA).

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data"
(NeurIPS 2020): section 3 for the strength, appendix B for the transformations, of which
these are the set "bgc": pixel blitting, general geometry, colour.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from . import colour, geometry
from .base import Augmentation
from .draws import Draws, seeds_for


def augmented(images: tf.Tensor, p, seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Applies each transformation to each picture with probability ``p``.

    Args:
        images: float32 ``[N, H, W, 3]``, nominally in [-1, 1].
        p: Number or scalar in [0, 1]; 0 gives the images as they are.
        seeds: Where randomness comes from.
    """
    height, width = images.shape[1:3]
    draws = Draws(tf.shape(images)[0], (height, width), p, seeds)
    warped = geometry.warp(images, geometry.random_inverse(draws))
    return colour.apply(warped, colour.random_map(draws))


class AdaptiveProbability:
    """A probability that rises while the discriminator is too sure of real pictures.

    The measure is the paper's r_t, the mean sign of the logits of the real pictures of
    training: 0 of a discriminator that cannot tell, 1 of one that knows them by heart.

    Args:
        target: Of r_t.
        images: Real pictures seen while it goes from 0 to 1, if always too sure.
        every: Real pictures between two changes.

    Attributes:
        value: float32 scalar in [0, 1]; begins at 0.
        state: It, and what has been seen since its last change.
    """

    def __init__(self, target: float, images: int, every: int):
        self._target, self._images, self._every = target, images, every
        self._value, self._signs, self._seen = self.state = [
            keras.Variable(0.0, dtype="float32", trainable=False, name=name)
            for name in ("augment_p", "augment_signs", "augment_seen")
        ]

    @property
    def value(self) -> tf.Tensor:
        return self._value.value

    def update(self, real_logits: tf.Tensor, pictures: tf.Tensor | int) -> None:
        """Takes note of the logits ``[M, 1]`` of one step that showed so many real pictures."""
        pictures = tf.cast(pictures, tf.float32)
        seen = self._seen.value + pictures
        sure = tf.reduce_mean(tf.sign(tf.cast(real_logits, tf.float32)))
        signs = self._signs.value + sure * pictures
        change = tf.sign(signs / seen - self._target) * seen / self._images
        due = seen >= self._every
        self._value.assign(tf.clip_by_value(self.value + tf.where(due, change, 0.0), 0.0, 1.0))
        self._signs.assign(tf.where(due, 0.0, signs))
        self._seen.assign(tf.where(due, 0.0, seen))


class ADA(Augmentation):
    """The transformations of ADA with a fixed probability, or its adaptive one.

    Args:
        seed: Of the randomness.
        p: A probability, or an adaptive one.
    """

    def __init__(self, seed: int, p: float | AdaptiveProbability):
        self._p, self._seeds = p, seeds_for(seed, "augment")
        self.state = [self._seeds.state]
        if isinstance(p, AdaptiveProbability):
            self.state += p.state

    @property
    def p(self) -> tf.Tensor:
        """The probability now, a float32 scalar."""
        if isinstance(self._p, AdaptiveProbability):
            return self._p.value
        return tf.constant(self._p, tf.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return augmented(images, self.p, self._seeds)

    def observe(self, real_logits: tf.Tensor, pictures: tf.Tensor | int) -> dict[str, tf.Tensor]:
        if isinstance(self._p, AdaptiveProbability):
            self._p.update(real_logits, pictures)
        return {"augment_p": self.p}
