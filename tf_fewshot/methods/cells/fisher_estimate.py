"""How the Fisher diagonal of a source is estimated, and where it is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import keras
import numpy as np
import tensorflow as tf

from ...archives import DamagedArraysError, read_arrays
from ...errors import UserError, unknown_name
from ...files import atomic_path
from ...losses.fisher import (
    LIKELIHOODS,
    discriminator_likelihood,
    fisher_diagonal,
    pixel_likelihood,
)


class EstimateSettings(TypedDict, total=False):
    """The keyword arguments of :class:`FisherEstimate`."""

    samples: int
    likelihood: str
    convention: str
    batch_size: int
    companions: int
    clip_images: bool
    seed: int
    cache: Path | None


@dataclasses.dataclass(frozen=True)
class FisherEstimate:
    """The estimate of a Fisher diagonal from images that a generator makes.

    Attributes:
        samples: Generated images for the estimate.
        likelihood: Of what the Fisher diagonal is: "discriminator", the paper's, or
            "pixels", which needs none: see :func:`tf_fewshot.losses.fisher.pixel_likelihood`.
            Their scales differ, so that each has a strength λ of its own.
        convention: See :func:`tf_fewshot.losses.fisher.fisher_diagonal`.
        batch_size: Of the "batch_mean" convention.
        companions: With "per_sample", other generated images that the discriminator
            sees beside each sample, so that its batch statistics are as in training.
        clip_images: Shows the discriminator images clipped to [-1, 1], as the pictures
            are that it learned from.
        seed: Of the samples.
        cache: File that keeps the diagonal, or None.

    Raises:
        UserError: for an unknown likelihood.
    """

    samples: int = 256
    likelihood: str = "discriminator"
    convention: str = "per_sample"
    batch_size: int = 8
    companions: int = 3
    clip_images: bool = False
    seed: int = 0
    cache: Path | None = None

    def __post_init__(self):
        if self.likelihood not in LIKELIHOODS:
            raise unknown_name("likelihood", self.likelihood, LIKELIHOODS)

    def diagonal(
        self, generator: keras.Model, discriminator: keras.Model | None, latent_dim: int
    ) -> dict[str, np.ndarray]:
        """Estimates the diagonal of a generator's trainable weights, or reads it from the cache.

        Args:
            generator: ``generator(z)`` gives images.
            discriminator: Gives logits ``[N, 1]`` of images; None with "pixels".
            latent_dim: Size of z.

        Returns:
            One float32 array a weight, of its shape, by the weight's path.

        Raises:
            UserError: if there is no discriminator and the likelihood needs one.
        """
        self.check(discriminator)
        weights = {v.path: v for v in generator.trainable_weights}
        if self.cache is not None:
            kept = _read(self.cache, weights)
            if kept is not None:
                return kept
        fisher = self._estimated(weights, generator, discriminator, latent_dim)
        if self.cache is not None:
            with atomic_path(self.cache) as partial:
                np.savez(partial, allow_pickle=False, **fisher)
        return fisher

    def check(self, discriminator: keras.Model | None) -> None:
        """Raises a UserError if the likelihood needs a discriminator and there is none."""
        if self.likelihood == "discriminator" and discriminator is None:
            raise UserError(
                "EWC needs a discriminator for its Fisher diagonal. Without one, choose the "
                "likelihood 'pixels'."
            )

    def _estimated(self, weights, generator, discriminator, latent_dim) -> dict[str, np.ndarray]:
        def images(latents):
            shown = generator(latents)
            return tf.clip_by_value(shown, -1.0, 1.0) if self.clip_images else shown

        rng = np.random.default_rng(self.seed)
        z = rng.standard_normal((self.samples, latent_dim), dtype=np.float32)
        if self.likelihood == "pixels":
            loss = pixel_likelihood(images, self.seed)
        else:
            companions = self.companions if self.convention == "per_sample" else 0
            beside = rng.standard_normal((companions, latent_dim), dtype=np.float32)
            others = images(beside) if companions else None
            loss = discriminator_likelihood(images, discriminator, others)
        diagonal = fisher_diagonal(
            loss, list(weights.values()), z, self.convention, self.batch_size
        )
        return dict(zip(weights, diagonal, strict=True))


def _read(cache: Path, weights: Mapping[str, keras.Variable]) -> dict[str, np.ndarray] | None:
    """Reads a diagonal from a file; None if it is absent, broken, or of other weights."""
    try:
        stored = read_arrays(cache)
    except (FileNotFoundError, DamagedArraysError):
        return None  # it is estimated anew and written over
    shapes = {path: tuple(v.shape) for path, v in weights.items()}
    return stored if {path: value.shape for path, value in stored.items()} == shapes else None
