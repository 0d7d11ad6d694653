"""The one training loop."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..data.batches import Batches
from ..errors import UserError
from ..methods.player import Batch, Group, Player
from .checkpoint import Checkpoints
from .ema import EMA
from .interrupt import HeldInterrupt
from .loss_scale import SMALLEST, LossScale


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When the loop does what, in steps.

    Attributes:
        steps: The last step.
        checkpoint_every: 0 writes a checkpoint only at the end.
        check_every: How often the losses are looked at and reported.
    """

    steps: int
    checkpoint_every: int = 0
    check_every: int = 10


Report = Callable[[int, dict[str, float]], None]


class Trainer:
    """Moves players in turn, step by step, and can begin again where it stopped.

    Args:
        players: In the order in which they move.
        batches: Gives ``(indices, images, labels)`` for any step.
        stateful: Named variables beside the players' that a resumed run needs
            (networks, seeds); with the optimizers they make a checkpoint.
        folder: Where checkpoints are kept.
        ema: The generator that is sampled, updated after each step.
        callbacks: Keras callbacks; an epoch ends with each checkpoint.
        model: What the callbacks see as ``self.model``.
        settle: What is done to the copy that is sampled, each time it is asked for.
        scale_losses: Whether losses are scaled, as float16 needs.
    """

    def __init__(
        self,
        players: Sequence[Player],
        batches: Batches,
        stateful: dict[str, Sequence[keras.Variable]],
        folder: Path,
        ema: EMA,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        model: keras.Model | None = None,
        settle: Callable[[GAN], None] = lambda gan: None,
        scale_losses: bool = False,
    ):
        self.players, self.batches, self.ema = list(players), batches, ema
        self._optimizers = {p.name: [_optimizer(p, g) for g in p.groups] for p in players}
        groups = dict(stateful)
        groups |= {f"state_{p.name}": list(p.state) for p in self.players if p.state}
        for name, optimizers in self._optimizers.items():
            # The learning rate is a setting, and a schedule has no variable for it.
            groups[f"optimizer_{name}"] = [
                v for o in optimizers for v in o.variables if not v.path.endswith("/learning_rate")
            ]
        self._scales = {p.name: LossScale() for p in self.players} if scale_losses else {}
        groups |= {f"loss_scale_{name}": s.variables for name, s in self._scales.items()}
        groups["ema"] = ema.variables
        self.checkpoints = Checkpoints(folder, groups)
        self._model, self._settle = model, settle
        self._callbacks = list(callbacks)
        self._begun: int | None = None
        self._step = tf.function(self._train_step)

    def add_callbacks(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Adds callbacks that need the trainer to exist."""
        self._callbacks.extend(callbacks)

    def restore(self, say: Callable[[str], None] = print) -> int:
        """Reads the newest checkpoint, if there is one; returns the step it was written at."""
        self._begun, remarks = self.checkpoints.restore()
        for remark in remarks:
            say(remark)
        return self._begun

    def sampled(self) -> GAN:
        """The GAN, in float32, to draw samples from."""
        gan = self.ema.current()
        self._settle(gan)
        return gan

    def run(self, schedule: Schedule, report: Report = lambda step, numbers: None) -> int:
        """Trains up to ``schedule.steps``, from the newest checkpoint if there is one.

        Args:
            schedule: See :class:`Schedule`.
            report: Called with the step and its numbers every ``check_every`` steps.

        Returns:
            The step reached.

        Raises:
            UserError: if a loss is not a finite number; the last checkpoint stays.
        """
        callbacks = keras.callbacks.CallbackList(self._callbacks, model=self._model)
        step = begun = self.restore() if self._begun is None else self._begun
        self._begun = None
        if self._model is not None:
            self._model.stop_training = False
        callbacks.on_train_begin()
        whole = True
        try:
            with HeldInterrupt() as interrupt:
                every = schedule.checkpoint_every or schedule.steps
                while step < schedule.steps:
                    if step == begun or step % every == 0:
                        callbacks.on_epoch_begin(step // every)
                    callbacks.on_train_batch_begin(step)
                    whole = False
                    numbers = self.step(step)
                    step += 1
                    whole = True
                    last = step == schedule.steps
                    due = step % every == 0
                    if last or due or step % schedule.check_every == 0 or step == begun + 1:
                        logs = self._checked(step, numbers)
                        report(step, logs)
                    else:
                        logs = {}
                    callbacks.on_train_batch_end(step - 1, logs)
                    if due or last:
                        callbacks.on_epoch_end((step - 1) // every, logs)
                    stopped = self._model is not None and self._model.stop_training
                    if due or last or stopped:
                        self.checkpoints.save(step)
                    if stopped:
                        break
                    interrupt.check()
        except KeyboardInterrupt:
            if whole and step > begun:
                self.checkpoints.save(step)
            raise
        callbacks.on_train_end()
        return step

    def step(self, step: int) -> dict[str, tf.Tensor]:
        """One move of every player on the batch of that step (counted from 0)."""
        # Python values, of which each combination is a trace of its own.
        turns = tuple(
            (
                bool(p.lazy_interval and step % p.lazy_interval == 0),
                tuple(step >= group.begins for group in p.groups),
            )
            for p in self.players
        )
        indices, images, labels = self.batches[step]
        return self._step(indices, images, labels, tf.constant(step), turns)

    def _train_step(self, indices, images, labels, step, turns):
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        batch = Batch(indices, images, labels)
        numbers = {}
        for player, (lazy, moving) in zip(self.players, turns, strict=True):
            optimizers = self._optimizers[player.name]
            groups = [g for g in zip(player.groups, optimizers, moving, strict=True) if g[2]]
            tensors = [v.value for group, _, _ in groups for v in group.targets]
            scale = self._scales.get(player.name)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(tensors)
                loss, logs = player.loss(batch, lazy)
                loss = loss if scale is None else scale.scaled(loss)
            gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
            # Of a table: Adam would square the gradients of a row that occurs twice one by one.
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
            move = functools.partial(_move, [(group, optimizer) for group, optimizer, _ in groups])
            if scale is None:
                move(gradients)
            else:
                gradients, finite = scale.unscaled(gradients)
                tf.cond(finite, functools.partial(move, gradients), lambda: None)
                logs = {**logs, "loss_scale": tf.convert_to_tensor(scale.scale.value)}
            numbers.update({f"{player.name}/{key}": value for key, value in logs.items()})
        self.ema.update(step)
        return numbers

    def _checked(self, step: int, numbers: dict[str, tf.Tensor]) -> dict[str, float]:
        values = {name: float(np.asarray(value)) for name, value in numbers.items()}
        bad = sorted(name for name, value in values.items() if not math.isfinite(value))
        for name in self._scales:
            if values[f"{name}/loss_scale"] < SMALLEST:
                bad.append(f"the gradient of {name}")
        if bad:
            raise UserError(
                f"Training diverged: {', '.join(bad)} is not a finite number at step {step}. "
                "The last checkpoint is kept. Lower the learning rate or train in float32."
            )
        return values


def _move(
    groups: Sequence[tuple[Group, keras.optimizers.Optimizer]], gradients: Sequence[tf.Tensor]
) -> None:
    """Applies the gradients of all groups' targets, one group's after the other's."""
    remaining = iter(gradients)
    for group, optimizer in groups:
        found = [next(remaining) for _ in group.targets]
        if group.modulation is not None:
            found = group.modulation.gradients(found)
        optimizer.apply(found, list(group.variables))
        if group.modulation is not None:
            group.modulation.write()


def _optimizer(player: Player, group) -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.Adam(
        group.learning_rate,
        beta_1=player.adam.beta_1,
        beta_2=player.adam.beta_2,
        epsilon=player.adam.epsilon,
    )
    optimizer.build(list(group.variables))
    return optimizer
