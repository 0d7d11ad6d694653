"""Graphs of operations that LiteRT has: it lacks the error function."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# The coefficients of Eigen and XLA for float32: x · p(x²) / q(x²) on [-4, 4], beyond which
# the function is ±1. It is off by less than 5e-7, TensorFlow's own by less than 4e-7.
_P = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_Q = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def rational_erf(x: tf.Tensor) -> tf.Tensor:
    """The error function of float32 tensors, from sums, products and one division."""
    x = tf.clip_by_value(x, -4.0, 4.0)
    return x * _polynomial(_P, x * x) / _polynomial(_Q, x * x)


def with_plain_operations(function: Any) -> Any:
    """A concrete function without variables, for LiteRT.

    Its ``Erf`` operations are :func:`rational_erf`, and nothing is said of gradients, which
    nobody asks for and TensorFlow warns of.
    """
    graph = function.graph.as_graph_def()
    plain = tf.function(
        rational_erf, input_signature=[tf.TensorSpec(None, tf.float32)], autograph=False
    ).get_concrete_function()
    graph.library.function.append(plain.function_def)
    for node in graph.node:
        if node.op == "Erf":
            kind = node.attr["T"].type
            node.op = "PartitionedCall"
            node.ClearField("attr")
            node.attr["f"].func.name = plain.function_def.signature.name
            node.attr["Tin"].list.type.append(kind)
            node.attr["Tout"].list.type.append(kind)
        node.attr.pop("_gradient_op_type", None)
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    inputs = [tensor.name for tensor in function.inputs]
    return whole.prune(inputs, function.outputs[0].name)


def _polynomial(coefficients: tuple[float, ...], x: tf.Tensor) -> tf.Tensor:
    value = tf.zeros_like(x)
    for coefficient in coefficients:
        value = value * x + np.float32(coefficient)
    return value
