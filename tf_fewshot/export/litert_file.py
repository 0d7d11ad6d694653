"""LiteRT files (``.tflite``), and what LiteRT's interpreter makes of them."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from ..compat.optional import optional
from ..compat.saved_models import quiet
from ..errors import UserError
from .plain_graph import with_plain_operations
from .portable import OUTPUT, Portable

# Within the file: a zip behind the network, as TFLite's metadata tools add one.
DESCRIPTION = "tf_fewshot.json"
_SIGNATURE = "serving_default"
_LACKING = re.compile(r"'tf\.(\w+)' op is neither")


def write_litert(network: Portable, path: Path, description: Mapping[str, Any]) -> None:
    """Writes a network of LiteRT's own operations, with one signature, ``serving_default``.

    What it is stands in ``tf_fewshot.json`` of a zip that is added to the file.

    Raises:
        UserError: if LiteRT has no operation for one of the network's.
    """
    frozen = with_plain_operations(network.frozen())
    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for tensor, name in zip(frozen.inputs, network.inputs, strict=True)
    ]

    def serve(*tensors):
        return {OUTPUT: frozen(*tensors)}

    function = tf.function(serve, input_signature=specs, autograph=False)
    # Only a SavedModel keeps the names of inputs and outputs.
    with tempfile.TemporaryDirectory() as folder, quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.saved_model.save(tf.Module(), folder, {_SIGNATURE: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        try:
            path.write_bytes(converter.convert())
        except ConverterError as error:
            raise _refusal(network, error) from error
    add_description(path, description)


def run_litert(path: Path, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Images of a file, by LiteRT's interpreter."""
    interpreter = optional("ai_edge_litert.interpreter").Interpreter(model_path=str(path))
    return interpreter.get_signature_runner(_SIGNATURE)(**inputs)[OUTPUT]


def add_description(path: Path, description: Mapping[str, Any]) -> None:
    """Adds what a file is to it, as ``tf_fewshot.json`` of a zip; or to the zip that it is."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(DESCRIPTION, json.dumps(description, ensure_ascii=False, indent=2))


def read_description(path: Path) -> dict[str, Any]:
    """What :func:`add_description` added."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(DESCRIPTION))


def _refusal(network: Portable, error: Exception) -> UserError:
    lacking = sorted(set(_LACKING.findall(str(error))))
    if lacking:
        why = f"LiteRT has no operation for {', '.join(lacking)}, which this {{}} needs"
    else:
        why = f"LiteRT's converter refuses this {{}}: {' '.join(str(error).split())[:200]}"
    return UserError(
        f"{why.format(network.gan.architecture)}. Export it as ONNX or as a SavedModel: "
        "--format=onnx or --format=savedmodel."
    )
