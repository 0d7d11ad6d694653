"""Two processes of one training: what they give, and what they do when one of them is ended."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import tf_fewshot as tff
from tf_fewshot import backbones
from tf_fewshot.weights.native.gan_file import save_gan

from . import processes
from .conftest import TINY
from .workers import Workers, arrays, waited

pytestmark = pytest.mark.large

_ADAPT = (
    "adapt --source=source.npz --data=pictures --method=transfergan --batch_size=4 "
    "--checkpoint_every=2 --precision=float32 --deterministic"
)


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A folder with a source and pictures."""
    keras.utils.set_random_seed(0)
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), tmp_path / "source.npz")
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        picture = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path


_PRETRAINING = """
from ml_collections import ConfigDict

def get_config():
    model = {"resolution": 16, "latent_dim": 8, "w_dim": 8, "mapping_layers": 2, "fused": True}
    return ConfigDict({
        "method": "scratch",
        "architecture": "stylegan",
        "model": {**model, "channels": (8, 8, 8)},
        "growths": ((8, 8, 0, 0.1, 1.0), (16, 4, 4, 0.5, 1.0)),
        "batch_size": 4,
        "snapshot_images": 8,
    })
"""


def adapting(problem: Path, name: str, steps: int, **options) -> Workers:
    return Workers(problem, name, f"{_ADAPT} --workdir={name} --steps={steps}", **options)


def adapter(folder: Path) -> dict[str, np.ndarray]:
    return arrays(folder / "adapter" / "adapter.npz")


def test_two_processes_adapt_as_one_does(problem):
    # The second comes late, and is waited for.
    with adapting(problem, "two", 3, begin=(0,)) as workers:
        workers.says(0, "Waiting up to 600 s for worker 1 (127.0.0.1:")
        time.sleep(5)
        workers.begin(1)
        assert workers.ended() == [0, 0], workers.logs()
    one = tff.adapt(
        problem / "source.npz",
        problem / "pictures",
        "transfergan",
        workdir=problem / "one",
        steps=3,
        batch_size=4,
        precision="float32",
    )
    assert one.folder == problem / "one"
    several, alone = adapter(problem / "two"), adapter(problem / "one")
    assert several.keys() == alone.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(several[name], value, rtol=1e-3, atol=1e-4)
    said = "2 replicas in 2 processes; this one, worker"
    assert f"{said} 0, computes on CPU:0 and writes the run folder." in workers.log(0)
    assert f"{said} 1, computes on CPU:0." in workers.log(1)
    # Nothing of the other worker is there, nor in its folder of its own.
    assert sum(name.startswith("events") for name in os.listdir(problem / "two/tensorboard")) == 1


def test_two_processes_in_bfloat16_adapt_as_one_does(problem):
    command = _ADAPT.replace("float32", "bfloat16")
    with Workers(problem, "two", f"{command} --workdir=two --steps=1") as workers:
        assert workers.ended() == [0, 0], workers.logs()
    done, _ = processes.command(*f"{command} --workdir=one --steps=1".split(), cwd=problem)
    assert done.code == 0, done.stderr
    several, alone = adapter(problem / "two"), adapter(problem / "one")
    for name, value in alone.items():
        scale = np.abs(value).max() + 1e-6
        np.testing.assert_allclose(several[name], value, rtol=0, atol=0.03 * scale, err_msg=name)


def test_workers_that_are_ended_and_begun_again_change_nothing(problem):
    with adapting(problem, "whole", 16) as workers:
        assert workers.ended() == [0, 0], workers.logs()
    # Killed where nothing can be said any more.
    with adapting(problem, "cut", 16) as workers:
        waited(problem / "cut/checkpoints/step0000004.npz", workers)
        workers.processes[1].send_signal(signal.SIGKILL)
        assert workers.ended() == [2, -9], workers.logs()
    assert "start every worker again with the same command" in workers.log(0)
    # Ended as a scheduler does, which TensorFlow's own handler would swallow; the same addresses.
    with adapting(problem, "cut", 16, ports=workers.ports) as workers:
        waited(problem / "cut/checkpoints/step0000008.npz", workers)
        workers.processes[0].send_signal(signal.SIGTERM)
        assert workers.ended() == [143, 2], workers.logs()
    assert "Going on from step" in workers.log(0)
    assert "Terminated. The same command goes on" in workers.log(0)
    assert "start every worker again with the same command" in workers.log(1)
    with adapting(problem, "cut", 16, ports=workers.ports) as workers:
        assert workers.ended() == [0, 0], workers.logs()
    assert "Going on from step" in workers.log(0)
    whole, cut = adapter(problem / "whole"), adapter(problem / "cut")
    assert whole.keys() == cut.keys()
    assert [name for name in whole if not np.array_equal(whole[name], cut[name])] == []
    shutil.rmtree(problem / "cut")


def sources(folder: Path) -> dict[str, np.ndarray]:
    """The weights of every snapshot of a pretraining, by its name and theirs."""
    return {
        f"{file.name}/{name}": value
        for file in sorted((folder / "snapshots").glob("*.npz"))
        for name, value in arrays(file).items()
        # Of a constant that is normalised afterwards: its gradient is nothing but rounding, which
        # Adam takes for a direction.
        if not name.endswith("4x4/Epilogue0/bias")
    }


def test_pretraining_on_several_devices_is_that_of_one(problem):
    """Growing, R1, and snapshots: of one device, of two parts of a CPU, of two processes."""
    (problem / "tiny.py").write_text(_PRETRAINING)
    command = "pretrain --config=tiny.py --data=pictures --precision=float32 --deterministic"
    for name, more in (("one", "none"), ("parts", "mirrored")):
        done, _ = processes.command(
            *f"{command} --workdir={name} --strategy={more}".split(), cwd=problem
        )
        assert done.code == 0, done.stderr
        assert done.stdout.strip() == f"{name}/source.npz"
    assert "Devices: 2 replicas, on CPU:0, CPU:1." in done.stderr
    with Workers(problem, "two", f"{command} --workdir=two --reference=pictures") as workers:
        assert workers.ended() == [0, 0], workers.logs()
    # The other worker has no folder, and names no file.
    assert "two/source.npz" in workers.log(0) and "source.npz" not in workers.log(1)
    one, parts, two = (sources(problem / name) for name in ("one", "parts", "two"))
    assert one.keys() == parts.keys() == two.keys()
    assert {name.split("/")[0] for name in one} == {"000000008.npz", "000000012.npz"}
    for name, value in one.items():
        assert np.array_equal(parts[name], two[name]), name
        scale = np.abs(value).max() + 1e-6
        np.testing.assert_allclose(parts[name], value, rtol=0, atol=1e-3 * scale, err_msg=name)
