"""ONNX files, and what ONNX Runtime makes of them."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..compat.optional import optional
from ..compat.saved_models import quiet
from ..errors import UserError
from .portable import OUTPUT, Portable

# Read by every runtime of the last years; nothing here needs a newer one.
OPSET = 17


def write_onnx(network: Portable, path: Path, description: Mapping[str, Any]) -> None:
    """Writes a network; what it is stands in the file's metadata as ``tf_fewshot``, JSON.

    Raises:
        UserError: if ONNX has no operation for one of the network's, or a package is missing.
    """
    tf2onnx, onnx = optional("tf2onnx"), optional("onnx")
    frozen = network.frozen()
    names = {tensor.name: name for tensor, name in zip(frozen.inputs, network.inputs, strict=True)}
    outputs = {frozen.outputs[0].name: OUTPUT}
    with _silent():
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            name=network.gan.architecture,
            input_names=list(names),
            output_names=list(outputs),
            opset=OPSET,
            tensors_to_rename={**names, **outputs},
        )
    # tf2onnx only logs what it cannot convert, and leaves it in the file.
    lacking = sorted({n.op_type for n in _nodes(model.graph) if not _is_onnx(onnx, n)})
    if lacking:
        raise UserError(
            f"ONNX has no operation for {', '.join(lacking)}, which this "
            f"{network.gan.architecture} needs. Export it as a SavedModel: --format=savedmodel."
        )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {"tf_fewshot": json.dumps(description, ensure_ascii=False)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def run_onnx(path: Path, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Images of a file, by ONNX Runtime on the CPU."""
    runtime = optional("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], dict(inputs))[0]


def describe_onnx(path: Path) -> dict[str, Any]:
    """What :func:`write_onnx` wrote into a file beside the network."""
    model = optional("onnx").load(str(path), load_external_data=False)
    return json.loads({prop.key: prop.value for prop in model.metadata_props}["tf_fewshot"])


def _nodes(graph: Any) -> Iterator[Any]:
    """Every node of a graph and of the graphs in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _is_onnx(onnx: Any, node: Any) -> bool:
    return node.domain in ("", "ai.onnx") and onnx.defs.has(node.op_type)


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps the converter from telling about its steps, and of what is told better later."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
