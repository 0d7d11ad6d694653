"""Cells: where the latents of a step come from."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ...data.pictures import Pictures
from ...errors import UserError
from ...losses.augmentation import seeds_for
from ..drawn import DrawnLatents
from ..problem import Problem
from ..step import Step


class LatentSource(abc.ABC):
    """Latents made ready for one problem.

    Attributes:
        variables: What is trained of them.
        seeds: Where their randomness comes from.
    """

    variables: list[keras.Variable]
    seeds: keras.random.SeedGenerator

    @abc.abstractmethod
    def draw(self, step: Step) -> DrawnLatents:
        """Draws the latents of a step."""

    def settle(self, gan: GAN) -> None:
        """Makes a copy of the GAN that is trained draw as this source has it."""
        del gan

    def reconstructions(self, gan: GAN, count: int, labels=None) -> tf.Tensor | None:
        """Returns what a settled GAN makes of the latents of the first training pictures.

        Args:
            gan: A GAN that went through :meth:`settle`.
            count: How many pictures.
            labels: int ``[count]``, their classes, or None.

        Returns:
            float32 ``[count, H, W, C]``; None where pictures have no latents of their own.
        """
        del gan, count, labels
        return None


class Latents(abc.ABC):
    """A cell that says what the generator is fed in training."""

    def check(self, pictures: Pictures, latent_dim: int) -> None:
        """Checks that the pictures come with what the latents are made of.

        Args:
            pictures: Those of a training.
            latent_dim: Size of the GAN's ``z``.

        Raises:
            UserError: if they do not.
        """
        del pictures, latent_dim

    def model_settings(self, pictures: Pictures) -> dict[str, Any]:
        """Returns settings of a new source that follow from the pictures; by default none."""
        del pictures
        return {}

    def extend(self, gan: GAN, pictures: int) -> GAN:
        """Returns a GAN that has what the latents of so many pictures need; by default the same."""
        del pictures
        return gan

    @abc.abstractmethod
    def prepare(self, problem: Problem) -> LatentSource:
        """Makes the latents ready, of a problem whose GAN went through :meth:`extend`."""


@dataclasses.dataclass(frozen=True)
class Prior(Latents):
    """Fresh ``z`` from N(0, 1) in every step."""

    def prepare(self, problem: Problem) -> LatentSource:
        return _PriorSource(problem)


class _PriorSource(LatentSource):
    def __init__(self, problem: Problem):
        self.variables = []
        # Not the seed itself: a generator that mixes styles draws from such a one.
        self.seeds = seeds_for(problem.seed, "prior")
        self._dim = problem.gan.latent_dim

    def draw(self, step: Step) -> DrawnLatents:
        n = tf.shape(step.indices)[0]
        z = keras.random.normal((n, self._dim), seed=self.seeds)
        return DrawnLatents(z, z, free=False)


@dataclasses.dataclass(frozen=True)
class PriorAndAnchors(Latents):
    """Fresh ``z``, of which the first of every step lie near fixed anchors.

    Source: Ojha et al., "Few-shot Image Generation via Cross-domain Correspondence" (CVPR
    2021), section 3.2; as many anchors as pictures. The released code takes whole batches
    near anchors in every fourth step; here half of every batch is near them, so that
    discriminators compare as many of either kind, and counts a quarter
    (:class:`~tf_fewshot.methods.cells.patches.ImageAndPatch`).

    Attributes:
        anchor_share: Share of a batch near anchors; at least one picture of each kind.
        anchor_noise: Standard deviation around an anchor; the code's.
    """

    anchor_share: float = 0.5
    anchor_noise: float = 0.1

    def prepare(self, problem: Problem) -> LatentSource:
        return _AnchoredSource(problem, self.anchor_share, self.anchor_noise)


class _AnchoredSource(_PriorSource):
    def __init__(self, problem: Problem, share: float, noise: float):
        super().__init__(problem)
        if problem.batch_size < 2:
            raise UserError("Anchors need a batch_size of at least 2: one picture of each kind.")
        self._noise = noise
        self._anchored = min(max(1, round(share * problem.batch_size)), problem.batch_size - 1)
        # Not those of samples with the same seed: these would show what lies at anchors.
        rng = np.random.default_rng([problem.seed, *b"anchors"])
        shape = (len(problem.images), problem.gan.latent_dim)
        self._anchors = rng.standard_normal(shape, dtype=np.float32)

    def draw(self, step: Step) -> DrawnLatents:
        k, z = self._anchored, super().draw(step).values
        chosen = keras.random.randint((k,), 0, len(self._anchors), seed=self.seeds)
        near = tf.gather(self._anchors, chosen) + self._noise * z[:k]
        z = tf.concat([near, z[k:]], 0)
        return DrawnLatents(z, z, free=False, anchored=k)
