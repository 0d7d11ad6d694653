"""Functions that are computed again for their gradients, so that nothing inside is kept.

TensorFlow's own ``tf.recompute_grad`` has no gradients of gradients, which R1 needs, and Keras's
``keras.remat`` is that. Here the gradient is such a function itself, and so on. Each is a graph of
its own that is called and not woven into its caller: else TensorFlow would find that the same is
computed twice, and compute it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf
from tensorflow.python.eager import record

from .gradients import custom_gradient

Tensors = list[tf.Tensor]

# Where a graph keeps what its latest part gave.
_LATEST = "_latest_part"


class Results(NamedTuple):
    """What a function of rows gives.

    Attributes:
        by_row: Each has a row for each row of the arguments.
        sums: Each is a sum over rows.
        notes: The same whatever the rows are; no gradients flow through them.
    """

    by_row: Tensors
    sums: Tensors
    notes: Tensors


RowFunction = Callable[[Tensors, Tensors], Results]


def recomputed(
    function: RowFunction,
    by_row: Sequence[tf.Tensor],
    whole: Sequence[tf.Tensor],
    rows: int | None = None,
) -> Results:
    """Returns what a function gives, and computes it again where gradients are asked for.

    Args:
        function: Of tensors that have a row for each picture, and of whole ones. It looks at no
            other tensor, and each row of its results follows from the same row of the first.
            With ``rows`` None the rows may depend on each other.
        by_row: Tensors of as many rows.
        whole: Other tensors.
        rows: How many rows are computed at a time; None takes all at once. The numbers of rows
            must be known for it.
    """
    count, tensors = len(by_row), [*by_row, *whole]
    wanted = [t.dtype.is_floating and record.should_record_backprop([t]) for t in tensors]
    if not any(wanted):
        return _in_turn(function, by_row, whole, rows)
    kinds = Results([], [], [])

    @custom_gradient
    def run(*tensors):
        results = _in_turn(function, tensors[:count], tensors[count:], rows)
        for kind, some in zip(kinds, results, strict=True):
            kind[:] = some
        ends = len(results.by_row), len(results.by_row) + len(results.sums)

        def gradient(*of_results):
            of_rows, of_sums = of_results[: ends[0]], of_results[ends[0] : ends[1]]
            back = _backward(function, count, len(tensors) - count, wanted)
            found = recomputed(
                back, [*tensors[:count], *of_rows], [*tensors[count:], *of_sums], rows
            )
            gradients = iter([*found.by_row, *found.sums])
            return [next(gradients) if is_wanted else None for is_wanted in wanted]

        return [*results.by_row, *results.sums, *results.notes], gradient

    flat = iter(run(*tensors))
    return Results(*([next(flat) for _ in kind] for kind in kinds))


def _backward(function: RowFunction, count: int, whole: int, wanted: Sequence[bool]) -> RowFunction:
    """The function that gives the gradients of another with respect to the wanted arguments.

    It takes the other's arguments, ``count`` by row and ``whole`` others, and then the gradients
    of its results.
    """

    def back(by_row: Tensors, others: Tensors) -> Results:
        arguments = [*by_row[:count], *others[:whole]]
        targets = [t for t, is_wanted in zip(arguments, wanted, strict=True) if is_wanted]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(targets)
            results = function(by_row[:count], others[:whole])
        gradients = tape.gradient(
            [*results.by_row, *results.sums],
            targets,
            output_gradients=[*by_row[count:], *others[whole:]],
            unconnected_gradients="zero",
        )
        first = sum(wanted[:count])
        return Results(gradients[:first], gradients[first:], [])

    return back


@tf.autograph.experimental.do_not_convert
def _in_turn(
    function: RowFunction,
    by_row: Sequence[tf.Tensor],
    whole: Sequence[tf.Tensor],
    rows: int | None,
) -> Results:
    """Calls the function as a graph of its own, with some rows after the others.

    It waits until the part before it in the caller's graph has run.
    """
    lengths: list[int] = []

    def flat(*tensors):
        results = function(list(tensors[: len(by_row)]), list(tensors[len(by_row) :]))
        lengths[:] = map(len, results)
        return [tensor for some in results for tensor in some]

    compiled = tf.function(flat, autograph=False, experimental_attributes={"_noinline": True})
    every: list[Results] = []
    # Whatever is a part in the same graph: what runs at once is in memory at once.
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    before: Tensors = getattr(graph, _LATEST, [])
    for part in _parts(by_row, rows):
        # Rows are copied out when it is their turn.
        with tf.control_dependencies(before):
            arguments = [*(t if part is None else t[part] for t in by_row), *whole]
        traced = compiled.get_concrete_function(*arguments)
        # The tape would keep all that is computed inside.
        with record.stop_recording(), tf.control_dependencies(before):
            found = traced(*arguments)
        tensors = iter(found)
        results = Results(*([next(tensors) for _ in range(length)] for length in lengths))
        if every:
            added = zip(every[-1].sums, results.sums, strict=True)
            results = results._replace(sums=[a + b for a, b in added])
        every.append(results)
        before = [*results.by_row, *results.sums]
        if graph is not None:
            setattr(graph, _LATEST, before)
    if len(every) == 1:
        return every[0]
    joined = [tf.concat(list(some), 0) for some in zip(*(r.by_row for r in every), strict=True)]
    return Results(joined, every[-1].sums, every[0].notes)


def _parts(by_row: Sequence[tf.Tensor], rows: int | None) -> list[slice | None]:
    """Which rows are computed one after the other; None is all of them."""
    count = by_row[0].shape[0] if by_row else None
    if rows is None or count is None or count <= rows:
        return [None]
    return [slice(i, i + rows) for i in range(0, count, rows)]
