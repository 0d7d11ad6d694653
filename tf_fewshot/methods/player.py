"""What a method hands to the training loop: players with losses, and their problem."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from ..backbones import GAN
from .modulation import Modulation

if TYPE_CHECKING:
    from .cells.latents import DrawnLatents


@dataclasses.dataclass
class Problem:
    """One training problem, as the cells of a method see it.

    Attributes:
        gan: The networks being trained, in training precision.
        source: The networks as they were, in float32; never changed. None when
            training from scratch.
        images: uint8 ``[N, H, W, C]``, the training pictures.
        batch_size: Pictures in a step.
        seed: Of everything that is drawn.
        say: Where a line of progress goes.
        steps: Of the whole run, over which learning rates may fall.
    """

    gan: GAN
    source: GAN | None
    images: Any
    batch_size: int
    seed: int
    say: Callable[[str], None] = print
    steps: int = 1000


@dataclasses.dataclass(frozen=True)
class Batch:
    """The pictures of one step.

    Attributes:
        indices: int32 ``[N]``, which pictures these are.
        images: float32 ``[N, H, W, C]`` in [-1, 1].
        labels: int32 ``[N]`` or None.
    """

    indices: tf.Tensor
    images: tf.Tensor
    labels: tf.Tensor | None = None


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
class Adam:
    """The moments of the Adam optimizer of a player."""

    beta_1: float = 0.0
    beta_2: float = 0.99
    epsilon: float = 1e-8


Loss = Callable[[Batch, bool], tuple[tf.Tensor, dict[str, tf.Tensor]]]


@dataclasses.dataclass(frozen=True)
class Player:
    """One set of variables and the loss that they minimise.

    Attributes:
        name: Prefix of its numbers in the log.
        groups: Its variables by learning rate.
        loss: ``loss(batch, lazy)`` gives a scalar and numbers to log. ``lazy`` is
            true every ``lazy_interval`` steps, when terms that are computed rarely
            belong in it.
        adam: Its optimizer's moments.
        lazy_interval: None if there is no lazy term.
        state: Variables of its own, outside the GAN, that a resumed run needs.
    """

    name: str
    groups: Sequence[Group]
    loss: Loss
    adam: Adam = Adam()
    lazy_interval: int | None = None
    state: Sequence[keras.Variable] = ()

    @property
    def variables(self) -> list[keras.Variable]:
        return [v for group in self.groups for v in group.variables]


@dataclasses.dataclass(frozen=True)
class Penalty:
    """A regularizer that was made ready for one problem.

    Attributes:
        player: Name of the player to whose loss it is added.
        term: ``term(drawn)`` gives a scalar and numbers to log; ``drawn`` holds the
            latents of the step.
        callbacks: Keras callbacks that it needs to run.
    """

    player: str
    term: Callable[[DrawnLatents], tuple[tf.Tensor, dict[str, tf.Tensor]]]
    callbacks: Sequence[keras.callbacks.Callback] = ()
