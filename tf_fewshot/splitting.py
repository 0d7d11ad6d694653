"""The rows of a batch, shared among replicas that compute one step together.

Every replica sees the whole batch. A function of rows, such as a network, is called with a share of
them in each replica, and what the shares give is gathered: from there on all replicas hold the
same tensors again, whatever is computed of these is computed in all of them alike, and no loss
need know that there are replicas. What normalises by the batch asks here for the whole of it.

Two operations are each other's gradient, any number of times (penalties are of gradients):
``gathered`` of shares to the whole batch, whose gradient is the replica's share times the number
of replicas, and ``share`` of the whole batch, whose gradient is the gathered one by that number.
The *mean over replicas* of the gradients of variables is then that of one device: exactly, but for
rounding, both where a share passed through them and where each replica computed all of it.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from .compat.gradients import custom_gradient


class _Here(threading.local):
    """Where this thread is: which replica it computes, and whether only its share."""

    count = 1
    place = 0
    graph: Any = None
    of_share = False


_here = _Here()


@contextlib.contextmanager
def replica(count: int, place: int) -> Iterator[None]:
    """What is traced inside is computed by one of several replicas.

    Args:
        count: How many replicas there are.
        place: Which one this is, from 0.
    """
    before = (_here.count, _here.place, _here.graph, _here.of_share)
    graph = tf.compat.v1.get_default_graph()
    _here.count, _here.place, _here.graph, _here.of_share = count, place, graph, False
    try:
        yield
    finally:
        _here.count, _here.place, _here.graph, _here.of_share = before


def by_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a function each of whose results' rows follows from the same row of its arguments.

    Tensors among its arguments and results begin with the axis of the rows; other arguments, and
    tensors with another number of rows than the first, are taken as they are. Replicas compute a
    share each where the rows can be shared evenly, else all of them. Outside of replicas it is
    the function.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        if _here.count == 1 or _here.of_share:
            return function(*args, **kwargs)
        return _shared(function, args, kwargs, _gathered_rows)

    return call


def means_by_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a function whose results are means over the rows of its arguments.

    Like :func:`by_rows`, but its results are scalars, or tensors without an axis of rows.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        if _here.count == 1 or _here.of_share:
            return function(*args, **kwargs)
        return _shared(function, args, kwargs, lambda result, rows: _mean_of_all(result))

    return call


@tf.autograph.experimental.do_not_convert
def _shared(function, args, kwargs, finished):
    leaves = tf.nest.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if tf.is_tensor(leaf) or hasattr(leaf, "ndim")]
    rows = leaves[places[0]].shape[0] if places and len(leaves[places[0]].shape) else None
    # In a graph inside of this one, such as that of a loop, replicas cannot meet.
    here = tf.compat.v1.get_default_graph() is _here.graph
    if not rows or rows % _here.count or not here:
        return function(*args, **kwargs)
    for i in places:
        if len(leaves[i].shape) and leaves[i].shape[0] == rows:
            leaves[i] = share(tf.convert_to_tensor(leaves[i]))
    args, kwargs = tf.nest.pack_sequence_as((args, kwargs), leaves)
    _here.of_share = True
    try:
        results = function(*args, **kwargs)
    finally:
        _here.of_share = False
    return tf.nest.map_structure(lambda result: finished(result, rows // _here.count), results)


def _gathered_rows(result, rows: int):
    return gathered(result) if tf.is_tensor(result) and result.shape[:1] == [rows] else result


def share(whole: tf.Tensor) -> tf.Tensor:
    """Returns this replica's rows of a tensor that all replicas hold alike."""
    return _share(whole) if whole.dtype.is_floating else _rows(whole)


def gathered(rows: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, in their order."""
    return _gathered(rows) if rows.dtype.is_floating else _of_all(rows)


@custom_gradient
def _share(whole):
    count = _here.count
    return _rows(whole), lambda upstream: gathered(upstream) / count


@custom_gradient
def _gathered(rows):
    count = _here.count
    return _of_all(rows), lambda upstream: share(upstream) * count


def _rows(whole: tf.Tensor) -> tf.Tensor:
    size = whole.shape[0] // _here.count
    return whole[_here.place * size : (_here.place + 1) * size]


def _exchangeable(function: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Decorates what devices exchange: TensorFlow 2.21 has no collectives of bfloat16.

    All of these numbers are float32, too.
    """

    @functools.wraps(function)
    def call(tensor):
        if tensor.dtype != tf.bfloat16:
            return function(tensor)
        return tf.cast(function(tf.cast(tensor, tf.float32)), tf.bfloat16)

    return call


@_exchangeable
def _of_all(rows: tf.Tensor) -> tf.Tensor:
    if tf.executing_eagerly():
        # TensorFlow gathers in graphs only; a sum with zeros is as exact.
        size, others = rows.shape[0], [[0, 0]] * (len(rows.shape) - 1)
        before, after = _here.place * size, (_here.count - 1 - _here.place) * size
        padded = tf.pad(rows, [[before, after], *others])
        return _context().all_reduce(tf.distribute.ReduceOp.SUM, padded)
    whole = _context().all_gather(rows, 0)
    whole.set_shape([rows.shape[0] * _here.count, *rows.shape[1:]])
    return whole


def _context() -> Any:
    return tf.distribute.get_replica_context()


def replicas() -> int:
    """How many replicas compute what is traced here together; 1 outside of them."""
    return _here.count


def of_share() -> bool:
    """Whether what is traced here sees a share of the rows only."""
    return _here.of_share


def batch_mean(mean: tf.Tensor) -> tf.Tensor:
    """Returns the mean over the batch of what is a mean over the rows that are seen here."""
    return _mean_of_all(mean) if _here.of_share else mean


@_exchangeable
def _mean_of_all(mean: tf.Tensor) -> tf.Tensor:
    return _context().all_reduce(tf.distribute.ReduceOp.MEAN, mean)


def drawn(draw: Callable[[Any], tf.Tensor], rows) -> tf.Tensor:
    """Returns rows of random numbers, those of one device: each replica draws all, for its share.

    Args:
        draw: From a number of rows to random numbers that begin with that axis.
        rows: How many are needed here.
    """
    if not _here.of_share:
        return draw(rows)
    begin = _here.place * rows
    return draw(rows * _here.count)[begin : begin + rows]
