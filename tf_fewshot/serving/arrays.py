"""JSON of requests to arrays and back, by the rules of TF-Serving's REST interface."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from .refusal import RefusedError, invalid

_KEYS = ("signature_name", "instances", "inputs")
_DEEPEST = 32
Inputs = Mapping[str, meta_graph_pb2.TensorInfo]


def inputs_of_json(body: Mapping[str, Any], takes: Inputs) -> tuple[dict[str, np.ndarray], bool]:
    """Reads the inputs of a request.

    Args:
        body: The request: ``instances`` is a list of rows, ``inputs`` has whole arrays by name.
            Where a signature takes one input only, its name may be left out.
        takes: The inputs of the signature.

    Returns:
        Arrays by name, and whether the answer is wanted by rows.

    Raises:
        RefusedError: for what does not fit.
    """
    for key in body:
        if key not in _KEYS:
            raise invalid(f"Unknown key {key!r}: a request has {', '.join(_KEYS)}.")
    if ("instances" in body) == ("inputs" in body):
        raise invalid("A request has either 'instances' (rows) or 'inputs' (arrays by name).")
    by_rows = "instances" in body
    values = _columns(body["instances"], takes) if by_rows else _named(body["inputs"], takes)
    return {
        key: _array(value, takes[key], key) if key in takes else np.zeros([1])
        for key, value in values.items()
    }, by_rows


def json_of_outputs(outputs: Mapping[str, np.ndarray], by_rows: bool) -> dict[str, Any]:
    """Returns the body of an answer; PNG files and other bytes are written as base64."""
    values = {key: _written(value, key) for key, value in outputs.items()}
    (first, *others) = values.values()
    if not by_rows:
        return {"outputs": values if others else first}
    if not others:
        return {"predictions": first}
    rows = zip(*values.values(), strict=True)
    return {"predictions": [dict(zip(values, row, strict=True)) for row in rows]}


def _columns(instances: Any, takes: Inputs) -> dict[str, Any]:
    if not isinstance(instances, list) or not instances:
        raise invalid("'instances' must be a list of at least one row.")
    rows = [row if _is_named(row) else _named(row, takes) for row in instances]
    for number, row in enumerate(rows):
        if set(row) != set(rows[0]):
            raise invalid(f"Row {number} names other inputs than row 0.")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _named(value: Any, takes: Inputs) -> dict[str, Any]:
    if _is_named(value):
        return value
    if len(takes) == 1:
        return {next(iter(takes)): value}
    raise invalid(f"This signature takes {', '.join(sorted(takes))}: each must be named.")


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {"b64"}


def _array(value: Any, info: meta_graph_pb2.TensorInfo, name: str) -> np.ndarray:
    dtype = tf.as_dtype(info.dtype)
    leaves: list[Any] = []
    shape = _flatten(value, dtype, name, leaves, 0)
    if dtype == tf.string:
        array = np.empty(len(leaves), object)
        array[:] = leaves
        return array.reshape(shape)
    try:
        with np.errstate(over="ignore"):
            array = np.array(leaves, dtype.as_numpy_dtype).reshape(shape)
    except OverflowError:
        raise invalid(f"{name!r} holds a number outside the range of {dtype.name}.") from None
    if dtype.is_floating and np.isinf(array).any() and not any(map(_infinite, leaves)):
        raise invalid(f"{name!r} holds a number outside the range of {dtype.name}.")
    return array


def _infinite(leaf: Any) -> bool:
    return isinstance(leaf, float) and math.isinf(leaf)


def _flatten(value: Any, dtype: tf.DType, name: str, leaves: list, depth: int) -> tuple[int, ...]:
    if not isinstance(value, list):
        leaves.append(_leaf(value, dtype, name))
        return ()
    if depth == _DEEPEST:
        raise invalid(f"{name!r} has more than {_DEEPEST} dimensions.")
    shapes = {_flatten(part, dtype, name, leaves, depth + 1) for part in value}
    if len(shapes) > 1:
        raise invalid(f"{name!r} is no array: its rows have different sizes.")
    return (len(value), *(shapes.pop() if shapes else ()))


def _leaf(value: Any, dtype: tf.DType, name: str) -> Any:
    if dtype == tf.string:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and isinstance(value.get("b64"), str):
            try:
                return base64.b64decode(value["b64"], validate=True)
            except binascii.Error as error:
                raise invalid(f"{name!r} holds what is no base64: {error}.") from error
        raise _wrong(value, dtype, name)
    if dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif not isinstance(value, bool) and isinstance(value, int):
        if dtype.is_floating and abs(value) > dtype.max:
            raise invalid(f"{name!r} holds a number outside the range of {dtype.name}.")
        return value
    elif dtype.is_floating and isinstance(value, float):
        return value
    raise _wrong(value, dtype, name)


def _wrong(value: Any, dtype: tf.DType, name: str) -> RefusedError:
    text = repr(value)
    text = text if len(text) <= 40 else f"{text[:40]}…"
    return invalid(f"{name!r} must be {dtype.name}, not {text}.")


def _written(value: np.ndarray, name: str) -> Any:
    if value.dtype != object:
        return value.tolist()
    if name.endswith("_bytes"):
        return _each(value.tolist(), lambda v: {"b64": base64.b64encode(v).decode()})
    return _each(value.tolist(), lambda v: v.decode("utf-8", "replace"))


def _each(value: Any, change: Any) -> Any:
    return [_each(part, change) for part in value] if isinstance(value, list) else change(value)
