"""Players in turn: one step of training as a compiled graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from ..compat.gradients import let_graph_be_freed
from ..compat.ordering import updates_stay_in_order
from ..methods.player import Group, Player
from ..methods.problem import PictureBatches
from ..methods.step import Step
from .devices import ONE, Devices
from .loss_scale import LossScale


class Moves:
    """Moves every player once in each step, each by its own optimizers.

    Args:
        players: In the order in which they move.
        scale_losses: Whether losses are scaled, as float16 needs.
        after: Called with the step's number when all have moved, as part of the graph.
        devices: What computes a step.
        variables: What losses may read and change beside the players' own state.

    Attributes:
        players: The players.
        scales: The scale of each player's loss by its name; empty if losses are not scaled.
        in_turn: Whether a player waits until the one before it has moved, instead of beginning
            with what it can compute before. It takes effect with the next trace.
    """

    def __init__(
        self,
        players: Sequence[Player],
        scale_losses: bool = False,
        after: Callable[[tf.Tensor], None] = lambda number: None,
        devices: Devices = ONE,
        variables: Sequence[keras.Variable] = (),
    ):
        self.players, self._after = list(players), after
        self._devices = devices
        self._variables = [*variables, *(v for p in players for v in (*p.state, *p.variables))]
        self._optimizers = {p.name: [_optimizer(p, g) for g in p.groups] for p in self.players}
        scaled = self.players if scale_losses else []
        self.scales = {p.name: LossScale(replicas=devices.count) for p in scaled}
        self.in_turn = False
        self.forget()

    def forget(self) -> None:
        """Lets the next step be traced again."""
        # No part of a step has Python's control flow over tensors, and to rewrite all of it for
        # that takes as long as the trace itself.
        self._compiled = tf.function(self._move_all, autograph=False)

    def traced(self, batches: PictureBatches) -> tf.Graph:
        """Returns the graph of a step in which everything is due and every group moves."""
        due = tuple(bool(p.lazy_interval) for p in self.players)
        moving = tuple((True,) * len(p.groups) for p in self.players)
        indices, images, labels = batches[0]
        number = tf.constant(0)
        trace = self._compiled.get_concrete_function
        return trace(indices, self._devices.fed(images), labels, number, due, moving).graph

    def stateful(self) -> dict[str, list[keras.Variable]]:
        """Returns the variables beside the networks' that a resumed run needs, by name."""
        groups = {f"state_{p.name}": list(p.state) for p in self.players if p.state}
        for name, optimizers in self._optimizers.items():
            # The learning rate is a setting, and a schedule has no variable for it.
            groups[f"optimizer_{name}"] = [
                v for o in optimizers for v in o.variables if not v.path.endswith("/learning_rate")
            ]
        groups |= {f"loss_scale_{name}": s.variables for name, s in self.scales.items()}
        return groups

    def step(self, batches: PictureBatches, number: int) -> dict[str, tf.Tensor]:
        """Moves every player on the batch of that step (counted from 0); returns the numbers."""
        # Python values, of which each combination is a trace of its own.
        due = tuple(bool(p.lazy_interval and number % p.lazy_interval == 0) for p in self.players)
        moving = tuple(tuple(number >= g.begins for g in p.groups) for p in self.players)
        indices, images, labels = batches[number]
        images = self._devices.fed(images)
        with updates_stay_in_order():
            return self._compiled(indices, images, labels, tf.constant(number), due, moving)

    def _move_all(self, indices, images, labels, number, due, moving):
        names = frozenset(p.name for p, is_due in zip(self.players, due, strict=True) if is_due)
        # One for each replica, in which the players of a step find what others computed there.
        steps: dict[int, Step] = {}

        def step_of(replica: int, images: tf.Tensor) -> Step:
            if replica not in steps:
                pictures = tf.cast(images, tf.float32) / 127.5 - 1.0
                steps[replica] = Step(number, indices, pictures, labels, names)
            return steps[replica]

        numbers, before = {}, []
        for player, moves in zip(self.players, moving, strict=True):
            optimizers = self._optimizers[player.name]
            groups = [g[:2] for g in zip(player.groups, optimizers, moves, strict=True) if g[2]]
            with tf.control_dependencies(before):
                logs, gradients = self._devices.run(
                    lambda replica, images, player=player, groups=groups: self._computed(
                        player, groups, step_of(replica, images)
                    ),
                    images,
                    self._variables,
                )
                logs, gradients = self._applied(player, groups, logs, gradients)
            if self.in_turn:
                before = [tf.group(*gradients)]
            numbers.update({f"{player.name}/{key}": value for key, value in logs.items()})
        self._after(number)
        return numbers

    def _computed(self, player: Player, groups: Sequence[_Moving], step: Step):
        """What a player logs, and the gradients of its loss, scaled where losses are."""
        scale = self.scales.get(player.name)
        tensors = [[v.value for v in group.targets] for group, _ in groups]
        with tf.GradientTape(player.losses_by_group, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            losses, logs = player.loss(step)
            if scale is not None:
                losses = tf.nest.map_structure(scale.scaled, losses)
        if player.losses_by_group:
            pairs = list(zip(losses, tensors, strict=True))
        else:
            pairs = [(losses, [t for some in tensors for t in some])]
        gradients = [
            # Of a table: Adam would square the gradients of a row that occurs twice one by one.
            tf.convert_to_tensor(gradient)
            for loss, some in pairs
            for gradient in tape.gradient(loss, some, unconnected_gradients="zero")
        ]
        del tape
        return logs, gradients

    def _applied(self, player: Player, groups: Sequence[_Moving], logs, gradients):
        scale = self.scales.get(player.name)
        if scale is None:
            _apply(groups, gradients)
            return logs, gradients
        gradients, finite = scale.unscaled(gradients)
        tf.cond(finite, functools.partial(_apply, groups, gradients), lambda: None)
        return {**logs, "loss_scale": tf.convert_to_tensor(scale.scale.value)}, gradients


_Moving = tuple[Group, keras.optimizers.Optimizer]


def rehearse(players: Sequence[Player], batches: PictureBatches, steps: int) -> None:
    """Moves players for some steps, without anything that a run has around them.

    Args:
        players: In the order in which they move.
        batches: Gives ``(indices, images, labels)`` for any step.
        steps: How many.
    """
    moves = Moves(players)
    for number in range(steps):
        moves.step(batches, number)


def _apply(groups: Sequence[_Moving], gradients: Sequence[tf.Tensor]) -> None:
    """Applies the gradients of all groups' targets, one group's after the other's."""
    remaining = iter(gradients)
    for group, optimizer in groups:
        own = [next(remaining) for _ in group.targets]
        if group.modulation is None:
            optimizer.apply(own, list(group.variables))
            continue
        own = list(group.modulation.gradients(own))
        # A factor's gradient is made of the other factors. TensorFlow's graph optimizer drops
        # edges that keep them from being updated before they were read for it.
        with tf.control_dependencies(own):
            optimizer.apply(own, list(group.variables))
        group.modulation.write()
    let_graph_be_freed()


def _optimizer(player: Player, group: Group) -> keras.optimizers.Optimizer:
    optimizer = player.optimizer(group.learning_rate)
    optimizer.build(list(group.variables))
    return optimizer
