"""The one training loop."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..errors import UserError
from ..methods.player import Player
from ..methods.problem import PictureBatches
from .checkpoint import Checkpoints
from .devices import ONE, Devices
from .ema import EMA
from .interrupt import HeldInterrupt
from .loss_scale import SMALLEST
from .moves import Moves


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
Fit = Callable[[Moves, PictureBatches], Any]


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
        fit: Called before the first step, to make it fit into memory.
        devices: What computes a step. Of several processes one writes checkpoints, and all
            begin with its variables.
    """

    def __init__(
        self,
        players: Sequence[Player],
        batches: PictureBatches,
        stateful: dict[str, Sequence[keras.Variable]],
        folder: Path,
        ema: EMA,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        model: keras.Model | None = None,
        settle: Callable[[GAN], None] = lambda gan: None,
        scale_losses: bool = False,
        fit: Fit = lambda moves, batches: None,
        devices: Devices = ONE,
    ):
        self.batches, self.ema = batches, ema
        self._devices = devices
        variables = [v for some in stateful.values() for v in some]
        self._moves = Moves(players, scale_losses, ema.update, devices, variables)
        groups = {**stateful, **self._moves.stateful(), "ema": ema.variables}
        self.checkpoints = Checkpoints(folder, groups)
        self._model, self._settle, self._fit = model, settle, fit
        self._callbacks = list(callbacks)
        self._begun: int | None = None

    @property
    def players(self) -> list[Player]:
        """The players, in the order in which they move."""
        return self._moves.players

    def add_callbacks(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Adds callbacks that need the trainer to exist."""
        self._callbacks.extend(callbacks)

    def fit(self) -> None:
        """Makes a step fit into memory, as the trainer was told to; :meth:`run` begins with it.

        Raises:
            UserError: if it does not fit in any way.
        """
        self._fit(self._moves, self.batches)

    def restore(self, say: Callable[[str], None] = print) -> int:
        """Reads the newest checkpoint, if there is one; returns the step it was written at."""
        read = self.checkpoints.restore() if self._devices.chief else (0, [])
        begun, remarks = self._devices.agree(read)
        for remark in remarks:
            say(remark)
        self._begun = begun
        return begun

    def sampled(self) -> GAN:
        """Returns the GAN, in float32, to draw samples from."""
        gan = self.ema.current()
        self._settle(gan)
        self.ema.measure()
        return gan

    def run(self, schedule: Schedule, report: Report = lambda step, numbers: None) -> int:
        """Trains up to ``schedule.steps``, from the newest checkpoint if there is one.

        Args:
            schedule: See :class:`Schedule`.
            report: Called with the step and its numbers every ``check_every`` steps.

        Returns:
            The step reached: 0 if there is no player, and so nothing to train.

        Raises:
            UserError: if a loss is not a finite number, or the memory is full; the last
                checkpoint stays.
        """
        if not self.players:
            return 0
        callbacks = keras.callbacks.CallbackList(self._callbacks, model=self._model)
        step = begun = self.restore() if self._begun is None else self._begun
        self._begun = None
        if self._model is not None:
            self._model.stop_training = False
        callbacks.on_train_begin()
        if step < schedule.steps:
            self.fit()
        self._devices.same(self.checkpoints.variables())
        whole = True
        try:
            with HeldInterrupt() as interrupt:
                every = schedule.checkpoint_every or schedule.steps
                while step < schedule.steps:
                    if step == begun or step % every == 0:
                        callbacks.on_epoch_begin(step // every)
                    callbacks.on_train_batch_begin(step)
                    whole = False
                    numbers = self._stepped(step)
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
                        self._save(step)
                    if stopped:
                        break
                    interrupt.check()
        except KeyboardInterrupt:
            # The other processes are not asked: they may be in the middle of a step.
            if whole and step > begun and self._devices.chief:
                self.checkpoints.save(step)
            raise
        callbacks.on_train_end()
        return step

    def _save(self, step: int) -> None:
        self._devices.check_alike(self.checkpoints.variables(), step)
        if self._devices.chief:
            self.checkpoints.save(step)

    def _stepped(self, step: int) -> dict[str, tf.Tensor]:
        """Moves every player once; that the memory is full is said for people."""
        try:
            return self.step(step)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise UserError(
                f"The memory does not hold what step {step + 1} computes; the last checkpoint is "
                "kept. Lower batch_size, or take a smaller source."
            ) from error
        except tf.errors.OpError as error:
            gone = self._devices.lost(error)
            if gone is None:
                raise
            raise gone from error

    def step(self, step: int) -> dict[str, tf.Tensor]:
        """Moves every player once, on the batch of that step (counted from 0)."""
        return self._moves.step(self.batches, step)

    def _checked(self, step: int, numbers: dict[str, tf.Tensor]) -> dict[str, float]:
        values = {name: float(np.asarray(value)) for name, value in numbers.items()}
        bad = sorted(name for name, value in values.items() if not math.isfinite(value))
        for name in self._moves.scales:
            if values[f"{name}/loss_scale"] < SMALLEST:
                bad.append(f"the gradient of {name}")
        if bad:
            raise UserError(
                f"Training diverged: {', '.join(bad)} is not a finite number at step {step}. "
                "The last checkpoint is kept. Lower the learning rate or train in float32."
            )
        return values
