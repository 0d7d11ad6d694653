"""TF-Serving's gRPC interface: the generated servicers of tensorflow-serving-api."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from ..errors import UserError
from .answering import Answering
from .configuration import models_of_message
from .messages import metadata_of, status_of
from .refusal import RefusedError, invalid

_LOG = logging.getLogger(__name__)
_SIGNATURES = "signature_def"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """``Predict`` and ``GetModelMetadata``; generators neither classify nor regress."""

    def __init__(self, answering: Answering):
        self._answering = answering

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        spec, response = request.model_spec, predict_pb2.PredictResponse()
        with self._answering.models.version(*_asked(spec)) as (number, version):
            given = {key: _described(proto, key) for key, proto in request.inputs.items()}
            # Types and shapes first: a few bytes may stand for an array that fills the memory.
            version.check(spec.signature_name, given)
            inputs = {key: _array(proto, key) for key, proto in request.inputs.items()}
            outputs = self._answering.run(
                version,
                spec.signature_name,
                inputs,
                list(request.output_filter),
                context.time_remaining(),
            )
        for key, value in outputs.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        _answered(response.model_spec, spec, number)
        return response

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        for field in request.metadata_field:
            if field != _SIGNATURES:
                raise invalid(f"There is no metadata {field!r}: known is {_SIGNATURES}.")
        if not request.metadata_field:
            raise invalid(f"metadata_field is empty: ask for {_SIGNATURES}.")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._answering.models.version(*_asked(request.model_spec)) as (number, version):
            response.metadata[_SIGNATURES].Pack(metadata_of(version.signatures))
            _answered(response.model_spec, request.model_spec, number)
        return response

    def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        raise _not_offered("classify")

    def Regress(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        raise _not_offered("regress")

    def MultiInference(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        raise _not_offered("classify or regress")


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """``GetModelStatus``, and ``HandleReloadConfigRequest`` with absolute base paths."""

    def __init__(self, answering: Answering):
        self._answering = answering

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return status_of(self._answering.models.states(*_asked(request.model_spec)))

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: Any, context: grpc.ServicerContext
    ) -> Any:
        try:
            models = models_of_message(request.config, Path("/"), "The request")
        except UserError as error:
            raise invalid(str(error)) from error
        self._answering.models.configure(models)
        return model_management_pb2.ReloadConfigResponse()


class Guard(grpc.ServerInterceptor):
    """Gives every failure its code, also bytes that are no message, which gRPC calls INTERNAL."""

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: Any
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        call, parse = handler.unary_unary, handler.request_deserializer

        def guarded(request: bytes, context: grpc.ServicerContext) -> Any:
            try:
                return call(_parsed(parse, request), context)
            except RefusedError as error:
                context.abort(grpc.StatusCode[error.code], error.message)
            except Exception as error:
                # A fault of ours: its cause is for whoever runs the server.
                _LOG.exception("%s failed.", handler_call_details.method)
                context.abort(
                    grpc.StatusCode.INTERNAL, f"The server failed: {type(error).__name__}."
                )

        return grpc.unary_unary_rpc_method_handler(
            guarded, request_deserializer=None, response_serializer=handler.response_serializer
        )


def _parsed(parse: Callable[[bytes], Message], request: bytes) -> Message:
    try:
        return parse(request)
    except DecodeError as error:
        raise invalid("The request is no message of this method.") from error


def _asked(spec: Any) -> tuple[str, int | None, str | None]:
    if not spec.name:
        raise invalid("model_spec.name is missing.")
    kind = spec.WhichOneof("version_choice")
    return (
        spec.name,
        spec.version.value if kind == "version" else None,
        spec.version_label if kind == "version_label" else None,
    )


def _answered(answer: Any, asked: Any, number: int) -> None:
    answer.name, answer.signature_name = asked.name, asked.signature_name
    answer.version.value = number


def _described(proto: Any, name: str) -> tuple[np.dtype, list[int]]:
    """Type and shape that a tensor says it has."""
    try:
        dtype = tf.as_dtype(proto.dtype)
        if proto.tensor_shape.unknown_rank:
            raise TypeError("its shape is unknown")
        sizes = [dim.size for dim in proto.tensor_shape.dim]
        if min(sizes, default=0) < 0:
            raise TypeError(f"its shape is {sizes}")
        return np.dtype(dtype.as_numpy_dtype), sizes
    # KeyError: of types that no array has, such as variants.
    except (TypeError, ValueError, KeyError) as error:
        raise invalid(f"{name!r} is no tensor: {error}.") from error


def _array(proto: Any, name: str) -> np.ndarray:
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, OverflowError) as error:
        raise invalid(f"{name!r} is no tensor of its shape: {error}.") from error


def _not_offered(what: str) -> RefusedError:
    return RefusedError("UNIMPLEMENTED", f"Generators do not {what}: use Predict.")
