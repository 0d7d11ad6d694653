"""One class that is trained, in place of the classes of a source."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BackboneError
from ..parts import ClassTable
from .classes import Classes
from .extension import Extension, Point, register
from .host import Host


@register
@dataclasses.dataclass(frozen=True)
class OneClass(Extension):
    """A copy takes no labels: each table of classes has one row, which serves all pictures."""

    name = layer_name = "one_class"
    words = "one class"
    networks = ("generator", "discriminator")
    point = Point.CLASSES

    def classes(self, classes: Classes) -> Classes:
        del classes
        return Classes(1, labelled=False)

    def check(self, gan: Host) -> None:
        super().check(gan)
        count = gan.configuration.num_classes
        if count:
            raise BackboneError(f"num_classes must be 0 with one_class, not {count}")


def as_one_class(gan: Host, start: int | str) -> Any:
    """A copy without labels, whose tables of classes have one row each.

    Args:
        gan: A GAN with classes.
        start: What the row begins as: "mean" of all rows, the number of one, or "identity",
            where every table has a row that changes nothing.

    Raises:
        BackboneError: if the architecture cannot do so, or there is no such class.
    """
    tables = gan.class_tables()
    if not tables:
        raise BackboneError(f"a {gan.architecture} cannot do without its classes")
    row = _chosen(gan, tables, start)
    changes = gan.configuration.without_labels(start)
    twin = gan.rebuild(**changes, extensions=[*gan.extensions, OneClass()])
    variables = twin.variables_by_path()
    for table in tables:
        variable = variables[table.row]
        variable.assign(np.reshape(row(table), variable.shape))
    return twin


def _chosen(
    gan: Host, tables: list[ClassTable], start: int | str
) -> Callable[[ClassTable], np.ndarray]:
    """What gives the row that a table begins as."""
    neutral = all(table.neutral is not None for table in tables)
    if start == "mean":
        return lambda table: table.scaled(table.values.mean(table.axis))
    if start == "identity" and neutral:
        return lambda table: np.full(table.shape, table.neutral)
    if isinstance(start, bool) or not isinstance(start, (int, np.integer)):
        words = "'mean', 'identity'" if neutral else "'mean'"
        raise BackboneError(f"a class can begin as {words} or the number of one, not {start!r}")
    if not 0 <= start < gan.num_classes:
        raise BackboneError(
            f"There is no class {start}: this {gan.architecture} has classes 0 to "
            f"{gan.num_classes - 1}."
        )
    return lambda table: table.scaled(table.values.take(int(start), table.axis))
