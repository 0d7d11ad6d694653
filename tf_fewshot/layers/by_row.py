"""Weights that each row of a batch has for itself.

A layer that computes with a weight as it is with one row's can say so: it lists the attribute in
``by_row``, or ``matrices_by_row``, and asks :func:`by_row` for the weight; or a kernel in
``by_factors``, and computes :func:`with_kernel`. Whoever calls a network may then give these
weights other values for each row of the batch, such as the scales and shifts of the domain that the
row is of. They go past the architectures, whose networks are called with latents and labels alone.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator, Mapping
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


@dataclasses.dataclass(frozen=True)
class RowFactors:
    """A kernel for each row of a batch, as a product of which only the middle is the row's own.

    As FSGAN has it: ``left · diag(values) · right``. A layer that is linear in its kernel computes
    with ``left``, scales what comes out, and combines it: one network for all rows.

    Attributes:
        left: A kernel with R output channels, in the layout of the kernel itself.
        right: float32 ``[R, outputs]``.
        values: float32 ``[N, R]``.
    """

    left: Any
    right: Any
    values: Any

    def apply(self, function: Callable[[Any], Any]) -> Any:
        """What a function of a kernel, ``[N, …, outputs]``, is with the kernel of each row."""
        y = function(self.left)
        y = y * tf.cast(channelwise(self.values, len(y.shape)), y.dtype)
        return tf.linalg.matmul(y, tf.cast(self.right, y.dtype))


_GIVEN: contextvars.ContextVar[Mapping[str, RowValues | RowFactors] | None] = (
    contextvars.ContextVar("by_row", default=None)
)


@contextlib.contextmanager
def given_by_row(values: Mapping[str, RowValues | RowFactors]) -> Iterator[None]:
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
    given = (_GIVEN.get() or {}).get(variable.path)
    return given if isinstance(given, RowValues) else None


def row_factors(variable: Any) -> RowFactors | None:
    """Returns the kernels of each row; None if it is the same for all."""
    given = (_GIVEN.get() or {}).get(variable.path)
    return given if isinstance(given, RowFactors) else None


def with_kernel(variable: Any, function: Callable[[Any], Any]) -> Any:
    """Returns a function of a kernel, ``[N, …, outputs]``, that is linear in it.

    Args:
        variable: The kernel.
        function: Is given it, or a kernel that rows have in common.
    """
    factors = row_factors(variable)
    return function(tf.convert_to_tensor(variable)) if factors is None else factors.apply(function)


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
    return _listed(network, "by_row") | matrices_by_row(network)


def matrices_by_row(network: Any) -> dict[str, Any]:
    """Returns those of them of which a row with a share of 0 is rounded otherwise, by path.

    A product with a matrix for each row adds up in another order than one with the same for all.
    """
    return _listed(network, "matrices_by_row")


def kernels_by_factors(network: Any) -> dict[str, Any]:
    """Returns the kernels that rows of a batch can have as :class:`RowFactors`, by path."""
    return _listed(network, "by_factors")


def _listed(network: Any, attribute: str) -> dict[str, Any]:
    # Keras has no public way to all layers inside of layers.
    holders = [layer for layer in network._flatten_layers() if getattr(layer, attribute, ())]
    weights = [
        getattr(layer, name, None) for layer in holders for name in getattr(layer, attribute)
    ]
    return {w.path: w for w in weights if w is not None}
