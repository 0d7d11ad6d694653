"""Random parameters of augmentations, one a picture."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

# Numbers of each kind that one set of transformations may need for a picture.
_MOST = 32


def seeds_for(seed: int, name: str) -> keras.random.SeedGenerator:
    """Returns a seed generator whose numbers are not those of the latents of the same run."""
    own = np.random.default_rng([seed, *name.encode()]).integers(2**31)
    return keras.random.SeedGenerator(int(own), name=f"{name}_seeds")


class Draws:
    """Draws for one batch of pictures.

    Args:
        count: Number N of pictures.
        size: Their height and width.
        p: Probability of every transformation, for every picture.
        seeds: Where randomness comes from.
    """

    def __init__(self, count, size: tuple[int, int], p, seeds: keras.random.SeedGenerator):
        self.size, self.p = size, p
        # All at once: a graph of hundreds of small draws takes seconds to make.
        self._uniform = iter(tf.unstack(keras.random.uniform((_MOST, count), seed=seeds)))
        self._normal = iter(tf.unstack(keras.random.normal((_MOST, count), seed=seeds)))

    def uniform(self, low: float, high: float) -> tf.Tensor:
        """Draws float32 ``[N]`` in [low, high)."""
        return low + (high - low) * next(self._uniform)

    def normal(self, deviation: float) -> tf.Tensor:
        """Draws float32 ``[N]`` of mean 0."""
        return deviation * next(self._normal)

    def choice(self, options: int) -> tf.Tensor:
        """Draws int32 ``[N]`` in [0, options)."""
        return tf.cast(options * next(self._uniform), tf.int32)

    def sometimes(self, p=None) -> tf.Tensor:
        """Draws bool ``[N]``, true with probability ``p``, by default that of the draws."""
        return next(self._uniform) < (self.p if p is None else p)
