"""Cells: where the latents of a step come from."""

from __future__ import annotations

import abc
import dataclasses

import keras
import tensorflow as tf

from ..backbones import GAN
from ..layers import LatentTable
from .player import Batch, Problem


@dataclasses.dataclass(frozen=True)
class DrawnLatents:
    """The latents of one step.

    Attributes:
        values: float32 ``[N, dim]`` as the generator gets them.
        clean: The same before noise was added.
        free: Whether they live in the free space of the GAN (``gan.synthesize``)
            or are ``z`` (``gan.generator``).
    """

    values: tf.Tensor
    clean: tf.Tensor
    free: bool

    def images(self, gan: GAN, label=None) -> tf.Tensor:
        """The generator's images of these latents, as it makes them in training."""
        if self.free:
            return gan.synthesize(self.values, label)
        return gan.generator(self.values, label, training=True)


class LatentSource(abc.ABC):
    """Latents made ready for one problem."""

    variables: list[keras.Variable]
    seeds: keras.random.SeedGenerator

    @abc.abstractmethod
    def draw(self, batch: Batch) -> DrawnLatents:
        """The latents for one step on ``batch``."""


class Latents(abc.ABC):
    """The cell."""

    @abc.abstractmethod
    def prepare(self, problem: Problem) -> LatentSource:
        """Makes the latents ready for a problem."""


@dataclasses.dataclass(frozen=True)
class Prior(Latents):
    """Fresh ``z`` from N(0, 1) in every step."""

    def prepare(self, problem: Problem) -> LatentSource:
        return _PriorSource(problem)


class _PriorSource(LatentSource):
    def __init__(self, problem: Problem):
        self.variables = []
        self.seeds = keras.random.SeedGenerator(problem.seed, name="prior_seeds")
        self._dim = problem.gan.latent_dim

    def draw(self, batch: Batch) -> DrawnLatents:
        n = tf.shape(batch.indices)[0]
        z = keras.random.normal((n, self._dim), seed=self.seeds)
        return DrawnLatents(z, z, free=False)


@dataclasses.dataclass(frozen=True)
class Table(Latents):
    """A trained latent for each picture, plus noise.

    Source: BSA (ICCV 2019), section 3.2: z_i + ε with ε from N(0, latent_noise²).
    The latents begin at zero and live in the GAN's free space.

    Attributes:
        latent_noise: Standard deviation of the noise; the official code draws with
            scale 0.01.
    """

    latent_noise: float = 0.01

    def prepare(self, problem: Problem) -> TableSource:
        return TableSource(problem, self.latent_noise)


class TableSource(LatentSource):
    """The latent table of one problem."""

    def __init__(self, problem: Problem, noise: float):
        self.table = LatentTable(
            len(problem.images), problem.gan.free_latent_dim, name="latent_table"
        )
        self.table.build()
        self.variables = [self.table.latents]
        self.seeds = keras.random.SeedGenerator(problem.seed, name="table_seeds")
        self._noise = noise

    def draw(self, batch: Batch) -> DrawnLatents:
        clean = self.table(batch.indices)
        noise = keras.random.normal(tf.shape(clean), stddev=self._noise, seed=self.seeds)
        return DrawnLatents(clean + noise, clean, free=True)
