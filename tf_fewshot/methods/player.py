"""What a method hands to the training loop: players, with what they move and their losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from .drawn import Generated
from .modulation import Modulation
from .optimizers import GAN_ADAM, OptimizerFactory
from .step import Step

# The players' names that cells know: those of the networks whose weights they move.
GENERATOR, DISCRIMINATOR = "generator", "discriminator"

Numbers = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Group:
    """Variables that share an optimizer.

    Attributes:
        variables: What is trained.
        learning_rate: A number or a Keras schedule.
        begins: The step, counted from 0, from which on they move.
        modulation: What carries them into the networks, if they are not the networks' own.
    """

    variables: Sequence[keras.Variable]
    learning_rate: Any
    begins: int = 0
    modulation: Modulation | None = None

    @property
    def targets(self) -> Sequence[keras.Variable]:
        """The variables of the networks that change."""
        return self.variables if self.modulation is None else self.modulation.targets


@dataclasses.dataclass(frozen=True)
class Player:
    """Some variables and the loss that they minimise.

    Attributes:
        name: Prefix of its numbers in the log.
        groups: Its variables by learning rate.
        loss: ``loss(step)`` gives a scalar and numbers to log. Terms that are computed
            rarely belong in it if the player's name is in ``step.due``. With
            ``losses_by_group`` it gives a list of scalars instead, one for each group that
            moves.
        optimizer: Builds an optimizer of a group's learning rate.
        lazy_interval: Steps between two in which rare terms are due; None if there are none.
        state: Variables of its own, outside the GAN, that a resumed run needs.
        losses_by_group: Whether each group follows a loss of its own.
    """

    name: str
    groups: Sequence[Group]
    loss: Callable[[Step], tuple[Any, Numbers]]
    optimizer: OptimizerFactory = GAN_ADAM
    lazy_interval: int | None = None
    state: Sequence[keras.Variable] = ()
    losses_by_group: bool = False

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that it trains."""
        return [v for group in self.groups for v in group.variables]


@dataclasses.dataclass(frozen=True)
class Turn:
    """A player's turn in a step, as the penalties see it that are added to its loss.

    Attributes:
        player: The player's name.
        step: The step.
        generated: Latents and images of the step. Gradients flow through them in the turn of
            the generator only.
        real: float32 ``[N, H, W, C]``, the pictures as the player was shown them; None for a
            player that does not look at them.
        features_of_real, features_of_generated: Activations of which the player's judgement of
            the real pictures and of the images came, where the judge tells them; gradients
            flow through them.
    """

    player: str
    step: Step
    generated: Generated
    real: tf.Tensor | None = None
    features_of_real: Sequence[tf.Tensor] = ()
    features_of_generated: Sequence[tf.Tensor] = ()


@dataclasses.dataclass(frozen=True)
class Penalty:
    """A regularizer made ready for one problem.

    Attributes:
        player: Name of the player to whose loss it is added.
        term: ``term(turn)`` gives a scalar and numbers to log.
        callbacks: Keras callbacks that it needs to run.
        state: Variables of its own that a resumed run needs.
    """

    player: str
    term: Callable[[Turn], tuple[tf.Tensor, Numbers]]
    callbacks: Sequence[keras.callbacks.Callback] = ()
    state: Sequence[keras.Variable] = ()


def penalised(
    loss: tf.Tensor, numbers: Numbers, penalties: Sequence[Penalty], turn: Turn
) -> tuple[tf.Tensor, Numbers]:
    """Adds to a player's loss, and to its numbers, the penalties that are meant for it."""
    for penalty in penalties:
        if penalty.player == turn.player:
            term, more = penalty.term(turn)
            loss, numbers = loss + term, {**numbers, **more}
    return loss, numbers
