"""What a backbone says that its networks are made of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Variable = keras.Variable


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a network on the way from input to output."""

    name: str
    variables: tuple[Variable, ...]


@dataclasses.dataclass(frozen=True)
class ScaleShiftRole:
    """The variables that scale and shift one hidden layer of the generator.

    Attributes:
        layer: Name of the hidden layer.
        gammas: Scales, or what computes them.
        betas: Shifts, or what computes them.
        direct: Whether ``gammas`` and ``betas`` are the scale (identity at 1) and
            the shift (identity at 0) themselves, rather than maps that compute them.
    """

    layer: str
    gammas: tuple[Variable, ...]
    betas: tuple[Variable, ...]
    direct: bool = True

    @classmethod
    def of(cls, name: str, layer: Any) -> ScaleShiftRole:
        """The role of a layer with one ``gamma`` and one ``beta``."""
        return cls(name, (layer.gamma,), (layer.beta,))


@dataclasses.dataclass(frozen=True, eq=False)
class RoleValues:
    """What scales and shifts one hidden layer of the generator for given latents.

    Attributes:
        layer: Name of the hidden layer, as in its :class:`ScaleShiftRole`.
        gammas: Scales, float32 ``[N, C]``; 1 changes nothing.
        betas: Shifts, of the same shape; None if the layer has none.
        of_input: Whether the channels are those that enter the layer, not those that leave it.
    """

    layer: str
    gammas: np.ndarray
    betas: np.ndarray | None
    of_input: bool = False

    @classmethod
    def of_role(cls, role: ScaleShiftRole, labels: np.ndarray) -> RoleValues:
        """The values of a direct role, whose variables have a row a class or one for all."""
        scale, shift = (
            _rows(variables, labels) if variables else None
            for variables in (role.gammas, role.betas)
        )
        assert role.direct and scale is not None
        return cls(role.layer, scale, shift)


def _rows(variables: tuple[Variable, ...], labels: np.ndarray) -> np.ndarray:
    table = np.concatenate([np.asarray(v, np.float32) for v in variables], -1)
    table = table.reshape(-1, table.shape[-1])
    return table[labels] if len(table) > 1 else np.repeat(table, len(labels), axis=0)


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """A table of a network with classes, of which a label chooses one row.

    Attributes:
        row: Path of the variable that takes its place in a network without labels.
        values: The table as inference uses it.
        axis: Which axis counts the classes.
        neutral: What a row that changes nothing is filled with; None if there is none.
        divisor: What a row is divided by where it is the only one: layers that scale their
            weights by the number of rows need other values for the same output.
        table: Path of the variable that is the table, where that has a row for each class.
    """

    row: str
    values: np.ndarray
    axis: int = 0
    neutral: float | None = None
    divisor: float = 1.0
    table: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return tuple(np.delete(self.values.shape, self.axis))

    def scaled(self, row: np.ndarray) -> np.ndarray:
        """Returns a row of ``values`` as it is where it is the only one."""
        return row if self.divisor == 1.0 else row / self.divisor


def digest_of(variables: Mapping[str, Variable]) -> str:
    """SHA-256 over paths and float32 values."""
    digest = hashlib.sha256()
    for path, variable in sorted(variables.items()):
        digest.update(path.encode())
        value = tf.cast(tf.convert_to_tensor(variable), tf.float32)
        # As it lies in memory, not copied.
        digest.update(np.asarray(memoryview(value)).reshape(-1).data)
    return digest.hexdigest()
