"""Versions and models of a server that runs: they come, go, and are told of."""

import logging
import signal

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tf_fewshot.serving.configuration import ModelConfiguration
from tf_fewshot.serving.models import Models

from .processes import forks
from .serving import LIMITS, PLAIN, serving, wait_until, write_model, write_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("served") / "models")


def value(served, path=PLAIN):
    row = {"z": [1, 1, 1], "truncation": 1}
    answer = served.post(f"{path}:predict", {"instances": [row]})
    return answer.json()["predictions"][0][0][0][0] if answer.ok else answer.status_code


def test_versions_come_and_go(tmp_path):
    base = tmp_path / "plain"
    base.mkdir()
    write_model(base, 1, 2.0)
    with serving(f"--models={base}", *LIMITS) as served:
        assert value(served) == 2
        half = base / "2"
        (half / "variables").mkdir(parents=True)
        whole = write_model(base, 9, 3.0).rename(tmp_path / "whole")
        assert value(served) == 2, "a version without a graph is not there yet"
        (half / "saved_model.pb").write_bytes((whole / "saved_model.pb").read_bytes())
        wait_until(lambda: served.state("plain", 2)[0] == "END")
        assert "variables" in served.state("plain", 2)[1]
        assert value(served) == 2, "the one before is served on"
        assert value(served, f"{PLAIN}/versions/2") == 404
        for file in (whole / "variables").iterdir():
            file.rename(half / "variables" / file.name)
        wait_until(lambda: value(served) == 3)
        wait_until(lambda: served.state("plain", 1)[0] == "END")
        write_model(base, 3, 4.0).joinpath("saved_model.pb").write_bytes(b"damaged")
        wait_until(lambda: value(served) == 3 and "2" in str(served.get(PLAIN).json()))


def test_models_config_with_labels_and_reloading(folder, tmp_path):
    config = tmp_path / "models.config"
    config.write_text(
        f"""model_config_list {{ config {{
            name: "mine" base_path: "{folder / "plain"}" model_platform: "tensorflow"
            model_version_policy {{ specific {{ versions: 1 }} }}
            version_labels {{ key: "stable" value: 1 }} }} }}""",
        encoding="utf-8",
    )
    with serving(f"--config={config}", *LIMITS) as served:
        assert value(served, "v1/models/mine/labels/stable") == 2
        assert value(served) == 404
        stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(served.address))
        request = model_management_pb2.ReloadConfigRequest()
        entry = (
            f'model_config_list {{ config {{ name: "plain" base_path: "{folder / "other"}" }} }}'
        )
        text_format.Parse(entry, request.config)
        stub.HandleReloadConfigRequest(request)
        assert (value(served), value(served, "v1/models/mine")) == (0.5, 404)


def test_stops_cleanly(folder):
    with serving(f"--models={folder}", *LIMITS) as served:
        assert served.process is not None
        served.process.send_signal(signal.SIGINT)
        out, error = served.process.communicate(timeout=30)
        assert (served.process.returncode, out) == (0, "Stopping.\n")
        assert "Traceback" not in error


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "--models"),
        (["--models=missing"], "missing is no folder"),
        (["--models=."], "holds no model"),
        (["--config=none.config"], "none.config is no configuration"),
    ],
)
def test_what_cannot_be_served(tmp_path, flags, says):
    done = forks().command("serve", *flags, cwd=tmp_path)
    assert done.code == 2 and says in done.error


def test_a_version_without_its_graph_is_waited_for_and_said_once(tmp_path, caplog):
    (tmp_path / "3").mkdir()
    models = Models([ModelConfiguration("mine", tmp_path)])
    with caplog.at_level(logging.INFO):
        models.look()
        models.look()
    assert caplog.messages == ["mine version 3 has no saved_model.pb yet: it is waited for."]
    assert models.states("mine") == {}
