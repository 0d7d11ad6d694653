"""Cell: latents that an encoder reads off the pictures."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from ...losses.augmentation import seeds_for
from ..drawn import DrawnLatents
from ..problem import Problem
from ..step import Step
from .fitted import OfPictures, PictureSource

_WIDTHS = (32, 64, 128, 256)
_SMALLEST = 4
_AT_ONCE = 32


@dataclasses.dataclass(frozen=True)
class Encoded(OfPictures):
    """An encoder that is trained along gives each picture its latent.

    Source: the baseline "encoder-generator" of BSA (ICCV 2019), section 4.2, which does not
    say what its encoder is made of: here convolutions of stride 2 down to 4 pixels, with
    leaky ReLU, and a dense layer to the GAN's free space that begins near zero.
    """

    def prepare(self, problem: Problem) -> PictureSource:
        return _EncoderSource(problem, self.latent_distribution == "gaussian")


class _EncoderSource(PictureSource):
    def __init__(self, problem: Problem, gaussian: bool):
        super().__init__(problem.gan, gaussian)
        self._images = problem.images
        height, _, channels = problem.gan.image_shape
        rng = np.random.default_rng(problem.seed)
        layers: list[keras.layers.Layer] = [keras.layers.Input((height, height, channels))]
        for i in range(max(1, int(math.log2(height / _SMALLEST)))):
            layers += [
                keras.layers.Conv2D(
                    _WIDTHS[min(i, len(_WIDTHS) - 1)],
                    3,
                    strides=2,
                    padding="same",
                    kernel_initializer=keras.initializers.HeNormal(int(rng.integers(2**31))),
                    name=f"conv{i}",
                    dtype="float32",
                ),
                keras.layers.LeakyReLU(0.2, name=f"lrelu{i}", dtype="float32"),
            ]
        small = keras.initializers.RandomNormal(stddev=1e-3, seed=int(rng.integers(2**31)))
        layers += [
            keras.layers.Flatten(name="flat", dtype="float32"),
            keras.layers.Dense(
                problem.gan.free_latent_dim, kernel_initializer=small, name="dense", dtype="float32"
            ),
        ]
        self._encoder = keras.Sequential(layers, name="encoder")
        self.variables = list(self._encoder.trainable_variables)
        self.seeds = seeds_for(problem.seed, "encoder")

    def draw(self, step: Step) -> DrawnLatents:
        latents = self._encoder(step.pictures, training=True)
        return DrawnLatents(latents, latents, free=True)

    def fitted(self) -> np.ndarray:
        return self.current().numpy()

    def current(self) -> tf.Tensor:
        latents = []
        for i in range(0, len(self._images), _AT_ONCE):
            images = tf.cast(self._images[i : i + _AT_ONCE], tf.float32) / 127.5 - 1.0
            latents.append(self._encoder(images))
        return tf.concat(latents, 0)
