"""DiffAugment.

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training"
(NeurIPS 2020), section 4: colour, translation and cutout, always applied.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...errors import unknown_name
from .base import Augmentation
from .draws import seeds_for


def color(images: tf.Tensor, seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Changes brightness by [-0.5, 0.5], then saturation × [0, 2], then contrast × [0.5, 1.5]."""

    def drawn(low: float, high: float) -> tf.Tensor:
        return keras.random.uniform((tf.shape(images)[0], 1, 1, 1), low, high, seed=seeds)

    images = images + drawn(-0.5, 0.5)
    grey = tf.reduce_mean(images, -1, keepdims=True)
    images = grey + (images - grey) * drawn(0.0, 2.0)
    mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
    return mean + (images - mean) * drawn(0.5, 1.5)


def translation(images: tf.Tensor, seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Moves pictures by whole pixels, up to an eighth of the size; what comes in is 0."""
    for axis in (1, 2):
        size = images.shape[axis]
        most = _share(size, 8)
        shift = keras.random.randint((tf.shape(images)[0], 1), -most, most + 1, seed=seeds)
        # Index 0 and size + 1 are a border of zeros.
        places = tf.clip_by_value(tf.range(1, size + 1) - shift, 0, size + 1)
        border = [[1, 1] if i == axis else [0, 0] for i in range(4)]
        images = tf.gather(tf.pad(images, border), places, axis=axis, batch_dims=1)
    return images


def cutout(images: tf.Tensor, seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Sets a rectangle of half the size to 0; parts of it may be outside."""
    outside = []
    for axis in (1, 2):
        size = images.shape[axis]
        side = _share(size, 2)
        # Its centre is anywhere in the picture, the far border included.
        centres = size + (1 - side % 2)
        begin = keras.random.randint((tf.shape(images)[0], 1), 0, centres, seed=seeds) - side // 2
        place = tf.range(size)
        outside.append((place < begin) | (place >= begin + side))
    kept = outside[0][:, :, None] | outside[1][:, None, :]
    return images * tf.cast(kept, images.dtype)[..., None]


def _share(size: int, parts: int) -> int:
    return int(size / parts + 0.5)


POLICIES = {"color": color, "translation": translation, "cutout": cutout}


class DiffAugment(Augmentation):
    """The augmentations of DiffAugment, each for every picture.

    Args:
        seed: Of the randomness.
        policy: Names out of "color", "translation" and "cutout", in their order.

    Raises:
        UserError: for another name.
    """

    def __init__(self, seed: int, policy: Sequence[str] = tuple(POLICIES)):
        for name in policy:
            if name not in POLICIES:
                raise unknown_name("augmentation", name, POLICIES)
        self._policy, self._seeds = policy, seeds_for(seed, "augment")
        self.state = [self._seeds.state]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        for name in self._policy:
            images = POLICIES[name](images, self._seeds)
        return images
