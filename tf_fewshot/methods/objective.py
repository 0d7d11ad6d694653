"""The objective cell: from a problem to the players of the training loop."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import tensorflow as tf

from ..backbones import GAN
from .latents import DrawnLatents, LatentSource
from .player import Penalty, Player, Problem
from .trainable import Selection


class Objective(abc.ABC):
    """The cell.

    Attributes:
        needs_discriminator: Whether the GAN must have one.
    """

    needs_discriminator: bool = False

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
        """The players in the order in which they move in every step."""


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
