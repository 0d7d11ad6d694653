"""Comparisons on the workers of a Ray cluster: of two on this machine, one of which is killed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tf_fewshot import backbones, comparison, features
from tf_fewshot.comparison import machines
from tf_fewshot.comparison.results import Results
from tf_fewshot.comparison.trials import Task
from tf_fewshot.errors import UserError
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .means import install
from .processes import ROOT

_NEEDS_RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray, of the extra of that name, is missing"
)
# Compares on two workers. The first trial's is killed in the middle of it, by whom it waits for.
_SCRIPT = """
import os, signal, sys, threading, time
from pathlib import Path
from tf_fewshot import comparison
from tf_fewshot.comparison import machines
from tests.means import install
from tests.test_machines import planned

folder, began = Path(sys.argv[1]), Path(sys.argv[1], "began")
plain = machines._trial

def trial(shared, task, *rest):
    install()
    began.mkdir(exist_ok=True)
    (began / f"{task.trial.method}-{os.getpid()}").touch()
    while task.trial.method == "transfergan" and not (folder / "killed").exists():
        time.sleep(0.1)
    return plain(shared, task, *rest)

def kill():
    while not (found := list(began.glob("transfergan-*"))):
        time.sleep(0.1)
    os.kill(int(found[0].name.split("-")[1]), signal.SIGKILL)
    (folder / "killed").touch()

if __name__ == "__main__":
    install()
    plan = planned(folder)
    machines._trial = trial
    threading.Thread(target=kill, daemon=True).start()
    outcome = comparison.run(plan, folder / "ray", comparison.engine_of("local:2"))
    assert not outcome.failures, outcome.failures
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with source.npz, and pictures of 16 px: pictures/ and others/."""
    keras.utils.set_random_seed(0)
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), tmp_path / "source.npz")
    rng = np.random.default_rng(0)
    for name in ("pictures", "others"):
        (tmp_path / name).mkdir()
        for i in range(6):
            picture = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{i}.png")
    return tmp_path


def planned(folder: Path) -> comparison.ComparisonPlan:
    return comparison.plan(
        folder / "source.npz",
        [f"noise={folder / 'pictures'}:{folder / 'others'}"],
        ["transfergan", "scratch"],
        shots=[3],
        steps=2,
        settings={"transfergan": {"batch_size": 2}, "scratch": {"batch_size": 2}},
        metrics=["kmmd"],
        n=6,
        precision="float32",
    )


def test_what_is_sent_is_the_plan(folder):
    plan = planned(folder)
    again = machines._plan(machines._packed(plan))
    assert again.identity() == plan.identity()
    assert again.trials() == plan.trials() and again.source_name == plan.source_name


def test_run_folders_come_back_whole(tmp_path):
    run = tmp_path / "one" / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "step0000002.npz").write_bytes(b"weights")
    data = machines._archive(run)
    assert data is not None and machines._archive(tmp_path / "none") is None
    for _ in range(2):
        machines._unpacked(data, tmp_path / "two" / "run")
        (copy,) = (tmp_path / "two").iterdir()
        assert (copy / "checkpoints" / "step0000002.npz").read_bytes() == b"weights"


def test_results_are_in_the_order_of_trials(folder):
    trials = planned(folder).trials()
    results = Results(folder / "results.jsonl", print)
    for trial in reversed(trials):
        results.add({**vars(trial), "metrics": []})
    results.sort(trials)
    lines = (folder / "results.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["method"] for line in lines] == [t.method for t in trials]


def test_a_task_is_told_by_its_number(folder):
    (first, _) = planned(folder).trials()
    assert str(Task(first, 1, 2, ["kmmd"])) == f"Trial 1 of 2: {first}"


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'tf-fewshot\[ray\]'"):
        comparison.engine_of("auto")


@_NEEDS_RAY
@pytest.mark.parametrize("address", ["local:", "local:0", "local:many"])
def test_a_number_of_workers_that_is_none(address):
    with pytest.raises(UserError, match="local:N begins N workers on this machine"):
        comparison.engine_of(address)


def told(folder: Path) -> list[dict]:
    """The results, without what another start would say otherwise."""
    lines = (folder / "results.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@_NEEDS_RAY
@pytest.mark.large
def test_a_trial_whose_worker_is_killed_runs_again(folder, monkeypatch):
    """Both trials are done, the file is that of one process, and no trace of the mark is left."""
    done = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.alarm(900)\n{_SCRIPT}", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 trials wait for 2 workers on 1 machine." in done.stderr
    began = [path.name.split("-")[0] for path in (folder / "began").iterdir()]
    assert sorted(began) == ["scratch", "transfergan", "transfergan"]
    assert not list((folder / "ray").glob(".shared-*"))

    monkeypatch.setitem(features.EXTRACTORS, "efficientnet_lite0", None)
    install()
    comparison.run(planned(folder), folder / "here")
    of_ray, of_one = told(folder / "ray"), told(folder / "here")
    assert [r["method"] for r in of_ray] == ["transfergan", "scratch"]
    for mine, theirs in zip(of_ray, of_one, strict=True):
        (value,), (other,) = mine.pop("metrics"), theirs.pop("metrics")
        assert value.pop("value") == pytest.approx(other.pop("value"), rel=1e-3)
        assert (mine, value) == (theirs, other)
    names = {path.relative_to(folder / "ray") for path in (folder / "ray/runs").rglob("*")}
    assert {p for p in names if p.name == "adapter.npz"}
