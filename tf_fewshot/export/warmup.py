"""Warm-up requests, which TF-Serving runs before a version takes traffic."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from ..compat.saved_models import WARMUP
from .verify import Example


def write_warmup(directory: Path, model: str, examples: Sequence[Example]) -> bool:
    """Writes one request for each example into a SavedModel, if it can.

    Args:
        directory: Of one version.
        model: Name that it is served under.
        examples: What to ask; one for each signature is enough.

    Returns:
        Whether it was written: not without the package ``tensorflow-serving-api``.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        return False
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    path = directory / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model
            request.model_spec.signature_name = example.signature
            for name, value in example.inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
    return True
