"""The objective cell: from a problem to the players of the training loop."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from ...backbones import GAN
from ...errors import UserError
from ..player import DISCRIMINATOR, GENERATOR, Penalty, Player
from ..problem import Problem
from ..selection import Selection
from .latents import LatentSource


class Objective(abc.ABC):
    """A cell that says who plays, and what each player minimises.

    Attributes:
        needs_discriminator: Whether the GAN must have one.
        fresh_discriminator: Whether it begins with a new one.
        moves: Names of the players whose networks it can train.
    """

    needs_discriminator: bool = False
    fresh_discriminator: bool = False
    moves: tuple[str, ...] = ()

    @property
    def trained_through(self) -> tuple[str, ...]:
        """Names of the frozen networks that its losses look through.

        What is measured by the same networks may flatter what was trained through them.
        """
        return ()

    def missing(self, gan: GAN) -> str | None:
        """Returns the part that the GAN lacks, in words; None if it has them all."""
        if self.needs_discriminator and gan.discriminator is None:
            return "a discriminator"
        return None

    def prepare(self, problem: Problem) -> Problem:
        """Returns the problem with what the objective adds to it; by default the same."""
        return problem

    def check(self, selection: Selection) -> None:
        """Checks that all that is selected can be trained.

        Raises:
            UserError: if something is selected that no player of the objective moves.
        """
        for name in (GENERATOR, DISCRIMINATOR, *selection.modulations):
            if selection.has(name) and name not in self.moves:
                raise UserError(
                    f"{type(self).__name__} trains {' and '.join(self.moves) or 'no network'}, and "
                    f"weights of the {name} are selected. Choose a trainable part that selects "
                    f"none of them, or an objective that trains the {name}, such as 'Adversarial'."
                )

    @abc.abstractmethod
    def players(
        self,
        problem: Problem,
        selection: Selection,
        latents: LatentSource,
        penalties: Sequence[Penalty],
    ) -> list[Player]:
        """Returns the players in the order in which they move; none if nothing is trained."""
