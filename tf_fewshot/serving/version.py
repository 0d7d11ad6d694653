"""One version of a model: a SavedModel in a session of TensorFlow's, as TF-Serving runs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from ..compat.saved_models import METADATA, WARMUP, quiet, signatures_of
from ..errors import UserError
from .refusal import RefusedError, invalid, refusals_of_tensorflow

DEFAULT_SIGNATURE = "serving_default"
PREDICT = "tensorflow/serving/predict"
_MOST_RECORDS = 1000  # of warm-up, as in TF-Serving


class LoadedVersion:
    """A SavedModel that answers.

    Args:
        directory: Of the version; it holds ``saved_model.pb``.
        most_rows: The largest batch that is answered.

    Attributes:
        signatures: By name, those that can be asked.
        metadata: What the exporter said of it; empty for other programs' SavedModels.

    Raises:
        UserError: if it is no SavedModel for serving, is damaged, or its warm-up fails.
    """

    def __init__(self, directory: Path, most_rows: int = 64):
        self.directory, self.most_rows = directory, most_rows
        self.signatures = _signatures(directory)
        self.metadata = _metadata(directory)
        self._users = 0
        self._leaving = False
        self._change = threading.Condition()
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with quiet():
                tf.compat.v1.saved_model.load(self._session, ["serve"], str(directory))
                self._warm_up()
        except (tf.errors.OpError, OSError, RuntimeError, ValueError, RefusedError) as error:
            self._session.close()
            raise UserError(f"{directory}: {' '.join(str(error).split())[:400]}") from error

    def run(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str] = (),
        seconds: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs the graph.

        Args:
            signature: Its name; "" is ``serving_default``.
            inputs: Arrays by name, which :meth:`check` has found right.
            outputs: The names that are wanted; none is all.
            seconds: How long it may take.

        Returns:
            Arrays by name; strings as object arrays of bytes.

        Raises:
            RefusedError: for outputs that there are not, and what the graph refuses.
        """
        definition = self.signature(signature)
        for name in outputs:
            if name not in definition.outputs:
                known = ", ".join(sorted(definition.outputs))
                raise invalid(f"There is no output {name!r}: the signature has {known}.")
        fetches = {name: definition.outputs[name].name for name in outputs or definition.outputs}
        feed = {definition.inputs[key].name: value for key, value in inputs.items()}
        options = None
        if seconds is not None:
            options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, int(1000 * seconds)))
        with refusals_of_tensorflow():
            return self._session.run(fetches, feed, options=options)

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """Returns the signature that a request names.

        Raises:
            RefusedError: if there is none of the name.
        """
        definition = self.signatures.get(name or DEFAULT_SIGNATURE)
        if definition is None:
            known = ", ".join(sorted(self.signatures))
            raise invalid(
                f"There is no signature {name or DEFAULT_SIGNATURE!r}: known are {known}."
            )
        return definition

    def check(self, signature: str, given: Mapping[str, tuple[np.dtype, Sequence[int]]]) -> None:
        """Checks types and shapes of inputs, before they are unpacked.

        Raises:
            RefusedError: for the first that does not fit.
        """
        takes = self.signature(signature).inputs
        if set(given) != set(takes):
            raise invalid(
                f"The signature {signature or DEFAULT_SIGNATURE!r} takes {_names(takes)}, "
                f"not {_names(given)}."
            )
        rows: dict[int, str] = {}
        for name, (dtype, shape) in sorted(given.items()):
            info = takes[name]
            wanted = tf.as_dtype(info.dtype)
            if tf.as_dtype(dtype) != wanted:
                raise invalid(f"{name!r} must be {wanted.name}, not {tf.as_dtype(dtype).name}.")
            if info.tensor_shape.unknown_rank:
                continue
            sizes = [dim.size for dim in info.tensor_shape.dim]
            if len(sizes) != len(shape) or any(
                size not in (-1, n) for size, n in zip(sizes, shape, strict=True)
            ):
                raise invalid(f"{name!r} must have the shape {_shape(sizes)}, not {_shape(shape)}.")
            if sizes and sizes[0] == -1:
                rows.setdefault(shape[0], name)
        if len(rows) > 1:
            said = " and ".join(f"{n} of {name!r}" for n, name in rows.items())
            raise invalid(f"All inputs must have as many rows; there are {said}.")
        for count in rows:
            if not 1 <= count <= self.most_rows:
                raise invalid(f"A request may have 1 to {self.most_rows} rows, not {count}.")

    def enter(self) -> bool:
        """Begins a request; False if the version is leaving."""
        with self._change:
            if self._leaving:
                return False
            self._users += 1
            return True

    def leave(self) -> None:
        """Ends a request."""
        with self._change:
            self._users -= 1
            self._change.notify_all()

    def close(self, grace: float = 30.0) -> None:
        """Takes no more requests, waits for those that run, and frees the memory."""
        with self._change:
            self._leaving = True
            self._change.wait_for(lambda: not self._users, grace)
        self._session.close()

    def _warm_up(self) -> None:
        path = self.directory / WARMUP
        if not path.exists():
            return
        for number, record in enumerate(tf.compat.v1.io.tf_record_iterator(str(path))):
            if number == _MOST_RECORDS:
                raise ValueError(f"{path} has more than {_MOST_RECORDS} records.")
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            signature = request.model_spec.signature_name
            self.check(signature, described(inputs))
            self.run(signature, inputs)


def described(inputs: Mapping[str, np.ndarray]) -> dict[str, tuple[np.dtype, Sequence[int]]]:
    """Returns types and shapes, as :meth:`LoadedVersion.check` takes them."""
    return {name: (array.dtype, array.shape) for name, array in inputs.items()}


def _signatures(directory: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    return {
        name: definition
        for name, definition in signatures_of(directory).items()
        if definition.method_name == PREDICT
    }


def _metadata(directory: Path) -> dict[str, Any]:
    try:
        value = json.loads((directory / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "nothing"


def _shape(sizes: Sequence[int]) -> str:
    return f"[{', '.join('N' if size == -1 else str(size) for size in sizes)}]"
