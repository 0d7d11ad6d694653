"""Requests that nobody would send: each is answered, none is a fault of the server's."""

import json
import random
import socket

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from .serving import serving, write_bank, write_model

METHODS = [
    "/tensorflow.serving.PredictionService/Predict",
    "/tensorflow.serving.PredictionService/GetModelMetadata",
    "/tensorflow.serving.PredictionService/Classify",
    "/tensorflow.serving.ModelService/GetModelStatus",
    "/tensorflow.serving.ModelService/None",
]
# What a server says whose own code failed.
FAULTS = {"INTERNAL", "UNKNOWN", "DATA_LOSS"}
VALUES: list = [
    None,
    True,
    -1,
    0,
    2,
    2**40,
    2**80,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "a",
    "\ud800",
]
VALUES += [[], [[]], [1, [2]], {}, {"b64": "AA=="}, {"b64": "*"}, {"seed": 1}]
KEYS = ["instances", "inputs", "signature_name", "seed", "z", "truncation", "domain", "weights"]
PATHS = ["v1/models/plain:predict", "v1/models/bank:predict", "v1/models/bank/versions/1:predict"]
PATHS += ["v1/models/none:predict", "v1/models/plain/metadata", "v1/models/plain", "gallery.json"]
PATHS += ["v1/models/plain/labels/a:predict", "v1/models/plain/versions/99999999999999999999"]
PATHS += [
    "v1/models/%2e%2e/%2e%2e/etc",
    "v1/models//:predict",
    "v1/models/plain:",
    "%ff%00",
    "a" * 300,
]
BODIES = [
    {"instances": [{"z": [1, 2, 3], "truncation": 1}]},
    {"inputs": {"z": [[1, 2, 3]], "truncation": [1]}},
    {"signature_name": "png", "instances": [{"seed": 1, "domain": 2, "truncation": 0.5}]},
    {"signature_name": "morph_png", "inputs": {"seed": [1], "weights": [[1, 0, 0, 0]]}},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzed")
    for name in ("bank", "plain"):
        (folder / name).mkdir()
    write_bank(folder / "bank")
    write_model(folder / "plain", 1, 2.0)
    with serving(f"--models={folder}", "--max_batch_size=8", "--max_megabytes=0.05") as served:
        yield served


def mutated(value, rng: random.Random):
    """A JSON value with one part of it replaced, left out or repeated."""
    if rng.random() < 0.25:
        return rng.choice(VALUES)
    if isinstance(value, dict) and value:
        key = rng.choice(list(value))
        kind = rng.random()
        rest = {k: v for k, v in value.items() if k != key}
        if kind < 0.2:
            return rest
        return rest | {rng.choice(KEYS) if kind < 0.3 else key: mutated(value[key], rng)}
    if isinstance(value, list) and value:
        if rng.random() < 0.2:
            return value * rng.randint(0, 12)
        at = rng.randrange(len(value))
        return [*value[:at], mutated(value[at], rng), *value[at + 1 :]]
    return rng.choice(VALUES)


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Bytes with some changed, cut off or repeated."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.random(), rng.randrange(len(changed) + 1)
        if kind < 0.6 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind < 0.8:
            del changed[at : at + rng.randint(1, 9)]
        else:
            changed[at:at] = changed[: rng.randint(1, 30)]
    return bytes(changed)


def ask_rest(server, rng: random.Random) -> None:
    path, body = rng.choice(PATHS), json.dumps(mutated(rng.choice(BODIES), rng)).encode()
    if rng.random() < 0.3:
        body = flipped(body, rng)
    answer = server.get(path) if rng.random() < 0.15 else server.post(path, body)
    assert answer.status_code < 500, (path, body, answer.text)
    if answer.status_code != 200:
        assert answer.json()["error"], (path, body)


def ask_grpc(channel, rng: random.Random) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = rng.choice(["plain", "bank", "none"])
    request.model_spec.signature_name = rng.choice(["", "png", "morph_png"])
    inputs = {
        "z": np.zeros([2, 3], np.float32),
        "seed": np.array([1, 2]),
        "truncation": np.ones(2, np.float32),
        "domain": np.array([0, 3], np.int32),
    }
    for name, value in inputs.items():
        if rng.random() < 0.7:
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    data = flipped(request.SerializeToString(), rng)
    try:
        channel.unary_unary(rng.choice(METHODS))(data, timeout=30)
    except grpc.RpcError as error:
        code, said = error.code().name, error.details()  # pyright: ignore
        assert code not in FAULTS, (code, said, data)
        assert said, data


def ask_raw(server, rng: random.Random) -> None:
    """Bytes that are no HTTP."""
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    begun = b"POST /v1/models/plain:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(flipped(begun, rng))
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert not answer.startswith((b"HTTP/1.1 500", b"HTTP/1.0 500")), answer


def hammer(server, count: int, seed: int) -> None:
    rng = random.Random(seed)
    with grpc.insecure_channel(server.address) as channel:
        for number in range(count):
            if number % 2:
                ask_grpc(channel, rng)
            elif number % 20:
                ask_rest(server, rng)
            else:
                ask_raw(server, rng)
            if number % 200 == 0:
                row = {"z": [1, 1, 1], "truncation": 1}
                answer = server.post(PATHS[0], {"instances": [row]})
                assert answer.json() == {"predictions": [[[[2.0, 2.0, 2.0]]]]}
    assert server.process.poll() is None


def test_some_hundred_requests(server):
    hammer(server, 400, seed=0)


@pytest.mark.large
def test_ten_thousand_requests(server):
    hammer(server, 10_000, seed=1)
