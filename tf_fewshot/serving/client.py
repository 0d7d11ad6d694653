"""Clients of served generators: TF-Serving's gRPC and REST, whoever serves them."""

from __future__ import annotations

import abc
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Self

import grpc
import numpy as np
import requests
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from ..errors import UserError

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Client(abc.ABC):
    """What both clients do; they are context managers, which close the connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the connection."""

    @abc.abstractmethod
    def predict(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        """Asks a signature.

        Args:
            signature: Its name.
            **inputs: Arrays by name, with a row for each picture.

        Returns:
            Arrays by name; PNG files are object arrays of bytes.

        Raises:
            UserError: with what the server says.
        """


class GrpcClient(Client):
    """Asks a server by gRPC.

    Args:
        model: The name that the model is served under.
        address: Host and port.
        version: Of the model; None is the latest.
        timeout: Seconds that an answer may take.
    """

    def __init__(
        self,
        model: str,
        address: str = "127.0.0.1:8500",
        version: int | None = None,
        timeout: float = 60.0,
    ):
        self.model, self.address, self.version, self.timeout = model, address, version, timeout
        # The default of 4 MiB is less than a batch of pictures.
        self._channel = grpc.insecure_channel(address, options=_UNLIMITED)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def predict(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        if self.version is not None:
            request.model_spec.version.value = self.version
        for name, value in _typed(inputs).items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            response = self._stub.Predict(request, timeout=self.timeout)
        except grpc.RpcError as error:
            code, why = error.code(), error.details()  # pyright: ignore[reportAttributeAccessIssue]
            raise UserError(f"{self.address} refused ({code.name}): {why}") from error
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}


class RestClient(Client):
    """Asks a server by REST.

    Args:
        model: The name that the model is served under.
        url: Of the server.
        version: Of the model; None is the latest.
        timeout: Seconds that an answer may take.
    """

    def __init__(
        self,
        model: str,
        url: str = "http://127.0.0.1:8501",
        version: int | None = None,
        timeout: float = 60.0,
    ):
        part = "" if version is None else f"/versions/{version}"
        self.url = f"{url.rstrip('/')}/v1/models/{model}{part}"
        self.timeout = timeout
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def predict(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        columns = {name: value.tolist() for name, value in _typed(inputs).items()}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        body = {"signature_name": signature, "instances": rows}
        try:
            answer = self._session.post(f"{self.url}:predict", json=body, timeout=self.timeout)
            value = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise UserError(f"{self.url} gives no answer: {error}") from error
        if not answer.ok:
            raise UserError(f"{self.url} refused ({answer.status_code}): {value.get('error')}")
        predictions = value["predictions"]
        # A signature with one output gives no name; bytes are told by how they are written.
        if not (isinstance(predictions[0], dict) and set(predictions[0]) != {"b64"}):
            is_file = isinstance(predictions[0], dict)
            predictions = [{"images_bytes" if is_file else "images": p} for p in predictions]
        return {name: _array([row[name] for row in predictions]) for name in predictions[0]}


def draw(
    client: Client,
    seeds: Sequence[int],
    truncation: float = 1.0,
    **more: Any,
) -> list[bytes]:
    """Draws pictures from seeds.

    Args:
        client: Of a served generator.
        seeds: One for each picture; the same seed gives the same picture.
        truncation: As its metadata says; of all pictures.
        **more: What else the signature ``png`` takes, such as ``domain`` or ``label``: one value,
            or one for each picture. ``weights`` asks ``morph_png`` instead, with one row of
            weights, or one for each picture.

    Returns:
        PNG files.
    """
    n = len(seeds)
    inputs: dict[str, Any] = {"seed": np.asarray(seeds), "truncation": np.full(n, truncation)}
    for name, value in more.items():
        array = np.asarray(value)
        rank = 2 if name == "weights" else 1
        inputs[name] = array if array.ndim == rank else np.stack([array] * n)
    signature = "morph_png" if "weights" in more else "png"
    return list(client.predict(signature, **inputs)["images_bytes"])


_TYPES: Mapping[str, type] = {"seed": np.int64, "label": np.int32, "domain": np.int32}


def _typed(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, _TYPES.get(name, np.float32)) for name, value in inputs.items()}


def _array(values: list[Any]) -> np.ndarray:
    if isinstance(values[0], dict):
        files = np.empty(len(values), object)
        files[:] = [base64.b64decode(value["b64"]) for value in values]
        return files
    return np.asarray(values, np.float32)
