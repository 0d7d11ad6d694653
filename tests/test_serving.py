"""The server: what it answers by gRPC and REST, and what it refuses.

The same questions go to TensorFlow's own server where there is one.
"""

import base64
import contextlib
import socket

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tf_fewshot.errors import UserError
from tf_fewshot.serving import GrpcClient, Limits, RestClient, draw
from tf_fewshot.serving.answering import Answering
from tf_fewshot.serving.models import Models
from tf_fewshot.serving.refusal import RefusedError
from tf_fewshot.serving.version import LoadedVersion

from .serving import (
    LIMITS,
    PLAIN,
    Served,
    levels,
    other_server,
    serving,
    tensorflow_serving,
    write_models,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("served") / "models")


@pytest.fixture(scope="module", params=["ours", "tensorflow's"])
def server(request, folder):
    """A server of both models."""
    if request.param == "ours":
        yield request.getfixturevalue("ours")
    elif lacking := other_server():
        pytest.skip(lacking)
    else:
        with tensorflow_serving(folder) as served:
            yield served


@pytest.fixture(scope="module")
def ours(folder):
    with serving(f"--models={folder}", *LIMITS) as served:
        yield served


def predict_stub(served: Served):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(served.address))


def request_of(model="plain", signature="", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def refused(call, *arguments, **named):
    """The code and the words that a call is refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    return caught.value.code().name, caught.value.details() or ""  # pyright: ignore


Z = np.array([[1, 2, 3], [-1, 0, 0.5]], np.float32)
PSI = np.array([1.0, 0.5], np.float32)


class TestAnswers:
    def test_predict_by_grpc(self, server):
        response = predict_stub(server).Predict(request_of(z=Z, truncation=PSI))
        images = tf.make_ndarray(response.outputs["images"])
        np.testing.assert_array_equal(images, 2 * (PSI[:, None] * Z)[:, None, None])
        assert response.model_spec.name == "plain" and response.model_spec.version.value == 1

    def test_predict_by_rest_in_rows_and_columns(self, server):
        rows = [
            {"z": list(map(float, z)), "truncation": float(t)} for z, t in zip(Z, PSI, strict=True)
        ]
        wanted = (2 * PSI[:, None] * Z)[:, None, None].tolist()
        answer = server.post(f"{PLAIN}:predict", {"instances": rows})
        assert answer.json() == {"predictions": wanted}
        columns = {"z": Z.tolist(), "truncation": PSI.tolist()}
        answer = server.post(f"{PLAIN}/versions/1:predict", {"inputs": columns})
        assert answer.json() == {"outputs": wanted}

    def test_bytes_are_base64(self, server):
        body = {"signature_name": "png", "instances": [{"seed": 100, "truncation": 0.5}]}
        (prediction,) = server.post(f"{PLAIN}:predict", body).json()["predictions"]
        pixels = levels(base64.b64decode(prediction["b64"]))
        np.testing.assert_array_equal(pixels, np.full([4, 4, 3], 50))

    def test_status_by_both(self, server):
        status = server.get(f"{PLAIN}/versions/1").json()["model_version_status"]
        assert status == [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
        stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(server.address))
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "plain"
        (entry,) = stub.GetModelStatus(request).model_version_status
        assert entry.version == 1
        assert entry.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE

    def test_metadata_by_both(self, server):
        metadata = server.get(f"{PLAIN}/metadata").json()
        assert metadata["model_spec"] == {"name": "plain", "signature_name": "", "version": "1"}
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        assert signatures["png"]["inputs"]["seed"]["dtype"] == "DT_INT64"
        sizes = [
            d["size"] for d in signatures["serving_default"]["inputs"]["z"]["tensor_shape"]["dim"]
        ]
        assert sizes == ["-1", "3"]
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "plain"
        answer = predict_stub(server).GetModelMetadata(request)
        unpacked = get_model_metadata_pb2.SignatureDefMap()
        assert answer.metadata["signature_def"].Unpack(unpacked)
        assert {"png", "serving_default"} <= set(unpacked.signature_def)

    def test_clients_agree(self, server):
        with GrpcClient("plain", server.address) as rpc, RestClient("plain", server.url) as rest:
            for client in (rpc, rest):
                files = draw(client, [10, 200], 0.5)
                assert [levels(file)[0, 0, 0] for file in files] == [5, 100]
                images = client.predict("serving_default", z=Z, truncation=PSI)["images"]
                np.testing.assert_array_equal(images, 2 * (PSI[:, None] * Z)[:, None, None])
                with pytest.raises(UserError, match="seed"):
                    client.predict("png", z=Z, truncation=PSI)

    def test_models_are_apart(self, server):
        answer = server.post(
            "v1/models/other:predict", {"instances": [{"z": [1, 1, 1], "truncation": 1}]}
        )
        assert answer.json() == {"predictions": [[[[0.5, 0.5, 0.5]]]]}


ROW = {"z": [1, 2, 3], "truncation": 1}


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("v1/models/none:predict", {"instances": [ROW]}, 404),
            ("v1/models/plain/versions/7:predict", {"instances": [ROW]}, 404),
            (f"{PLAIN}:predict", {"signature_name": "none", "instances": [ROW]}, 400),
            (f"{PLAIN}:predict", {"instances": [{"z": [1, 2, 3]}]}, 400),
            (f"{PLAIN}:predict", {"instances": [{**ROW, "z": [1, 2]}]}, 400),
            (f"{PLAIN}:predict", {"instances": [{**ROW, "z": ["a", 2, 3]}]}, 400),
            (f"{PLAIN}:predict", {"inputs": {"z": [[1, 2, 3]], "truncation": [1, 1]}}, 400),
            (f"{PLAIN}:predict", {"instances": [{**ROW, "truncation": -1}]}, 400),
            (f"{PLAIN}:predict", b'{"instances": [', 400),
            (f"{PLAIN}:predict", {}, 400),
        ],
    )
    def test_by_rest(self, server, path, body, status):
        answer = server.post(path, body)
        assert answer.status_code == status
        assert answer.json()["error"]

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"model": "none"}, "NOT_FOUND"),
            ({"z": Z[:, :2]}, "INVALID_ARGUMENT"),
            ({"truncation": -PSI}, "INVALID_ARGUMENT"),
            ({"truncation": PSI.astype(np.float64)}, "INVALID_ARGUMENT"),
        ],
    )
    def test_by_grpc(self, server, asked, code):
        request = request_of(**{"z": Z, "truncation": PSI} | asked)
        assert refused(predict_stub(server).Predict, request)[0] == code


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"instances": [{**ROW, "truncation": True}]}, "'truncation' must be float32, not True"),
        ({"instances": [{**ROW, "truncation": 1e300}]}, "outside the range"),
        ({"instances": [{**ROW, "z": [[1], [2, 3]]}]}, "different sizes"),
        ({"instances": [ROW] * 9}, "1 to 8 rows, not 9"),
        ({"instances": []}, "at least one row"),
        ({"instances": [ROW, {"z": [1, 2, 3]}]}, "Row 1 names other inputs"),
        ({"instances": [ROW], "inputs": {}}, "either 'instances'"),
        ({"instances": [ROW], "signature": "png"}, "Unknown key 'signature'"),
        ({"signature_name": 3, "instances": [ROW]}, "must be a string"),
        ({"signature_name": "png", "instances": [{"seed": 2**70, "truncation": 1}]}, "outside"),
        ({"instances": [{**ROW, "truncation": -1}]}, "truncation is below 0"),
        ([1], "must be a JSON object"),
        (b"[" * 100_00 + b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_words_of_refusals(ours, body, says):
    answer = ours.post(f"{PLAIN}:predict", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_other_addresses_and_verbs(ours):
    assert ours.get("nothing").status_code == 404
    assert ours.post(f"{PLAIN}:classify", {}).status_code == 501
    assert ours.post(f"{PLAIN}:draw", {}).status_code == 400
    assert ours.get(f"{PLAIN}/versions/one").status_code == 400
    assert ours.get(f"{PLAIN}/labels/stable").status_code == 404
    answer = ours.http.put(f"{ours.url}{PLAIN}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert ours.post(f"{PLAIN}:predict", b"0" * 60_000).status_code == 413


def test_grpc_refuses_what_is_no_tensor(ours):
    stub = predict_stub(ours)
    few_bytes = request_of(z=Z, truncation=PSI)
    # A few bytes that stand for an array of 12 TB.
    few_bytes.inputs["z"].tensor_shape.dim[0].size = 10**12
    code, says = refused(stub.Predict, few_bytes)
    assert code == "INVALID_ARGUMENT" and "rows" in says
    cut = request_of(z=Z, truncation=PSI)
    cut.inputs["z"].tensor_content = cut.inputs["z"].tensor_content[:-3]
    assert refused(stub.Predict, cut)[0] == "INVALID_ARGUMENT"
    channel = grpc.insecure_channel(ours.address)
    raw = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert refused(raw, b"\xff\xff\xff") == (
        "INVALID_ARGUMENT",
        "The request is no message of this method.",
    )
    assert refused(stub.Classify, classification_pb2.ClassificationRequest())[0] == "UNIMPLEMENTED"
    unknown = channel.unary_unary("/tensorflow.serving.PredictionService/None")
    assert refused(unknown, b"")[0] == "UNIMPLEMENTED"
    filtered = request_of(z=Z, truncation=PSI)
    filtered.output_filter.append("none")
    assert "no output 'none'" in refused(stub.Predict, filtered)[1]
    big = request_of(z=np.zeros([8, 3000], np.float32), truncation=np.ones(8, np.float32))
    assert refused(stub.Predict, big)[0] == "RESOURCE_EXHAUSTED"


def test_no_turn_in_time_and_no_place_to_wait(folder):
    version = LoadedVersion(folder / "plain" / "1")
    answering = Answering(Models([]), Limits(running=1, waiting=1))
    inputs = {"z": Z, "truncation": PSI}
    assert answering.run(version, "", inputs)["images"].shape == (2, 1, 1, 3)
    with answering._turns, pytest.raises(RefusedError) as late:
        answering.run(version, "", inputs, seconds=0.05)
    with answering._places, pytest.raises(RefusedError) as many:
        answering.run(version, "", inputs)
    assert (late.value.code, late.value.http) == ("DEADLINE_EXCEEDED", 504)
    assert (many.value.code, many.value.http) == ("UNAVAILABLE", 503)
    version.close()


def test_slow_and_half_open_connections_harm_nobody(ours):
    port = int(ours.url.rsplit(":", 1)[1].strip("/"))
    rpc = int(ours.address.rsplit(":", 1)[1])
    with contextlib.ExitStack() as stack:
        for number in range(60):
            connection = socket.create_connection(("127.0.0.1", (port, rpc)[number % 2]))
            stack.enter_context(connection)
            begun = b"POST /v1/models/plain:predict HTTP/1.1\r\nContent-Length: 100\r\n"
            connection.sendall(begun[: 1 + number])
        assert ours.post(f"{PLAIN}:predict", {"instances": [ROW]}).ok
        assert predict_stub(ours).Predict(request_of(z=Z, truncation=PSI), timeout=10)
    assert ours.post(f"{PLAIN}:predict", {"instances": [ROW]}).ok
