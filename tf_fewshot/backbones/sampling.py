"""Pictures of a GAN by seed."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .base import GAN, BackboneError

_NOT_FINITE = "the generator's pixels are not finite numbers"


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
    """uint8 pictures of given latents ``[N, latent_dim]``.

    Raises:
        UserError: if pixels are not finite numbers.
    """
    pictures = _compiled(gan)
    try:
        parts = [
            pictures(tf.constant(z[i : i + batch_size]), truncation, label).numpy()
            for i in range(0, len(z), batch_size)
        ]
    except tf.errors.InvalidArgumentError as error:
        if _NOT_FINITE not in error.message:
            raise
        raise BackboneError(f"Nothing can be drawn: {_NOT_FINITE}. Train it again.") from error
    return np.concatenate(parts)


def _compiled(gan: GAN):
    """The graph that makes pictures, kept with the GAN: tracing it takes seconds."""

    @tf.function(reduce_retracing=True)
    def pictures(z, truncation, label):
        labels = None if label is None else tf.fill([tf.shape(z)[0]], label)
        return quantised(gan.generate(z, labels, truncation))

    if not hasattr(gan, "_pictures"):
        vars(gan)["_pictures"] = pictures
    return vars(gan)["_pictures"]


def quantised(images: tf.Tensor) -> tf.Tensor:
    """float32 images, nominally in [-1, 1], as uint8: clipped and rounded."""
    tf.debugging.assert_all_finite(images, _NOT_FINITE)
    return tf.cast(tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0)), tf.uint8)
