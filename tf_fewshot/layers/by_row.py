"""Weights that each row of a batch has for itself.

A layer that computes with a weight as it is with one row's can say so: it lists the attribute in
``by_row``, and asks :func:`by_row` for the weight. Whoever calls a network may then give these
weights other values for each row of the batch, such as the scales and shifts of the domain that the
row is of. They go past the architectures, whose networks are called with latents and labels alone.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class RowValues:
    """What a weight is for each row of a batch.

    Attributes:
        values: float32 ``[N, *shape]`` with the shape of the weight, or of one row of it where it
            is a table of classes.
        share: float32 ``[N]``: how much of the row has a value here. What is left to 1 is the
            weight itself, or the row of the table that the label chooses: ``values`` is already
            weighted, and 0 where ``share`` is.
    """

    values: Any
    share: Any

    def over(self, otherwise: Any) -> Any:
        """Returns what the row has, over what it would have without.

        Args:
            otherwise: Of the shape of ``values``, or without its first axis.
        """
        rest = [1] * (len(self.values.shape) - 1)
        return self.values + tf.reshape(1.0 - self.share, [-1, *rest]) * otherwise


_GIVEN: contextvars.ContextVar[Mapping[str, RowValues] | None] = contextvars.ContextVar(
    "by_row", default=None
)


@contextlib.contextmanager
def given_by_row(values: Mapping[str, RowValues]) -> Iterator[None]:
    """Inside this, layers compute each row of a batch with these weights.

    Args:
        values: By the path of the weight. In a ``tf.function`` the call of the network and this
            must be in the same trace.
    """
    token = _GIVEN.set(values)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def row_values(variable: Any) -> RowValues | None:
    """Returns what a weight is for each row; None if it is the same for all."""
    return (_GIVEN.get() or {}).get(variable.path)


def by_row(variable: Any, otherwise: Any = None) -> Any:
    """Returns a weight ``shape``, or ``[N, *shape]`` where each row has its own.

    Args:
        variable: The weight.
        otherwise: What it is if nothing is given; None is its value. Of a table of classes, the
            rows of the labels.
    """
    if otherwise is None:
        otherwise = tf.convert_to_tensor(variable)
    own = row_values(variable)
    return otherwise if own is None else own.over(otherwise)


def channelwise(weight: Any, rank: int = 4) -> Any:
    """Returns a weight of channels as it is for maps ``[N, …, C]`` of so many dimensions.

    Args:
        weight: ``[C]``, or ``[N, C]`` or ``[N, 1, C]`` where each row has its own.
        rank: Of the maps.
    """
    if len(weight.shape) < 2:
        return weight
    return tf.reshape(weight, [-1, *[1] * (rank - 2), weight.shape[-1]])


def weights_by_row(network: Any) -> dict[str, Any]:
    """Returns the weights that rows of a batch can have for themselves, by path."""
    # Keras has no public way to all layers inside of layers.
    holders = [layer for layer in network._flatten_layers() if getattr(layer, "by_row", ())]
    weights = [getattr(layer, name) for layer in holders for name in layer.by_row]
    return {w.path: w for w in weights if w is not None}
