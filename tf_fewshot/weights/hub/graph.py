"""What a TF-Hub module of BigGAN keeps in its graph: statistics, and the place of attention.

The graph is read as a protocol buffer and never run. BigGAN-deep keeps, for every
normalisation, the means and the variances at truncations 0, 0.02, … 1 as constants
``[51, C]``. ``tf.stack`` made them and named them: of the i-th normalisation the means
are ``stack_{5i + 1}`` and the variances ``stack_{5i + 3}``.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from ...errors import UserError

Tables = list[tuple[np.ndarray, np.ndarray]]

_THETA = "Generator/attention/theta/w"
_PLACED = re.compile(rf"{_THETA}|Generator/GBlock(_\d+)?/conv0/w")
_STACK = re.compile(r"((?:.*/)?)stack(?:_(\d{1,9}))?")
_LARGEST_FILE = 2**30
_LARGEST_TABLE = 2**24


Nodes = dict[str, Any]


def read_graph(path: str | os.PathLike) -> Nodes:
    """The nodes of the graph of a SavedModel, by name.

    Args:
        path: Of ``saved_model.pb``.

    Raises:
        UserError: if the file cannot be read.
    """
    try:
        if os.path.getsize(path) > _LARGEST_FILE:
            raise UserError(f"{path} is too large for a graph: get the module again.")
        model = saved_model_pb2.SavedModel.FromString(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except DecodeError as error:
        raise UserError(f"{path} is damaged: get the module again.") from error
    if not model.meta_graphs:
        raise UserError(f"{path} holds no graph: get the module again.")
    # The tags of others, if any, are of training.
    graph = min(model.meta_graphs, key=lambda graph: len(graph.meta_info_def.tags))
    return {node.name: node for node in graph.graph_def.node}


def stacked_constants(nodes: Nodes) -> dict[int, np.ndarray]:
    """The float tables named ``stack_k``, by k: those of the scope that has the most."""
    stacks: dict[str, dict[int, np.ndarray]] = {}
    for name, node in nodes.items():
        match = _STACK.fullmatch(name)
        table = constant(nodes, node) if match else None
        if match and table is not None and table.ndim == 2:
            stacks.setdefault(match[1], {})[int(match[2] or 0)] = table
    return max(stacks.values(), key=len, default={})


def blocks_before_attention(nodes: Nodes) -> int | None:
    """How many blocks the map that attends to itself has gone through; None if unknown.

    The first operation that depends on both the attention's weights and a block's is the
    convolution of that map.
    """
    within: dict[str, frozenset[str]] = {}
    pending = list(nodes)
    while pending:
        name = pending[-1]
        inputs = [i.split(":")[0] for i in nodes[name].input]
        inputs = [i for i in inputs if i in nodes]
        match = _PLACED.search(name) if "Var" in nodes[name].op else None
        # Begun first, so that no cycle is followed twice.
        todo = [] if name in within else [i for i in inputs if i not in within]
        within.setdefault(name, frozenset([match[0]] if match else []))
        if todo:
            pending += todo
        else:
            within[name] = within[name].union(*(within[i] for i in inputs))
            pending.pop()
    counts = [len(p) - 1 for p in within.values() if _THETA in p and len(p) > 1]
    return min(counts, default=None)


def statistics_tables(
    constants: dict[int, np.ndarray], channels: Sequence[int]
) -> tuple[Tables, list[str]]:
    """Means and variances ``[rows, C]`` of every normalisation, in the network's order.

    Args:
        constants: What :func:`stacked_constants` gave.
        channels: Of each normalisation.

    Returns:
        The tables, or what is wrong with them.
    """
    numbers = [(5 * i + 1, 5 * i + 3) for i in range(len(channels))]
    flat = [number for pair in numbers for number in pair]
    if not set(flat) <= set(constants) and len(constants) == len(flat):
        # Numbered in another way, but as many, in the same order.
        constants = {new: constants[old] for new, old in zip(flat, sorted(constants), strict=True)}
    faults = [f"missing stack_{number}" for number in flat if number not in constants]
    if faults:
        return [], faults
    rows = constants[flat[0]].shape[0]
    for pair, width in zip(numbers, channels, strict=True):
        for number in pair:
            if constants[number].shape != (rows, width) or rows < 2:
                faults.append(
                    f"stack_{number} of shape {constants[number].shape}, not {(rows, width)}"
                )
            elif not np.isfinite(constants[number]).all():
                faults.append(f"stack_{number} with values that are not finite")
    return ([] if faults else [(constants[a], constants[b]) for a, b in numbers]), faults


def constant(nodes: Nodes, node: Any, depth: int = 0) -> np.ndarray | None:
    """The value of a float32 constant, or of constants that are stacked; None of all else."""
    if node is None or depth > 3:
        return None
    if node.op == "Const":
        proto = node.attr["value"].tensor
        sizes = [dim.size for dim in proto.tensor_shape.dim]
        if proto.dtype != tf.float32.as_datatype_enum or math.prod(sizes) > _LARGEST_TABLE:
            return None
        try:
            return tf.make_ndarray(proto)
        except (TypeError, ValueError):
            return None
    inner = [nodes.get(name.removesuffix(":0")) for name in node.input if name[:1] != "^"]
    if node.op == "Identity" and len(inner) == 1:
        return constant(nodes, inner[0], depth + 1)
    if node.op == "Pack" and node.attr["axis"].i == 0:
        values = [constant(nodes, part, depth + 1) for part in inner]
        parts = [part for part in values if part is not None]
        if parts and len({part.shape for part in parts}) == 1 and len(parts) == len(values):
            return np.stack(parts)
    return None
