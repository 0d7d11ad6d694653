"""From a method and a problem to a trainer."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import keras

from ..backbones import GAN
from ..errors import UserError
from ..methods import Method
from ..methods.cells.latents import LatentSource
from ..methods.cells.trainable import Selection
from ..methods.player import Penalty, Player
from ..methods.problem import PictureBatches, Problem
from .devices import ONE, Devices
from .ema import EMA
from .fitting import Fitting
from .loop import Trainer
from .moves import rehearse
from .precision import POLICIES


@dataclasses.dataclass(frozen=True)
class Assembly:
    """A method made ready for one problem.

    Attributes:
        method: The method.
        problem: The problem, whose GAN has all that the method needs.
        selection: What the method trains of the networks.
        latents: Where the latents of a step come from.
        penalties: What is added to the players' losses.
        players: In the order in which they move.
    """

    method: Method
    problem: Problem
    selection: Selection
    latents: LatentSource
    penalties: list[Penalty]
    players: list[Player]

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """The Keras callbacks that the method needs."""
        of_penalties = [callback for p in self.penalties for callback in p.callbacks]
        return [*of_penalties, *self.selection.callbacks]

    def stateful(self) -> dict[str, list[keras.Variable]]:
        """Returns what selection and penalties need of a checkpoint, by name."""
        groups = {
            "selection": list(self.selection.state),
            "penalties": [v for p in self.penalties for v in p.state],
        }
        return {name: variables for name, variables in groups.items() if variables}


def check_parts(method: Method, gan: GAN) -> None:
    """Raises a UserError if the GAN lacks a part that the method needs."""
    new = method.objective.fresh_discriminator
    if method.keeps_discriminator and (new or gan.discriminator is None):
        needs = (
            f"Method {method.name!r} needs a discriminator that has learned, since part of "
            "that stays as it is"
        )
        if gan.discriminator is not None:
            raise UserError(f"{needs}: leave out fresh_discriminator.")
        raise UserError(
            f"{needs}, and this source has none. Choose a reconstruction method such as 'bsa', a "
            "source with one, or 'transfergan' with fresh_discriminator=True."
        )
    part = method.objective.missing(gan)
    if part:
        raise UserError(
            f"Method {method.name!r} needs {part}, and this source has none. Choose a "
            "reconstruction method such as 'bsa', a source with one, or train a new one with "
            "fresh_discriminator=True."
        )


def assemble(method: Method, problem: Problem) -> Assembly:
    """Makes the four choices of a method ready; ``problem.gan`` may be replaced.

    Raises:
        UserError: if the GAN lacks a part that the method needs, or the choices do not fit.
    """
    check_parts(method, problem.gan)
    prepared = method.trainable.prepare(problem.gan)
    extended = method.latents.extend(prepared, len(problem.images))
    problem = dataclasses.replace(problem, gan=extended, rehearse=rehearse)
    problem = method.objective.prepare(problem)
    selection = method.trainable.select(problem)
    method.objective.check(selection)
    latents = method.latents.prepare(problem)
    penalties = [r.prepare(problem, selection, latents) for r in method.regularizers]
    players = method.objective.players(problem, selection, latents, penalties)
    _check_penalties(method, penalties, players)
    return Assembly(method, problem, selection, latents, penalties, players)


def _check_penalties(
    method: Method, penalties: Sequence[Penalty], players: Sequence[Player]
) -> None:
    names = [player.name for player in players]
    for regularizer, penalty in zip(method.regularizers, penalties, strict=True):
        if penalty.player not in names:
            raise UserError(
                f"{type(regularizer).__name__} is added to the loss of the {penalty.player}, and "
                f"{type(method.objective).__name__} trains no {penalty.player}. Leave it out, or "
                "choose an objective that does."
            )


def trainer(
    assembly: Assembly,
    batches: PictureBatches,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    fitting: Fitting | None = None,
    devices: Devices = ONE,
) -> Trainer:
    """Returns the training loop of an assembled method.

    Args:
        assembly: The method and its problem.
        batches: What it learns from.
        folder: Where checkpoints go.
        callbacks: Keras callbacks beside the method's own.
        fitting: Makes steps fit into memory; None takes them as they are.
        devices: What computes a step.

    Raises:
        UserError: if the devices cannot share its batches.
    """
    devices.check(assembly.problem.batch_size)
    gan, decay = assembly.problem.gan, assembly.method.run.ema_decay
    stateful = {network.name: network.variables for network in gan.networks()}
    stateful["latents"] = [*assembly.latents.variables, assembly.latents.seeds.state]
    stateful |= assembly.stateful()
    return Trainer(
        assembly.players,
        batches,
        stateful,
        folder,
        ema=EMA(gan, decay),
        callbacks=[*assembly.callbacks, *callbacks],
        model=gan.generator,
        settle=assembly.latents.settle,
        scale_losses=gan.precision == POLICIES["float16"],
        devices=devices,
        **({} if fitting is None else {"fit": functools.partial(fitting, gan)}),
    )


def needed_memory(
    assembly: Assembly, batches: PictureBatches, limit: str | int | None = None
) -> str:
    """Returns what a step of an assembled method would take, and what would make it fit.

    Args:
        assembly: The method and its problem.
        batches: What it would learn from.
        limit: The most that the process may take, see :class:`.fitting.Room`.
    """
    if not assembly.players:
        return "nothing is trained"
    said: list[str] = []
    fitting = Fitting(assembly.problem.batch_size, limit, said.append)
    try:
        trainer(assembly, batches, Path(), fitting=fitting).fit()
    except UserError as error:
        said.append(str(error))
    return said[0] if said else "not looked at"
