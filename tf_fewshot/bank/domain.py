"""What a domain of a bank is made of, and which adapters can be one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..backbones import GAN
from ..backbones.extensions import Extension, FittedLatents, Point
from ..backbones.parts import ClassTable
from ..errors import UserError
from ..export import Adapter
from ..layers.by_row import weights_by_row
from .singular import Decompositions, all_values

_ELSE = (
    "Adapt with a method that leaves them alone, such as bsa, or serve this adapter as a model of "
    "its own beside the bank: tf-fewshot bank export --beside=NAME=PATH."
)


@dataclasses.dataclass(frozen=True, eq=False)
class Domain:
    """What one adapter changes of its source, as rows of tables.

    Attributes:
        name: Its name in the bank.
        method: Name of the method that made it.
        settings: JSON: the method's settings, steps, seed, number of pictures, …
        truncation: What it is drawn with unless told otherwise; None truncates nothing.
        extensions: What its layers were given beside those of the source.
        label: The class of the source that it begins as, where that says something that is
            in no row; None if the label does not matter.
        weights: By path in the source with these extensions, float32; of tables of classes a row,
            of kernels their singular values.
    """

    name: str
    method: str
    settings: dict[str, Any]
    truncation: float | None
    extensions: tuple[Extension, ...]
    label: int | None
    weights: dict[str, np.ndarray] = dataclasses.field(repr=False)


def domain_of(
    name: str, adapter: Adapter, source: GAN, source_name: str, kernels: Decompositions
) -> Domain:
    """Returns an adapter as a domain.

    Args:
        name: Its name in the bank.
        adapter: Of this source.
        source: The bank's, without discriminator.
        source_name: What to call it in errors.
        kernels: Of the source.

    Raises:
        UserError: if it is of another source, or changes what all pictures of a batch share.
    """
    adapted = adapter.apply(source, source_name)
    who = f"{name!r} ({adapter.method})"
    if adapter.sampling.get("latents", "z") != "z":
        raise UserError(f"{who} draws free latents, which a bank does not do. Adapt once more.")
    _check_classes(who, adapter, source, adapted)
    extensions = tuple(e for e in adapted.extensions if _is_new(who, e, source))
    known, alive = weights_by_row(adapted.generator), _alive(adapted, adapter)
    label, weights = _class_of(who, source, adapted, known, alive)
    rows = {table.row for table in source.class_tables()} if source.num_classes else set()
    changed = {p: v for p, v in adapted.variables_by_path().items() if p in adapter.weights}
    shared = [p for p in changed if p in alive and p not in known and p not in rows]
    singular, shared = all_values(shared, changed, kernels)
    if shared:
        raise UserError(
            f"{who} changes weights that all pictures of a batch share: {_some(shared)}. {_ELSE}"
        )
    weights |= singular | {
        path: np.asarray(variable.numpy(), np.float32)
        for path, variable in changed.items()
        if path in known and path in alive and path not in rows
    }
    truncation = adapter.sampling.get("truncation")
    return Domain(name, adapter.method, adapter.settings, truncation, extensions, label, weights)


def _check_classes(who: str, adapter: Adapter, source: GAN, adapted: GAN) -> None:
    """Refuses what has classes of its own, or another architecture than its source."""
    if adapted.num_classes:
        tables = {table.row for table in source.class_tables()}
        tables |= {table.table for table in source.class_tables()}
        if adapted.num_classes != source.num_classes or tables & set(adapter.weights):
            raise UserError(
                f"{who} has {adapted.num_classes} classes of its own, and a domain is of one "
                "class. Adapt to each class by itself, and add these."
            )
    allowed = set(source.configuration.without_labels("mean")) | {"extensions", "dtype"}
    changed = [k for k, v in adapted.config.items() if source.config.get(k) != v]
    wrong = sorted(set(changed) - allowed)
    if wrong:
        raise UserError(f"{who} changes the network itself ({', '.join(wrong)}). {_ELSE}")


def _is_new(who: str, extension: Extension, source: GAN) -> bool:
    """Whether a bank must have this extension for the domain.

    Raises:
        UserError: if it cannot have it.
    """
    if extension.point is Point.IMAGES:
        raise UserError(
            f"{who}: its pictures go through {extension.words} when they are finished, which a "
            "bank does not do. Draw pictures with tf-fewshot sample."
        )
    # One class is a row of what the labels of the source choose from.
    return extension.point is not Point.CLASSES and extension not in source.extensions


def _alive(adapted: GAN, adapter: Adapter) -> set[str]:
    """The paths of weights that what is drawn depends on."""
    everything = {v.path for v in adapted.generator.weights}
    for extension in adapted.extensions:
        if isinstance(extension, FittedLatents):
            own = {v.path for v in extension.of(adapted).weights}
            if own & set(adapter.weights):
                stages = adapted.synthesis_stages()
                behind = {v.path for stage in stages for v in stage.variables}
                return behind | {p for p in everything if p in own}
    return everything


def _class_of(
    who: str, source: GAN, adapted: GAN, known: dict[str, Any], alive: set[str]
) -> tuple[int | None, dict[str, np.ndarray]]:
    """The class of the source that a domain is, and what rows of tables it has instead."""
    if not source.num_classes or adapted.num_classes:
        return None, {}
    variables = adapted.variables_by_path()
    tables = [t for t in source.class_tables() if t.row in alive]
    values = {t.row: np.asarray(variables[t.row].numpy(), np.float32) for t in tables}
    same = _same_class(tables, values, source.num_classes)
    if same is not None:
        return (same, {}) if tables else (None, {})
    own = [t for t in tables if t.row in known and t.table]
    others = [t for t in tables if t not in own]
    same = _same_class(others, values, source.num_classes)
    if same is None:
        raise UserError(
            f"{who} is none of the classes of its source in {_some([t.row for t in others])}, "
            "which a bank cannot hold. Adapt with --class_start=NUMBER, or with latents that are "
            "fitted to the pictures (bsa)."
        )
    weights = {t.table: (values[t.row] * np.float32(t.divisor)).reshape(t.shape) for t in own}
    return same if others else None, weights


def _same_class(
    tables: list[ClassTable], values: dict[str, np.ndarray], classes: int
) -> int | None:
    """The class whose rows these values are in all of the tables; None if there is none."""
    for label in range(classes):
        rows = (t.scaled(t.values.take(label, t.axis)).astype(np.float32) for t in tables)
        pairs = zip(rows, tables, strict=True)
        if all(np.array_equal(row.ravel(), values[t.row].ravel()) for row, t in pairs):
            return label
    return None


def _some(paths: list[str]) -> str:
    shown = ", ".join(paths[:2])
    return shown if len(paths) <= 2 else f"{shown} and {len(paths) - 2} more"
