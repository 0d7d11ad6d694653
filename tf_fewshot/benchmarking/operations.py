"""Counts the floating-point operations of a network.

The products and sums of dense convolutions (transposed ones, too) and of matrix products are
counted, as many as their definition needs: none with zeros of padding, and none with the zeros
between the pixels of a transposed convolution. What is done to each number by itself is not
counted: biases, activations, normalisation, resampling, filters of single channels.
TensorFlow's profiler would count padding, and miss what is inside loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import tensor_util


def flops(function: Callable, *inputs) -> float:
    """Counts the floating-point operations of one call.

    Args:
        function: What is called; it need not be a ``tf.function``.
        *inputs: Tensors; with others of the same shapes the count is the same.

    Raises:
        ValueError: for a loop of unknown length, or a shape that is not known before.
    """
    return float(flops_of_graph(tf.function(function).get_concrete_function(*inputs).graph))


def flops_of_graph(graph: Any) -> int:
    """Counts the floating-point operations of a traced graph.

    Raises:
        ValueError: as :func:`flops`.
    """
    return sum(_of_operation(op) for op in graph.get_operations())


def _of_operation(op: Any) -> int:
    if op.type in _COUNTED:
        return 2 * _COUNTED[op.type](op)
    if op.type in ("While", "StatelessWhile"):
        return _length(op) * _inside(op, "body")
    if op.type in ("PartitionedCall", "StatefulPartitionedCall"):
        return _inside(op, "f")
    if op.type in ("If", "StatelessIf"):
        return max(_inside(op, "then_branch"), _inside(op, "else_branch"))
    return 0


def _inside(op: Any, attribute: str) -> int:
    return flops_of_graph(op.graph._get_function(op.get_attr(attribute).name).graph)


def _length(op: Any) -> int:
    """Returns how often a loop runs: tf.map_fn and its like give that as the second input."""
    length = tensor_util.constant_value(op.inputs[1])
    if length is None or length < 0:
        raise ValueError(f"How often {op.name} runs is not known before.")
    return int(length)


def _shape(tensor: Any) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"{tensor.name} has the unknown shape {tensor.shape}.")
    return tensor.shape.as_list()


def _matrix(op: Any) -> int:
    left = _shape(op.inputs[0])
    turned = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return math.prod(_shape(op.outputs[0])) * left[-2 if turned else -1]


def _convolution(op: Any) -> int:
    images, maps = _shape(op.inputs[0]), _shape(op.outputs[0])
    return _products(op, images, _shape(op.inputs[1]), maps)


def _transposed(op: Any) -> int:
    images, maps = _shape(op.outputs[0]), _shape(op.inputs[2])
    return _products(op, images, _shape(op.inputs[1]), maps)


def _kernel_gradient(op: Any) -> int:
    return _products(op, _shape(op.inputs[0]), _shape(op.outputs[0]), _shape(op.inputs[2]))


def _products(op: Any, images: list[int], kernel: list[int], maps: list[int]) -> int:
    """Counts the products of a convolution of ``images`` to ``maps``, or of its gradients."""
    if op.get_attr("data_format") != b"NHWC" or max(op.get_attr("dilations")) > 1:
        raise ValueError(f"{op.name} is of a kind that is not counted.")
    padding, explicit = op.get_attr("padding"), op.get_attr("explicit_paddings")
    taps = 1
    for axis in (1, 2):
        size, out, width = images[axis], maps[axis], kernel[axis - 1]
        stride = op.get_attr("strides")[axis]
        before = 0
        if padding == b"SAME":
            before = max((out - 1) * stride + width - size, 0) // 2
        elif padding == b"EXPLICIT":
            before = explicit[2 * axis]
        taps *= sum(
            0 <= place * stride - before + tap < size
            for place in range(out)
            for tap in range(width)
        )
    return images[0] * taps * kernel[2] * kernel[3]


_COUNTED: dict[str, Callable[[Any], int]] = {
    "MatMul": _matrix,
    "BatchMatMul": _matrix,
    "BatchMatMulV2": _matrix,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "Conv2DBackpropFilter": _kernel_gradient,
}
