"""Proof that a SavedModel serves: it is loaded as TF-Serving loads it, and compared.

A SavedModel that ``tf.saved_model.load`` is content with can still fail in the server,
whose session loader finds variables by name (tensorflow/serving#2226, keras#20096).
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..compat.saved_models import quiet, signatures_of
from ..errors import UserError
from . import c_loader

SESSION, CPP = "session loader", "C++ loader"
_SECONDS = 1800
_LEVEL = 1 / 127.5


@dataclasses.dataclass(frozen=True)
class Example:
    """What a signature must answer.

    Attributes:
        signature: Its name.
        inputs: Arrays by name.
        outputs: By name, floats or (object arrays of bytes) PNG files.
    """

    signature: str
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]


def examples_of(
    signatures: Iterable[tuple[str, Callable, Sequence[tf.TensorSpec]]],
    values: Mapping[str, np.ndarray],
) -> list[Example]:
    """Calls functions eagerly, on the CPU.

    Args:
        signatures: Name, function and inputs of each.
        values: What the inputs are, by their names.
    """
    examples = []
    for name, function, signature in signatures:
        inputs = {str(spec.name): values[str(spec.name)] for spec in signature}
        with tf.device("/CPU:0"):
            outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
        examples.append(Example(name, inputs, {k: v.numpy() for k, v in outputs.items()}))
    return examples


@dataclasses.dataclass
class Report:
    """What a verification found.

    Attributes:
        differences: By loader and signature, the largest absolute difference from the
            expected output (images in [-1, 1]; a PNG's levels are taken back to it).
        not_checked: By loader, why it could not be tried here.
    """

    differences: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    not_checked: dict[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def verify_saved_model(
    directory: str | os.PathLike, examples: Sequence[Example], tolerance: float = 1e-4
) -> Report:
    """Runs the examples through TensorFlow's session loader and C++ loader, on the CPU.

    The C++ loader is the one in TensorFlow's own library; where a platform does not ship
    that, the report says so.

    Args:
        directory: Of one version: it holds ``saved_model.pb``.
        examples: At least one for each signature.
        tolerance: Largest absolute difference allowed; PNG files may differ by one
            level (of 255) more.

    Raises:
        UserError: if a loader fails, an output differs, or a signature has no example.
    """
    directory = Path(directory)
    signatures = _signatures(directory)
    for name in set(signatures) - {example.signature for example in examples}:
        raise UserError(f"{directory}: nothing to compare the signature {name!r} with.")
    report = Report()
    _compare(
        report,
        directory,
        SESSION,
        examples,
        _in_session(directory, signatures, examples),
        tolerance,
    )
    library = _library()
    if library is None:
        report.not_checked[CPP] = f"no libtensorflow_cc in {Path(tf.__file__).parent}"
    elif not sys.executable:
        report.not_checked[CPP] = "no Python to run it apart in"
    else:
        outputs = _in_cpp(library, directory, signatures, examples)
        _compare(report, directory, CPP, examples, outputs, tolerance)
    return report


Tensors = tuple[dict[str, str], dict[str, str]]


def _signatures(directory: Path) -> dict[str, Tensors]:
    """By signature, the graph's tensors by name of input and of output."""
    return {
        name: (
            {key: info.name for key, info in definition.inputs.items()},
            {key: info.name for key, info in definition.outputs.items()},
        )
        for name, definition in signatures_of(directory).items()
    }


def _tensors(signatures: dict[str, Tensors], example: Example) -> Tensors:
    if example.signature not in signatures:
        raise UserError(f"The SavedModel has no signature {example.signature!r}.")
    inputs, outputs = signatures[example.signature]
    if set(inputs) != set(example.inputs) or set(outputs) != set(example.outputs):
        raise UserError(
            f"The signature {example.signature!r} maps {sorted(inputs)} to {sorted(outputs)}, "
            f"not {sorted(example.inputs)} to {sorted(example.outputs)}."
        )
    return inputs, outputs


def _in_session(
    directory: Path, signatures: dict[str, Tensors], examples: Sequence[Example]
) -> list[dict[str, np.ndarray]]:
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    results = []
    try:
        with quiet(), tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
            tf.compat.v1.saved_model.load(session, ["serve"], str(directory))
            for example in examples:
                inputs, outputs = _tensors(signatures, example)
                feed = {inputs[key]: value for key, value in example.inputs.items()}
                results.append(session.run(outputs, feed))
    except (tf.errors.OpError, OSError, RuntimeError) as error:
        raise _refusal(directory, SESSION, str(error)) from error
    return results


def _in_cpp(
    library: Path, directory: Path, signatures: dict[str, Tensors], examples: Sequence[Example]
) -> list[dict[str, np.ndarray]]:
    with tempfile.TemporaryDirectory() as folder:
        arrays: dict[str, Any] = {}
        calls = []
        for i, example in enumerate(examples):
            inputs, outputs = _tensors(signatures, example)
            arrays |= {f"{i}.{key}": value for key, value in example.inputs.items()}
            calls.append(
                {
                    "inputs": {tensor: f"{i}.{key}" for key, tensor in inputs.items()},
                    "outputs": {tensor: f"{i}.{key}" for key, tensor in outputs.items()},
                }
            )
        request = {
            "library": str(library),
            "directory": str(directory.resolve()),
            "arrays": f"{folder}/arrays.npz",
            "results": f"{folder}/results.npz",
            "calls": calls,
        }
        np.savez(request["arrays"], **arrays)
        Path(folder, "request.json").write_text(json.dumps(request), encoding="utf-8")
        _run_c_loader(directory, f"{folder}/request.json")
        with np.load(request["results"], allow_pickle=False) as results:
            return [
                {key: _result(results, f"{i}.{key}") for key in example.outputs}
                for i, example in enumerate(examples)
            ]


def _run_c_loader(directory: Path, request: str) -> None:
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    # -P: the script's own folder is no place to import from.
    command = [sys.executable, "-P", c_loader.__file__, request]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise _refusal(directory, CPP, f"no answer in {_SECONDS} s") from error
    if done.returncode == c_loader.FAILED:
        raise _refusal(directory, CPP, done.stdout)
    if done.returncode:
        raise _refusal(directory, CPP, f"exit {done.returncode}: {done.stderr.strip()[-300:]}")


def _result(results: Any, key: str) -> np.ndarray:
    if key in results:
        return results[key]
    ends = np.cumsum(results[f"{key}.lengths"])
    parts = np.split(results[f"{key}.bytes"], ends[:-1])
    return np.array([part.tobytes() for part in parts], object)


def _compare(
    report: Report,
    directory: Path,
    loader: str,
    examples: Sequence[Example],
    results: Sequence[Mapping[str, np.ndarray]],
    tolerance: float,
) -> None:
    differences = report.differences.setdefault(loader, {})
    for example, outputs in zip(examples, results, strict=True):
        for name, expected in example.outputs.items():
            png = expected.dtype == object
            difference = _difference(expected, outputs[name], png)
            allowed = tolerance + (1.001 * _LEVEL if png else 0.0)
            # Also false for NaN.
            if not difference <= allowed:
                why = (
                    f"{name!r} of signature {example.signature!r} differs by {difference:.3g}, "
                    f"more than {allowed:.3g}"
                )
                raise _refusal(directory, loader, why)
            before = differences.get(example.signature, 0.0)
            differences[example.signature] = max(before, difference)


def _difference(expected: np.ndarray, loaded: np.ndarray, png: bool) -> float:
    if expected.shape != loaded.shape:
        return float("inf")
    if not png:
        return float(np.max(np.abs(np.asarray(loaded, np.float64) - expected), initial=0.0))
    with tf.device("/CPU:0"):
        pairs = [
            [tf.io.decode_png(file).numpy().astype(np.float64) * _LEVEL for file in pair]
            for pair in zip(expected, loaded, strict=True)
        ]
    return max((_difference(a, b, False) for a, b in pairs), default=0.0)


def _refusal(directory: Path, loader: str, why: str) -> UserError:
    why = " ".join(why.split())[:400]
    return UserError(
        f"The SavedModel {directory} would not work in TF-Serving: TensorFlow's {loader} says: "
        f"{why}. Do not serve it."
    )


def _library() -> Path | None:
    """The wheel's library with the C++ loader, if this platform ships it."""
    folder = Path(tf.__file__).parent
    patterns = ("libtensorflow_cc.so.*", "libtensorflow_cc.*.dylib")
    return next((p for pattern in patterns for p in sorted(folder.glob(pattern))), None)
