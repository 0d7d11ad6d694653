"""What a method trains of the networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from .modulation import Modulation
from .player import DISCRIMINATOR, GENERATOR, Group


@dataclasses.dataclass(frozen=True)
class Selection:
    """What is trained of each network, and what must run meanwhile.

    Attributes:
        generator, discriminator: The variables of each network that are trained as they are.
        begins: The step from which on a variable moves, by its path; others move from the
            first.
        rates: The learning rate of a variable, by its path; others take the objective's.
        modulations: What carries other trained variables into the networks, by the name of
            the player that moves them: "generator" or "discriminator".
        callbacks: Keras callbacks that run during training, such as one that measures again
            what is to be trained.
        state: Variables that the callbacks need in a run that is resumed.
    """

    generator: Sequence[keras.Variable]
    discriminator: Sequence[keras.Variable] = ()
    begins: Mapping[str, int] = dataclasses.field(default_factory=dict)
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    modulations: Mapping[str, Sequence[Modulation]] = dataclasses.field(default_factory=dict)
    callbacks: Sequence[keras.callbacks.Callback] = ()
    state: Sequence[keras.Variable] = ()

    def groups(
        self,
        player: str,
        rate: Any,
        schedule: Callable[[Any], Any] = lambda rate: rate,
        beside: Sequence[keras.Variable] = (),
    ) -> list[Group]:
        """Returns what a player moves of its network, the earliest first.

        Args:
            player: "generator" or "discriminator".
            rate: The learning rate of variables that have none of their own.
            schedule: Makes of each rate what the optimizer takes.
            beside: Variables of no network that move with those that move from the first.
        """
        groups = self._groups_of_weights(player, rate, schedule, beside)
        for modulation in self.modulations.get(player, ()):
            groups.append(Group(modulation.variables, schedule(rate), modulation=modulation))
        return groups

    def _groups_of_weights(self, player, rate, schedule, beside) -> list[Group]:
        by_kind: dict[tuple[int, float | None], list[keras.Variable]] = {}
        for variable in self._weights(player):
            kind = self.begins.get(variable.path, 0), self.rates.get(variable.path)
            by_kind.setdefault(kind, []).append(variable)
        if beside:
            by_kind.setdefault((0, None), []).extend(beside)
        return [
            Group(by_kind[kind], schedule(rate if kind[1] is None else kind[1]), kind[0])
            for kind in sorted(by_kind, key=lambda kind: kind[0])
        ]

    def has(self, player: str) -> bool:
        """Returns whether anything is selected that this player moves."""
        return bool(self._weights(player) or self.modulations.get(player))

    def _weights(self, player: str) -> Sequence[keras.Variable]:
        return {GENERATOR: self.generator, DISCRIMINATOR: self.discriminator}.get(player, ())

    def moving(self) -> list[keras.Variable]:
        """Returns every variable of the networks that changes."""
        modulated = [v for some in self.modulations.values() for m in some for v in m.targets]
        return [*self.generator, *self.discriminator, *modulated]

    def state_of(self, player: str) -> list[keras.Variable]:
        """Returns what a resumed run needs of a player's modulations."""
        return [v for modulation in self.modulations.get(player, ()) for v in modulation.state]
