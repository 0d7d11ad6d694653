"""Cells: which variables a method trains."""

from __future__ import annotations

import abc
import dataclasses

import keras

from ..backbones import GAN


@dataclasses.dataclass(frozen=True)
class Selection:
    """The variables of each network that are trained."""

    generator: list[keras.Variable]
    discriminator: list[keras.Variable]


class Trainable(abc.ABC):
    """The cell."""

    def prepare(self, gan: GAN) -> GAN:
        """A GAN that has what is trained; by default the same."""
        return gan

    @abc.abstractmethod
    def select(self, gan: GAN) -> Selection:
        """The variables to train, of a GAN that went through :meth:`prepare`."""


@dataclasses.dataclass(frozen=True)
class All(Trainable):
    """Every trainable weight of both networks."""

    def select(self, gan: GAN) -> Selection:
        d = gan.discriminator.trainable_weights if gan.discriminator is not None else []
        return Selection(list(gan.generator.trainable_weights), list(d))


@dataclasses.dataclass(frozen=True)
class ScaleShiftOnly(Trainable):
    """Scale and shift of every hidden layer of the generator but the last.

    Source: BSA (ICCV 2019), equation 2.
    """

    def prepare(self, gan: GAN) -> GAN:
        return gan.with_scale_shift()

    def select(self, gan: GAN) -> Selection:
        chosen = [v for role in gan.scale_shift_roles() for v in (*role.gammas, *role.betas)]
        return Selection(chosen, [])
