"""What a plan would train, in words and counts."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from . import methods, settings
from .backbones import GAN
from .data.batches import Batches
from .errors import UserError
from .methods.problem import Problem
from .planning import Plan
from .training import precision
from .training.assemble import assemble, check_parts, needed_memory


def describe(plan: Plan, memory: str | int | None = None) -> str:
    """Returns the text of a dry run: losses, and path and size of everything trained.

    Nothing is trained and nothing is written but the caches of downloaded weights.

    Args:
        plan: What would be trained.
        memory: The most that the process may take, as :func:`tf_fewshot.adapt` takes it.
    """
    remarks: list[str] = []
    dtype = precision.POLICIES.get(plan.precision, "float32")
    method = plan.method
    quickly = dataclasses.replace(
        method,
        trainable=method.trainable.sketch(),
        regularizers=tuple(r.sketch() for r in method.regularizers),
    )
    assembly = assemble(quickly, plan.problem(dtype, remarks.append))
    gan = assembly.problem.gan
    batches = Batches(plan.pictures, method.run.batch_size, plan.seed)
    lines = [
        f"{method.title}: {method.paper}",
        f"source      {plan.source_name}, {gan.architecture}, images {gan.image_shape}",
        f"pictures    {len(plan.pictures)} from {plan.pictures.source}",
        f"objective   {_with_settings(method.objective)}",
        f"trainable   {_with_settings(method.trainable)}",
        f"latents     {_with_settings(method.latents)}",
        *(f"regularizer {_with_settings(r)}" for r in method.regularizers),
        f"run         {_with_settings(method.run)}",
        *remarks,
        *plan.pictures.notes,
        *plan.notes,
        f"memory      {needed_memory(assembly, batches, memory)}",
    ]
    total = sum(math.prod(v.shape) for v in gan.generator.trainable_weights)
    lines.append(f"generator   {total:,} trainable weights")
    names = ", ".join(player.name for player in assembly.players)
    lines.append(f"players     {names or 'none: nothing is trained'}")
    for player in assembly.players:
        count = sum(math.prod(v.shape) for v in player.variables)
        lines.append(
            f"\nplayer {player.name}: {count:,} weights, {len(player.variables)} variables"
        )
        lines += [f"  {math.prod(v.shape):>10,}  {v.path}" for v in player.variables]
    return "\n".join(lines)


def _with_settings(cell: Any) -> str:
    """Returns the name of a cell with its settings, as a call that builds it."""
    values = settings.values([cell]).items()
    return f"{type(cell).__name__}({', '.join(f'{name}={value!r}' for name, value in values)})"


def table(source: GAN | None = None) -> list[tuple[str, ...]]:
    """Returns the table of methods, a heading first.

    Args:
        source: Adds how many weights of its generator and discriminator each method moves,
            or what it lacks for it.
    """
    heading = ("method", "objective", "trainable", "latents", "regularizers")
    rows: list[tuple[str, ...]] = [(*heading, *(("of G", "of D") if source else ()), "paper")]
    # Nothing is trained, so that one copy serves them all.
    copy = source.with_precision("float32") if source else None
    for name in methods.names():
        m = methods.get(name)
        cells = [type(c).__name__ for c in (m.objective, m.trainable, m.latents)]
        regularizers = ", ".join(type(r).__name__ for r in m.regularizers)
        rows.append((name, *cells, regularizers, *(_counts(m, copy) if copy else ()), m.paper))
    return rows


def _counts(method: methods.Method, source: GAN) -> tuple[str, str]:
    pictures = np.zeros((2, *source.image_shape), np.uint8)
    cell = method.trainable.sketch()
    try:
        start = cell.begin(source)
        check_parts(method, start)
        problem = Problem(cell.prepare(start), start, pictures, len(pictures), 0, lambda line: None)
        moving = cell.select(problem).moving()
    except UserError as error:
        return (f"no: {error}".split(". ")[0], "")
    sizes = {network: 0 for network in ("generator", "discriminator")}
    for variable in moving:
        sizes[variable.path.split("/")[0]] += math.prod(variable.shape)
    generator, discriminator = (f"{size:,}" for size in sizes.values())
    return generator, discriminator
