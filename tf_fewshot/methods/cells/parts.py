"""Cell: each picture has a latent for each of its parts."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ...backbones.extensions import PartsOfLatents
from ...data.collages import Collages
from ...errors import UserError, check_least
from ..drawn import DrawnLatents
from ..problem import Problem
from ..step import Step
from .fitted import TabledSource
from .latents import Latents, LatentSource


@dataclasses.dataclass(frozen=True)
class Parts(Latents):
    """A trained latent for each part of each picture; samples have parts of different pictures.

    A picture is cut into bands, one below the other. Its latent is the sum of those of its bands,
    to which a map that all pictures share gives all layers, as in
    :class:`~tf_fewshot.methods.cells.fitted.Table`. In training some rows of a batch are
    collages: each band is that of some picture, and so is its latent. From them the generator
    learns that bands are chosen by themselves, and what is drawn from N pictures with R parts is
    N to the power of R pictures rather than N and their mixtures. The main colours are a part, too:
    a collage has bands of some pictures in the colours of another, so that its bands suit each
    other, and shapes come in colours in which they never were seen.

    Source: this project. Tables of latents are of Bojanowski et al., "Optimizing the Latent Space
    of Generative Networks" (2018); training on pieces of two pictures is of Yun et al., "CutMix"
    (ICCV 2019), for classifiers.

    Attributes:
        parts: How many bands; 1 cuts nothing.
        colours: How many colours of a picture are exchanged, those that cover most of it, for those
            that another has at the same place; 0 leaves bands in their own.
        collage_share: Share of a batch that are collages.
        seam: How wide the passage from one band to the next is, as a share of the height of a
            picture: there what was above is still seen by 12 to 88 in 100.
        latent_noise: Standard deviation of the noise of latents.
    """

    parts: int = 2
    colours: int = 6
    collage_share: float = 0.5
    seam: float = 0.25
    latent_noise: float = 0.02

    def __post_init__(self):
        check_least(self, parts=1, colours=0)
        if not 0.0 <= self.collage_share <= 1.0:
            raise UserError(f"collage_share must be from 0 to 1, not {self.collage_share}.")
        if not 0.0 < self.seam <= 1.0:
            raise UserError(f"seam must be above 0 and at most 1, not {self.seam}.")

    @property
    def chosen(self) -> int:
        """How many parts are chosen by themselves: the bands, and the colours if these are."""
        return self.parts + (self.colours > 0)

    def extend(self, gan: GAN, pictures: int) -> GAN:
        return gan.with_latent_parts(self.chosen, pictures)

    def prepare(self, problem: Problem) -> LatentSource:
        return PartsSource(problem, self)


class PartsSource(TabledSource):
    """The latents of the parts of one problem.

    Args:
        problem: The problem.
        cell: The settings.
    """

    def __init__(self, problem: Problem, cell: Parts):
        count = len(problem.images)
        super().__init__(problem, cell.chosen * count, "parts", gaussian=False)
        self._cell, self._count, self._dim = cell, count, self.table.dim
        self.collages = Collages(problem.images, cell.parts, cell.colours, cell.seam)

    def draw(self, step: Step) -> DrawnLatents:
        n, parts = tf.shape(step.indices)[0], self._cell.chosen
        whole = tf.tile(step.indices[:, None], [1, parts])
        some = keras.random.randint((n, parts), 0, self._count, seed=self.seeds, dtype="int32")
        collages = tf.cast(tf.round(self._cell.collage_share * tf.cast(n, tf.float32)), tf.int32)
        # The first rows are whole: each picture comes first as often as last.
        chosen = tf.where(tf.range(n)[:, None] < n - collages, tf.cast(whole, tf.int32), some)
        clean = self._carried(tf.reduce_sum(self.table(self._rows(chosen)), 1))
        values = self._with_noise(clean, self._cell.latent_noise)
        return DrawnLatents(values, clean, free=True, targets=self.collages(chosen))

    def between(self, n, seeds):
        layer = self._gan.required(PartsOfLatents.name).of(self._gan)
        shares = layer.shares(keras.random.normal((n, self._gan.latent_dim), seed=seeds))
        flat = tf.reshape(shares, [-1, self._cell.chosen * self._count])
        return self._carried(tf.matmul(flat, self.table.latents))

    def current(self) -> tf.Tensor:
        return self._carried(tf.reduce_sum(self._by_part(), 0))

    def settle(self, gan: GAN) -> None:
        alone = tf.reshape(self._by_part(), [-1, self._dim])
        latents = np.asarray(self._carried(alone)).reshape(self._cell.chosen, self._count, -1)
        origin = np.asarray(self._carried(tf.zeros([1, self._dim])))[0]
        gan.fit_latent_parts(latents, origin, self._gan)

    def reconstructions(self, gan: GAN, count: int, labels=None) -> tf.Tensor:
        return gan.generate(gan.latents_of_fitted(self.fitted())[:count], labels)

    def _rows(self, chosen: tf.Tensor) -> tf.Tensor:
        return chosen + self._count * tf.range(self._cell.chosen, dtype=chosen.dtype)

    def _by_part(self) -> tf.Tensor:
        table = tf.convert_to_tensor(self.table.latents)
        return tf.reshape(table, [self._cell.chosen, self._count, self._dim])
