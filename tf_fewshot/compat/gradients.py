"""Graphs that can be freed although they have gradients of someone's own.

In a graph TensorFlow 2.21 registers what computes such a gradient under a name of its own, for as
long as the process lives, and with it the tensors that this looks at and their whole graph: every
trace stays in memory. Here the graph keeps the gradient, and the register looks for it there.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

_KEPT = "_own_gradients"


def custom_gradient(function: Callable[..., tuple[Any, Callable]]) -> Callable[..., Any]:
    """Decorates as ``tf.custom_gradient`` does, and lets the graphs that it is used in be freed.

    In a graph TensorFlow 2.21 registers what computes the gradient under a name of its own, for
    as long as the process lives, and with it the tensors that this looks at and their whole graph:
    every trace stays in memory. Here the graph keeps the gradient, and the register looks for it
    there.

    Args:
        function: Of tensors to one tensor or a list of them, and what computes the gradients of all
            arguments.
    """
    inner = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*tensors):
        result = inner(*tensors)
        if not tf.executing_eagerly():
            _keep_in_graph(tf.nest.flatten(result)[0].op)
        return result

    return call


@tf.autograph.experimental.do_not_convert
def let_graph_be_freed() -> None:
    """Lets the graph that is being traced be freed, whatever others have registered for it.

    To be called at the end of a function under ``tf.function`` that uses what is not decorated
    here, such as Keras's optimizers: they sum gradients over replicas, and that has one.
    """
    if not tf.executing_eagerly():
        for operation in tf.compat.v1.get_default_graph().get_operations():
            if operation.type == "IdentityN":
                _keep_in_graph(operation)


@tf.autograph.experimental.do_not_convert
def _keep_in_graph(operation: tf.Operation) -> None:
    try:
        name = operation.get_attr("_gradient_op_type").decode()
        registered = ops.gradient_registry._registry
        entry = registered[name]
        gradient = entry["type"]
        if isinstance(gradient, _Weakly):
            return
    except (AttributeError, KeyError, ValueError):
        return  # Another release, which registers otherwise: graphs stay, and results are the same.
    graph = operation.graph
    setattr(graph, _KEPT, [*getattr(graph, _KEPT, []), gradient])
    entry["type"] = _Weakly(gradient)
    weakref.finalize(graph, registered.pop, name, None)


class _Weakly:
    """Calls a function that something else keeps."""

    def __init__(self, function: Callable):
        self._function = weakref.ref(function)

    def __call__(self, *arguments):
        function = self._function()
        assert function is not None, "the graph of this gradient has been freed"
        return function(*arguments)
