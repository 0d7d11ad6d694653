"""From a method and a problem to a trainer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from ..backbones import GAN
from ..data.batches import Batches
from ..errors import UserError
from ..methods import Method
from ..methods.cells.latents import LatentSource
from ..methods.cells.trainable import Selection
from ..methods.player import Player, Problem
from .ema import EMA
from .loop import Trainer
from .precision import POLICIES


@dataclasses.dataclass(frozen=True)
class Assembly:
    """A method made ready for one problem."""

    method: Method
    problem: Problem
    selection: Selection
    latents: LatentSource
    players: list[Player]
    callbacks: list[keras.callbacks.Callback]


def check_parts(method: Method, gan: GAN) -> None:
    """Raises a UserError if the GAN lacks a part that the method needs."""
    new = method.objective.fresh_discriminator
    if method.trainable.keeps_discriminator and (new or gan.discriminator is None):
        needs = (
            f"Method {method.name!r} needs a discriminator that has learned, since part of it "
            "stays as it is"
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
        UserError: if the GAN lacks a part that the method needs.
    """
    check_parts(method, problem.gan)
    prepared = method.trainable.prepare(problem.gan)
    extended = method.latents.extend(prepared, len(problem.images))
    problem = dataclasses.replace(problem, gan=extended)
    problem = method.objective.prepare(problem)
    selection = method.trainable.select(problem)
    latents = method.latents.prepare(problem)
    penalties = [r.prepare(problem, selection, latents) for r in method.regularizers]
    players = method.objective.players(problem, selection, latents, penalties)
    callbacks = [callback for penalty in penalties for callback in penalty.callbacks]
    return Assembly(method, problem, selection, latents, players, callbacks)


def trainer(
    assembly: Assembly,
    batches: Batches,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Trainer:
    """The training loop of an assembled method; checkpoints go to ``folder``."""
    gan, decay = assembly.problem.gan, assembly.method.run.ema_decay
    stateful = {network.name: network.variables for network in gan.networks()}
    stateful["latents"] = [*assembly.latents.variables, assembly.latents.seeds.state]
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
    )
