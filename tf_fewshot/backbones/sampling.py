"""Pictures of a GAN by seed."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .base import GAN, BackboneError


def sample_images(
    gan: GAN,
    n: int,
    seed: int = 0,
    truncation: float | None = None,
    batch_size: int = 32,
    label: int | None = None,
) -> np.ndarray:
    """Draws pictures; the same seed gives the same ones, and a larger n begins with them.

    Args:
        gan: What generates.
        n: Number of pictures.
        seed: Of the latents.
        truncation: See ``GAN.sample_latents`` and ``GAN.generate``.
        batch_size: Pictures at a time.
        label: Class of a conditional GAN.

    Returns:
        uint8 ``[n, H, W, C]``.

    Raises:
        UserError: if n is below 1, or pixels are not finite numbers.
    """
    if n < 1:
        raise BackboneError(f"The number of pictures must be at least 1, not {n}.")
    return images_of(gan, gan.sample_latents(n, seed, truncation), truncation, batch_size, label)


def images_of(
    gan: GAN,
    z: np.ndarray,
    truncation: float | None = None,
    batch_size: int = 32,
    label: int | None = None,
) -> np.ndarray:
    """uint8 pictures of given latents ``[N, latent_dim]``."""

    @tf.function(reduce_retracing=True)
    def pictures(part):
        labels = None if label is None else tf.fill([tf.shape(part)[0]], label)
        return quantised(gan.generate(part, labels, truncation))

    parts = [
        pictures(tf.constant(z[i : i + batch_size])).numpy() for i in range(0, len(z), batch_size)
    ]
    return np.concatenate(parts)


def quantised(images: tf.Tensor) -> tf.Tensor:
    """float32 images, nominally in [-1, 1], as uint8: clipped and rounded."""
    tf.debugging.assert_all_finite(images, "the generator's pixels are not finite numbers")
    return tf.cast(tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0)), tf.uint8)
