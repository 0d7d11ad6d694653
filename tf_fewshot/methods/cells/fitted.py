"""Cells: latents of the pictures themselves, which are fitted to these."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ...errors import UserError
from ...layers import LatentMap, LatentTable
from ...losses.augmentation import seeds_for
from ..drawn import DrawnLatents
from ..problem import Problem
from ..step import Step
from .latents import Latents, LatentSource


@dataclasses.dataclass(frozen=True)
class OfPictures(Latents):
    """Each picture has a latent of its own, in the GAN's free space.

    Attributes:
        latent_distribution: What samples are drawn from: "gaussian", that of the pictures'
            latents (Bojanowski et al., 2018), or "prior" (BSA's paper). Latents that are
            fitted to a new domain leave the prior together, and what lies there is then
            neither of the source nor of the domain.
    """

    latent_distribution: Literal["gaussian", "prior"] = "gaussian"

    def extend(self, gan: GAN, pictures: int) -> GAN:
        if self.latent_distribution not in ("gaussian", "prior"):
            raise UserError(
                "latent_distribution must be 'gaussian' or 'prior', not "
                f"{self.latent_distribution!r}."
            )
        if self.latent_distribution == "prior":
            return gan
        return gan.with_latent_gaussian(pictures)


class PictureSource(LatentSource):
    """The pictures' latents of one problem.

    Args:
        gan: The one that is trained.
        gaussian: Whether samples are drawn from their Gaussian.
    """

    def __init__(self, gan: GAN, gaussian: bool):
        self._gan, self._gaussian = gan, gaussian

    @abc.abstractmethod
    def fitted(self) -> np.ndarray:
        """Returns free latents ``[N, D]`` of the training pictures, in the GAN that is trained."""

    @abc.abstractmethod
    def current(self) -> tf.Tensor:
        """Returns the same as a tensor, as it is in the step that is traced."""

    def between(self, n: Any, seeds: keras.random.SeedGenerator) -> tf.Tensor:
        """Draws latents ``[n, D]`` from the Gaussian of those that are fitted so far.

        Args:
            n: How many.
            seeds: What they are drawn by.
        """
        fitted = tf.stop_gradient(self.current())
        count = fitted.shape[0]
        centre = tf.reduce_mean(fitted, 0, keepdims=True)
        # Sums of the N deviations, weighted so, have the covariance of the latents.
        weights = keras.random.normal((n, count), stddev=max(count - 1, 1) ** -0.5, seed=seeds)
        return centre + tf.matmul(weights, fitted - centre)

    def settle(self, gan: GAN) -> None:
        if self._gaussian:
            gan.fit_latents(self.fitted(), self._gan)

    def reconstructions(self, gan: GAN, count: int, labels=None) -> tf.Tensor:
        fitted = self.fitted()
        if self._gaussian:
            return gan.generate(gan.latents_of_fitted(fitted)[:count], labels)
        return gan.synthesize(fitted[:count], labels)


def between(source: LatentSource, n: Any, seeds: keras.random.SeedGenerator) -> DrawnLatents:
    """Draws latents as samples have them, of those that are fitted so far, without gradients.

    Args:
        source: Whose latents they are.
        n: How many are drawn.
        seeds: What they are drawn by.

    Raises:
        UserError: if the source fits no latents to pictures.
    """
    if not isinstance(source, PictureSource):
        raise UserError(
            "This objective draws between the latents of the pictures: choose latents that are "
            "fitted to these, such as 'Table'."
        )
    drawn = tf.stop_gradient(source.between(n, seeds))
    return DrawnLatents(drawn, drawn, free=True)


@dataclasses.dataclass(frozen=True)
class Table(OfPictures):
    """A trained latent for each picture, plus noise.

    Source: BSA (ICCV 2019), section 3.2: z_i + ε with ε from N(0, latent_noise²).
    The latents begin at zero and live in the GAN's free space. Where this has a part for each
    layer, a picture has one part's worth, and a :class:`~tf_fewshot.layers.LatentMap` that all
    pictures share and that is trained along makes all parts of it: what one picture learns moves
    the others, and latents of pictures that are alike stay alike, so that there are pictures
    between them, too.

    Attributes:
        latent_noise: Standard deviation of the noise; the official code draws with
            scale 0.01.
    """

    latent_noise: float = 0.01

    def prepare(self, problem: Problem) -> TableSource:
        gaussian = self.latent_distribution == "gaussian"
        return TableSource(problem, self.latent_noise, gaussian)


class TabledSource(PictureSource):
    """Latents of a trained table, from which a map makes those of all layers, if there are any.

    Args:
        problem: The problem.
        rows: How many the table has.
        purpose: What its seeds are told apart by.
        gaussian: See :class:`PictureSource`.
    """

    def __init__(self, problem: Problem, rows: int, purpose: str, gaussian: bool):
        super().__init__(problem.gan, gaussian)
        layers = problem.gan.free_latent_layers
        dim = problem.gan.free_latent_dim // layers
        self.table = LatentTable(rows, dim, name="latent_table")
        self.table.build()
        self.variables = [self.table.latents]
        self._map = None
        if layers > 1:
            self._map = LatentMap(layers, name="latent_map")
            self._map.build((None, dim))
            self.variables += self._map.trainable_variables
        self.seeds = seeds_for(problem.seed, purpose)

    def fitted(self) -> np.ndarray:
        return self.current().numpy()

    def _carried(self, latents):
        return latents if self._map is None else self._map(latents)

    def _with_noise(self, clean: tf.Tensor, stddev: float) -> tf.Tensor:
        return clean + keras.random.normal(tf.shape(clean), stddev=stddev, seed=self.seeds)


class TableSource(TabledSource):
    """The latent table of one problem."""

    def __init__(self, problem: Problem, noise: float, gaussian: bool):
        super().__init__(problem, len(problem.images), "table", gaussian)
        self._noise = noise

    def draw(self, step: Step) -> DrawnLatents:
        clean = self._carried(self.table(step.indices))
        return DrawnLatents(self._with_noise(clean, self._noise), clean, free=True)

    def current(self) -> tf.Tensor:
        return self._carried(tf.convert_to_tensor(self.table.latents))
