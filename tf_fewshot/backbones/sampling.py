"""Pictures of a GAN by seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from .base import GAN
from .errors import BackboneError
from .extensions import given_rows

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
        label: Class of a conditional GAN; None draws one for each picture.

    Returns:
        uint8 ``[n, H, W, C]``.

    Raises:
        UserError: if n is below 1, there is no such class, or pixels are not finite
            numbers.
    """
    return sample_arrays(gan, n, seed, truncation, batch_size, label)["images"]


def sample_arrays(
    gan: GAN,
    n: int,
    seed: int = 0,
    truncation: float | None = None,
    batch_size: int = 32,
    label: int | None = None,
) -> dict[str, np.ndarray]:
    """Draws pictures as :func:`sample_images` does, and says what they were drawn from.

    Returns:
        "images", uint8 ``[n, H, W, C]``, "latents", float32 ``[n, latent_dim]``, and of a
        conditional GAN "labels", int32 ``[n]``.

    Raises:
        UserError: as :func:`sample_images`.
    """
    if n < 1:
        raise BackboneError(f"The number of pictures must be at least 1, not {n}.")
    z = gan.sample_latents(n, seed, truncation)
    labels = _labels(gan, n, seed, label)
    arrays = {"images": images_of(gan, z, truncation, batch_size, labels), "latents": np.asarray(z)}
    return arrays if labels is None else {**arrays, "labels": labels}


def _labels(gan: GAN, n: int, seed: int, label: int | None) -> np.ndarray | None:
    """int32 ``[n]``, or None for a GAN without classes."""
    if label is not None and not 0 <= label < gan.num_classes:
        classes = f"classes 0 to {gan.num_classes - 1}" if gan.num_classes else "no classes"
        raise BackboneError(f"There is no class {label}: this {gan.architecture} has {classes}.")
    if not gan.num_classes:
        return None
    if label is None:
        # Not the numbers that the latents were made of.
        return np.random.default_rng([seed, 1]).integers(gan.num_classes, size=n, dtype=np.int32)
    return np.full(n, label, np.int32)


def images_of(
    gan: GAN,
    z: np.ndarray,
    truncation: float | None = None,
    batch_size: int = 32,
    labels: np.ndarray | None = None,
    rows: Mapping[str, np.ndarray] | None = None,
    finished_as: np.ndarray | None = None,
) -> np.ndarray:
    """Draws the pictures of latents.

    Args:
        gan: What generates.
        z: float32 ``[N, latent_dim]``, taken as they are.
        truncation: See ``GAN.generate``.
        batch_size: Pictures at a time.
        labels: int ``[N]``, if there are classes; without them the classes take turns.
        rows: What extensions are told of each picture, int ``[N]`` by name, such as its domain
            (:func:`~tf_fewshot.backbones.extensions.given_rows`).
        finished_as: Latents by which extensions tell finished pictures apart, if these are not
            to be ``z``: of pictures on the way between two, those of one end.

    Returns:
        uint8 ``[N, H, W, C]``, with what extensions make of finished pictures.

    Raises:
        UserError: if pixels are not finite numbers.
    """
    if labels is None and gan.num_classes:
        labels = np.arange(len(z), dtype=np.int32) % gan.num_classes
    pictures = _compiled(gan)
    try:
        parts = []
        for i in range(0, len(z), batch_size):
            part = slice(i, i + batch_size)
            some = None if labels is None else tf.constant(labels[part])
            told = {name: tf.constant(values[part]) for name, values in (rows or {}).items()}
            parts.append(pictures(tf.constant(z[part]), truncation, some, told).numpy())
    except tf.errors.InvalidArgumentError as error:
        if _NOT_FINITE not in error.message:
            raise
        raise BackboneError(f"Nothing can be drawn: {_NOT_FINITE}. Train it again.") from error
    return gan.finished(np.concatenate(parts), z if finished_as is None else finished_as)


def _compiled(gan: GAN):
    """The graph that makes pictures, kept with the GAN: tracing it takes seconds."""

    @tf.function(autograph=False, reduce_retracing=True)
    def pictures(z, truncation, labels, rows):
        with given_rows(**rows):
            return quantised(gan.generate(z, labels, truncation))

    if not hasattr(gan, "_pictures"):
        vars(gan)["_pictures"] = pictures
    return vars(gan)["_pictures"]


def quantised(images: tf.Tensor) -> tf.Tensor:
    """float32 images, nominally in [-1, 1], as uint8: clipped and rounded."""
    tf.debugging.assert_all_finite(images, _NOT_FINITE)
    return tf.cast(tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0)), tf.uint8)
