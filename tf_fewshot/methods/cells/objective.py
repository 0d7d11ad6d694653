"""The objective cell: from a problem to the players of the training loop."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ..player import Penalty, Player, Problem
from .latents import DrawnLatents, LatentSource
from .trainable import Selection

# From uint8 samples [N, H, W, C] and their latents [N, D] to samples of that shape.
Retouch = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Objective(abc.ABC):
    """The cell.

    Attributes:
        needs_discriminator: Whether the GAN must have one.
        fresh_discriminator: Whether it begins with a new one.
        keeps_pictures: Whether samples are retouched after the pictures, which an adapter
            must then hold.
    """

    needs_discriminator: bool = False
    fresh_discriminator: bool = False
    keeps_pictures: bool = False

    def missing(self, gan: GAN) -> str | None:
        """The part that the GAN lacks, in words; None if it has them all."""
        if self.needs_discriminator and gan.discriminator is None:
            return "a discriminator"
        return None

    def prepare(self, problem: Problem) -> Problem:
        """The problem with what the objective adds to it; by default the same."""
        return problem

    @abc.abstractmethod
    def players(
        self,
        problem: Problem,
        selection: Selection,
        latents: LatentSource,
        penalties: Sequence[Penalty],
    ) -> list[Player]:
        """The players in the order in which they move in every step; none trains nothing."""

    def retouch(self, pictures: np.ndarray, seed: int) -> Retouch | None:
        """What is done to the pixels of samples; None leaves them as they are generated.

        Args:
            pictures: uint8 ``[M, H, W, C]``, the training pictures.
            seed: Of the run.
        """
        del pictures, seed
        return None


def penalised(
    loss: tf.Tensor,
    logs: dict[str, tf.Tensor],
    penalties: Sequence[Penalty],
    drawn: DrawnLatents,
    player: str,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Adds to a player's loss the penalties that are meant for it."""
    for penalty in penalties:
        if penalty.player == player:
            term, numbers = penalty.term(drawn)
            loss, logs = loss + term, {**logs, **numbers}
    return loss, logs
