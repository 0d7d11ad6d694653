"""The variables of NVIDIA's networks in a file, and how ours are filled with them.

Every reader describes its format as :class:`Variables`: how it calls a variable of
NVIDIA's TensorFlow networks, and how that is laid out there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones import GAN
from ...downloads.files import sha256_of
from ...errors import UserError
from .faults import listed


class Variables:
    """The variables of one network.

    Args:
        arrays: By the name in the file.
        ignored: What the file may hold besides the network's own variables.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], ignored: str = r"(?!)"):
        self.arrays, self.ignored = arrays, re.compile(ignored)

    def name(self, tf_name: str) -> str:
        """What the file calls the variable."""
        return tf_name

    def layout(self, tf_name: str, value: np.ndarray) -> np.ndarray:
        """The value laid out as in NVIDIA's TensorFlow networks."""
        del tf_name
        return value

    def get(self, tf_name: str) -> np.ndarray | None:
        """The variable in TensorFlow's layout; None if it is not there, or of no such rank."""
        value = self.arrays.get(self.name(tf_name))
        try:
            return None if value is None else self.layout(tf_name, value)
        except (ValueError, IndexError):
            return None

    def shape(self, tf_name: str, *expected: int | None) -> tuple[int, ...]:
        """The shape of a variable, in which the ``expected`` numbers are given.

        Raises:
            UserError: if it is missing or has another shape.
        """
        value = self.get(tf_name)
        if value is None:
            # Of another rank: told with its own shape.
            value = self.arrays.get(self.name(tf_name))
        if value is None:
            raise UserError(f"it lacks {self.name(tf_name)}")
        fits = len(value.shape) == len(expected) and all(
            size > 0 and wanted in (None, size)
            for size, wanted in zip(value.shape, expected, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if e is None else str(e) for e in expected)
            raise UserError(
                f"{self.name(tf_name)} has the shape {value.shape}, which does not fit the others "
                f"(laid out as ({wanted}) in TensorFlow)"
            )
        return value.shape

    def count(self, pattern: str) -> int:
        """How many of ``pattern`` with 0, 1, … in place of {} there are in a row."""
        n = 0
        while self.name(pattern.format(n)) in self.arrays:
            n += 1
        return n

    def __contains__(self, tf_name: str) -> bool:
        return self.name(tf_name) in self.arrays


# The TensorFlow network's name of each of our variables, and what is done to it.
Names = dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]]


def same(value: np.ndarray) -> np.ndarray:
    return value


def channels_last(value: np.ndarray) -> np.ndarray:
    return value.transpose(0, 2, 3, 1)


def dense_rows(
    channels: int, height: int = 4, width: int = 4
) -> Callable[[np.ndarray], np.ndarray]:
    """Of the weights of a dense layer of a small map, whose rows are channels, height, width."""

    def rows(value: np.ndarray) -> np.ndarray:
        turned = value.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
        return turned.reshape(channels * height * width, -1)

    return rows


def filled(theirs: Variables, names: Names, variables: Mapping[str, Any]) -> list[str]:
    """Assigns the values that ``names`` say; returns what is missing, left over or does not fit."""
    faults, used = [], set()
    for path, (tf_name, change) in names.items():
        name, wanted = theirs.name(tf_name), tuple(variables[path].shape)
        used.add(name)
        stored = theirs.arrays.get(name)
        if stored is None:
            faults.append(f"missing {name}")
            continue
        value = theirs.get(tf_name)
        try:
            value = None if value is None else change(value)
        except ValueError:
            value = None
        if value is None or value.shape != wanted:
            faults.append(f"{name} of shape {stored.shape}, which makes no {wanted}")
        elif not np.isfinite(value).all():
            faults.append(f"{name} with values that are not finite")
        else:
            variables[path].assign(value.astype(np.float32))
    for name in sorted(set(theirs.arrays) - used):
        if not theirs.ignored.fullmatch(name):
            faults.append(f"unexpected {name}")
    return faults


def accept(gan: GAN, path: Path, faults: list[str], licence: str | None) -> None:
    """Notes in ``source_metadata`` where the weights are from.

    Raises:
        UserError: if there are faults.
    """
    if faults:
        raise UserError(
            f"The variables in {path} are not those of a {gan.image_shape[0]}-pixel "
            f"{type(gan).__name__}: {listed(faults)}."
        )
    gan.source_metadata = {
        "name": path.name,
        "sha256": sha256_of(path),
        "licence": licence,
    }
