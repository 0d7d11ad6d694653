"""Cells: samples that take the style of a picture, and networks that stay as they are."""

from __future__ import annotations

import dataclasses
import hashlib
import math

import numpy as np
import tensorflow as tf

from ...errors import UserError
from ...features import VGG16Features
from ...losses.style import content_loss, gram_matrices, style_loss
from ..problem import Problem
from ..selection import Selection
from .objective import Objective, Retouch
from .trainable import Trainable

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")
CONTENT_LAYER = "conv3_1"
# Pictures whose activations say what is usual in a layer.
_MEASURED = 32
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


@dataclasses.dataclass(frozen=True)
class Pixels(Trainable):
    """No variable of a network: what is optimised is each sample."""

    def select(self, problem: Problem) -> Selection:
        del problem
        return Selection([], [])


@dataclasses.dataclass(frozen=True)
class StyleAndContent(Objective):
    """Each sample keeps its content and takes the style of one picture, drawn for it.

    Source: Gatys et al., "Image Style Transfer Using Convolutional Neural Networks" (CVPR
    2016). The paper takes the style of conv1_1 to conv5_1 and the content of conv4_2 from
    VGG19 with mean pooling, for one large picture that L-BFGS optimises. Samples are small
    and many: here conv1_1 to conv3_1 of VGG16 give the style and the last of them the
    content, a sample begins as the generator made it, and Adam moves its pixels.

    Attributes:
        content_weight: α of equation 7.
        style_weight: β of equation 7. The paper's ratio α / β is 5e-4 to 5e-3; the content
            of small pictures holds out longer.
        iterations: Updates of the pixels of a sample.
        pixel_learning_rate: Adam's, of pixels in [-1, 1].
    """

    content_weight: float = 1.0
    style_weight: float = 1e6
    iterations: int = 30
    pixel_learning_rate: float = 0.06

    keeps_pictures = True

    def __post_init__(self):
        for name in ("content_weight", "style_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise UserError(f"{name} must be a number of 0 or more, not {value}.")
        if self.iterations < 1:
            raise UserError(f"iterations must be at least 1, not {self.iterations}.")
        rate = self.pixel_learning_rate
        if not (math.isfinite(rate) and rate > 0.0):
            raise UserError(f"pixel_learning_rate must be a number above 0, not {rate}.")

    def players(self, problem, selection, latents, penalties):
        del problem, selection, latents, penalties
        return []

    def retouch(self, pictures: np.ndarray, seed: int) -> Retouch:
        return StyleTransfer(self, pictures, seed)


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

    def __init__(self, settings: StyleAndContent, pictures: np.ndarray, seed: int):
        self.settings, self.pictures, self.seed = settings, pictures, seed
        self._vgg = VGG16Features(STYLE_LAYERS)
        self._content = STYLE_LAYERS.index(CONTENT_LAYER)
        usual = [self._vgg(_floats(picture[None])) for picture in pictures[:_MEASURED]]
        means = np.mean([[tf.reduce_mean(layer) for layer in one] for one in usual], axis=0)
        self._scales = [float(mean) or 1.0 for mean in means]
        self._optimised = tf.function(self._optimise)

    def __call__(self, images: np.ndarray, latents: np.ndarray) -> np.ndarray:
        """uint8 samples ``[N, H, W, 3]`` of latents ``[N, D]``, in the style of pictures."""
        # One by one: what becomes of a sample must not depend on those beside it.
        rows = zip(images, self.chosen(latents), strict=True)
        return np.stack([self._one(image, self.pictures[i]) for image, i in rows])

    def chosen(self, latents: np.ndarray) -> np.ndarray:
        """Which picture each latent takes its style of: int ``[N]``.

        The signs of its components decide, which neither rounding nor truncation changes.
        """
        pictures = []
        for signs in np.packbits(np.asarray(latents) > 0.0, axis=1):
            digest = hashlib.sha256(f"{self.seed}:".encode() + signs.tobytes()).digest()
            pictures.append(int.from_bytes(digest[:8], "big") % len(self.pictures))
        return np.array(pictures, np.int64)

    def activations(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Of float32 images ``[N, H, W, 3]`` in [-1, 1], layer by layer, scaled."""
        layers = self._vgg(images)
        return [layer / scale for layer, scale in zip(layers, self._scales, strict=True)]

    def loss(self, images: tf.Tensor, content: tf.Tensor, grams: list[tf.Tensor]) -> tf.Tensor:
        """float32 ``[N]``: what is minimised (equation 7).

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
        """``content`` and ``grams`` of :meth:`loss`, of images and the pictures to follow."""
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
    """uint8 pictures as float32 in [-1, 1]."""
    return tf.cast(pictures, tf.float32) / 127.5 - 1.0
