"""Networks that compute their parts again for gradients instead of keeping what is inside."""

from __future__ import annotations

import contextvars
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ..compat.recomputation import Results, recomputed
from ..layers import ClassBatchNorm, HyperBatchNorm

_BY_BATCH = (keras.layers.BatchNormalization, ClassBatchNorm, HyperBatchNorm)


@dataclasses.dataclass(frozen=True)
class Sparing:
    """How a network spares memory in training; the results are the same but for rounding.

    Attributes:
        rows: How many pictures a part of the network computes at a time, gradients included;
            None takes the whole batch. What normalises by the batch always does.
    """

    rows: int | None = None

    def part(self, function: Callable[..., Any], layers: Sequence[keras.layers.Layer]):
        """Returns a function that gives the same and keeps only what it is given and gives.

        Args:
            function: Of tensors, in any nesting, and other values, to tensors.
            layers: Those whose variables it looks at.
        """

        @tf.autograph.experimental.do_not_convert
        def sparing(*args, **kwargs):
            return _Part(function, layers, args, kwargs).run(self.rows)

        return sparing


class _Part:
    """One call of a part of a network."""

    def __init__(self, function, layers, args, kwargs):
        self._function, self._layers = function, layers
        self._leaves = tf.nest.flatten((args, kwargs))
        self._inputs = (args, kwargs)
        unique = {id(v): v for layer in layers for v in layer.variables}
        self._variables = list(unique.values())
        # What is computed again is what was computed first, wherever gradients are asked for.
        self._context = contextvars.copy_context()
        self._structure: Any = None
        self._moved: list[keras.Variable] = []

    def run(self, rows: int | None):
        places = [i for i, leaf in enumerate(self._leaves) if tf.is_tensor(leaf)]
        count = next((self._leaves[i].shape[:1] for i in places), None)
        by_row = [i for i in places if self._leaves[i].shape[:1] == count]
        whole = [i for i in places if i not in by_row]
        weights = [tf.convert_to_tensor(v._value) for v in self._variables]

        def function(of_rows, others):
            leaves = list(self._leaves)
            for i, tensor in zip([*by_row, *whole], [*of_rows, *others], strict=False):
                leaves[i] = tensor
            return self._computed(leaves, others[len(whole) :])

        results = recomputed(
            function,
            [self._leaves[i] for i in by_row],
            [*(self._leaves[i] for i in whole), *weights],
            None if self._by_batch() else rows,
        )
        for variable, value in zip(self._moved, results.notes, strict=True):
            variable.assign(tf.stop_gradient(value))
        return tf.nest.pack_sequence_as(self._structure, results.by_row)

    def _computed(self, leaves, weights) -> Results:
        args, kwargs = tf.nest.pack_sequence_as(self._inputs, leaves)
        given = list(zip(self._variables, weights, strict=True))
        with keras.StatelessScope(given) as scope:
            before = [scope.get_current_value(v) for v in self._variables]
            results = self._context.copy().run(self._function, *args, **kwargs)
            after = [scope.get_current_value(v) for v in self._variables]
        changes = zip(self._variables, before, after, strict=True)
        moved = [(v, new) for v, old, new in changes if new is not old]
        self._structure = tf.nest.map_structure(lambda _: None, results)
        self._moved = [v for v, _ in moved]
        values = [tf.cast(value, v.dtype) for v, value in moved]
        return Results(tf.nest.flatten(results), [], values)

    def _by_batch(self) -> bool:
        """Whether pictures are normalised by others of the batch."""
        _, kwargs = self._inputs
        return bool(kwargs.get("training")) and any(
            isinstance(inner, _BY_BATCH)
            for layer in self._layers
            for inner in layer._flatten_layers()
        )
