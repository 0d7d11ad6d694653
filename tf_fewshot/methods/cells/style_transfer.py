"""Samples in the style of pictures: the optimisation of Gatys et al.

Source: Gatys et al., "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016).
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
import tensorflow as tf

from ...features import VGG16Features
from ...losses.style import content_loss, gram_matrices, style_loss

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")
CONTENT_LAYER = "conv3_1"
# Pictures whose activations say what is usual in a layer.
_MEASURED = 32
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


class StyleSettings(Protocol):
    """Weights and steps of the optimisation; see
    :class:`~tf_fewshot.methods.cells.style.StyleAndContent`."""

    @property
    def content_weight(self) -> float: ...

    @property
    def style_weight(self) -> float: ...

    @property
    def iterations(self) -> int: ...

    @property
    def pixel_learning_rate(self) -> float: ...


class StyleTransfer:
    """Samples in the style of pictures.

    Activations are divided by their layer's mean over the pictures, as the paper's network
    is scaled to a mean of 1.

    Args:
        settings: Weights and steps.
        pictures: uint8 ``[M, H, W, 3]`` to take the style of.
        seed: Of the draw.

    Raises:
        UserError: for pictures that VGG16 does not take.
    """

    def __init__(self, settings: StyleSettings, pictures: np.ndarray, seed: int):
        self.settings, self.pictures, self.seed = settings, pictures, seed
        self._vgg = VGG16Features(STYLE_LAYERS)
        self._content = STYLE_LAYERS.index(CONTENT_LAYER)
        usual = [self._vgg(_floats(picture[None])) for picture in pictures[:_MEASURED]]
        means = np.mean([[tf.reduce_mean(layer) for layer in one] for one in usual], axis=0)
        self._scales = [float(mean) or 1.0 for mean in means]
        self._optimised = tf.function(self._optimise)

    def __call__(self, images: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """Returns uint8 samples ``[N, H, W, 3]`` of latents ``[N, D]`` in the style of pictures."""
        # One by one: what becomes of a sample must not depend on those beside it.
        rows = zip(images, self.chosen(latents), strict=True)
        return np.stack([self._one(image, self.pictures[i]) for image, i in rows])

    def chosen(self, latents: np.ndarray) -> np.ndarray:
        """Returns which picture each latent takes its style of: int ``[N]``.

        The signs of its components decide, which neither rounding nor truncation changes.
        """
        pictures = []
        for signs in np.packbits(np.asarray(latents) > 0.0, axis=1):
            digest = hashlib.sha256(f"{self.seed}:".encode() + signs.tobytes()).digest()
            pictures.append(int.from_bytes(digest[:8], "big") % len(self.pictures))
        return np.array(pictures, np.int64)

    def activations(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Returns those of float32 images ``[N, H, W, 3]`` in [-1, 1], by layer, scaled."""
        layers = self._vgg(images)
        return [layer / scale for layer, scale in zip(layers, self._scales, strict=True)]

    def loss(self, images: tf.Tensor, content: tf.Tensor, grams: list[tf.Tensor]) -> tf.Tensor:
        """Returns what is minimised (equation 7), float32 ``[N]``.

        Args:
            images: float32 ``[N, H, W, 3]`` in [-1, 1].
            content: Activations to keep.
            grams: Gram matrices to reach, layer by layer.
        """
        layers = self.activations(images)
        kept = content_loss(layers[self._content], content)
        taken = style_loss(layers, grams)
        return self.settings.content_weight * kept + self.settings.style_weight * taken

    def targets(self, images: tf.Tensor, styles: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns ``content`` and ``grams`` of :meth:`loss`, of images and pictures to follow."""
        grams = [gram_matrices(layer) for layer in self.activations(styles)]
        return self.activations(images)[self._content], grams

    def _one(self, image: np.ndarray, style: np.ndarray) -> np.ndarray:
        pixels = self._optimised(_floats(image[None]), _floats(style[None])).numpy()[0]
        return np.round((pixels + 1.0) * 127.5).astype(np.uint8)

    def _optimise(self, images: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        content, grams = self.targets(images, styles)
        first, second = tf.zeros_like(images), tf.zeros_like(images)
        for step in tf.range(1, self.settings.iterations + 1):
            with tf.GradientTape() as tape:
                tape.watch(images)
                loss = self.loss(images, content, grams)
            gradient = tape.gradient(loss, images)
            first = _BETA_1 * first + (1.0 - _BETA_1) * gradient
            second = _BETA_2 * second + (1.0 - _BETA_2) * tf.square(gradient)
            t = tf.cast(step, tf.float32)
            direction = first / (1.0 - _BETA_1**t)
            size = tf.sqrt(second / (1.0 - _BETA_2**t)) + _EPSILON
            images -= self.settings.pixel_learning_rate * direction / size
            images = tf.clip_by_value(images, -1.0, 1.0)
        return images


def _floats(pictures: np.ndarray) -> tf.Tensor:
    """Returns uint8 pictures as float32 in [-1, 1]."""
    return tf.cast(pictures, tf.float32) / 127.5 - 1.0
