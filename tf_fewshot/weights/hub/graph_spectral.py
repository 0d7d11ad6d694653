"""The form of spectral normalisation in the graph of a TF-Hub module, where it is to be seen.

Published networks differ in where the epsilon stands that keeps a power step from a division by
0, and at layers whose raw kernels are small this is seen in pictures. The graph says it: what a
vector is divided by begins with the sum of its squares, and follows from the variable ``u0``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import UserError
from ...layers.spectral import Form
from .graph import Nodes, constant

Found = tuple[Form, float]

# Of a division by the plain length, which has no epsilon.
_NONE: Found = ("outside", 1e-12)

_ADDITIONS = ("Add", "AddV2", "BiasAdd")
# What an epsilon does to a sum of squares, and what it does to a length.
_TO_SQUARES: tuple[tuple[tuple[str, ...], Form], ...] = (
    (_ADDITIONS, "inside"),
    (("Maximum",), "least"),
)
_TO_LENGTHS: tuple[tuple[tuple[str, ...], Form], ...] = (
    (_ADDITIONS, "outside"),
    (("Maximum",), "least"),
)
# What leaves a number as it is.
_PASSING = ("Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Cast", "Snapshot")
_MOST_STEPS = 64


def spectral_form(nodes: Nodes) -> Found | None:
    """Where the epsilon stands in the power steps of a graph, and what it is.

    Args:
        nodes: See :func:`~.graph.read_graph`.

    Returns:
        The form and the epsilon; None if no power step is to be seen.

    Raises:
        UserError: if there are several forms in it.
    """
    found: set[Found] = set()
    for node in nodes.values():
        seen = _length(nodes, node)
        if seen is not None and _follows_from_u(nodes, seen[2]):
            found.add(seen[:2])
    if len(found) > 1:
        listed = ", ".join(f"{form} ({epsilon:g})" for form, epsilon in sorted(found))
        raise UserError(
            f"its graph has spectral normalisations of several forms ({listed}), and one is read"
        )
    return found.pop() if found else None


def _length(nodes: Nodes, node: Any) -> tuple[Form, float, Any] | None:
    """What a node divides by, if that is the length of a vector: form, epsilon, the vector."""
    if node.op in ("Rsqrt", "Sqrt"):
        # With the epsilon inside of the root; that of a plain length is found where it is used.
        for operations, form in _TO_SQUARES:
            parts = _with_constant(nodes, _input(nodes, node, 0), operations)
            vector = parts and _summed_squares(nodes, parts[0])
            if parts and vector is not None:
                epsilon = parts[1] if form == "inside" else math.sqrt(parts[1])
                return form, _rounded(epsilon), vector
        if node.op == "Rsqrt":
            vector = _summed_squares(nodes, _input(nodes, node, 0))
            return None if vector is None else (*_NONE, vector)
    if node.op == "RealDiv":
        vector = _root_of_squares(nodes, _input(nodes, node, 1))
        return None if vector is None else (*_NONE, vector)
    for operations, form in _TO_LENGTHS:
        parts = _with_constant(nodes, node, operations)
        vector = parts and _root_of_squares(nodes, parts[0])
        if parts and vector is not None:
            return form, _rounded(parts[1]), vector
    return None


def _root_of_squares(nodes: Nodes, node: Any) -> Any:
    """The vector whose length a node is; None if it is something else."""
    node = _plain(nodes, node)
    if node is None or node.op != "Sqrt":
        return None
    return _summed_squares(nodes, _input(nodes, node, 0))


def _rounded(epsilon: float) -> float:
    """An epsilon as it was written, before it was rounded to float32."""
    return float(f"{epsilon:.6g}")


def _with_constant(nodes: Nodes, node: Any, operations: tuple[str, ...]) -> Any:
    """The other input of an operation, and the small number that is its one constant."""
    node = _plain(nodes, node)
    if node is None or node.op not in operations:
        return None
    inputs = [_input(nodes, node, i) for i in range(2)]
    for own, other in (inputs, inputs[::-1]):
        value = constant(nodes, _plain(nodes, own))
        if value is not None and value.size == 1 and other is not None:
            number = float(np.ravel(value)[0])
            return (other, number) if 0 < number < 1 else None
    return None


def _summed_squares(nodes: Nodes, node: Any) -> Any:
    """The vector whose squares a node adds up; None if it does something else."""
    node = _plain(nodes, node)
    if node is None or node.op != "Sum":
        return None
    square = _plain(nodes, _input(nodes, node, 0))
    if square is None:
        return None
    base = _input(nodes, square, 0)
    if square.op == "Square":
        return base
    if square.op == "Mul" and square.input[0] == square.input[1]:
        return base
    if square.op == "Pow":
        power = constant(nodes, _input(nodes, square, 1))
        return base if power is not None and power.size == 1 and np.ravel(power)[0] == 2 else None
    return None


def _follows_from_u(nodes: Nodes, node: Any) -> bool:
    """Whether a vector is computed from the variable ``u0`` of a layer, near by."""
    waiting, seen = [node], set()
    while waiting and len(seen) < _MOST_STEPS:
        node = waiting.pop(0)
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if "Var" in node.op and node.name.rpartition("/")[2] == "u0":
            return True
        waiting += _inputs(nodes, node)
    return False


def _plain(nodes: Nodes, node: Any) -> Any:
    """The node itself, without what leaves its numbers as they are."""
    for _ in range(_MOST_STEPS):
        if node is None or node.op not in _PASSING:
            break
        node = _input(nodes, node, 0)
    return node


def _input(nodes: Nodes, node: Any, number: int) -> Any:
    if node is None or len(node.input) <= number:
        return None
    return nodes.get(node.input[number].split(":")[0].removeprefix("^"))


def _inputs(nodes: Nodes, node: Any) -> Iterator[Any]:
    for i in range(len(node.input)):
        yield _input(nodes, node, i)
