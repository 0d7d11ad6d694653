"""Runs on a disk that is full or read-only, and on a machine whose clock was set back.

The disks are real: file systems in memory that one process and its children see.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from tf_fewshot import backbones
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import Done, Forks, forks
from .test_training import EAGERLY, differences, steps_kept

COMMAND = EAGERLY + "from tf_fewshot.tools.main import run; run()"
MOUNT = ["unshare", "--mount", "--map-root-user"]
FLAGS = ["--method=transfergan", "--config.steps=6", "--config.batch_size=4"]
FLAGS += ["--precision=float32", "--checkpoint_every=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source and pictures, and a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("faults")
    keras.utils.set_random_seed(0)
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / "source.npz")
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
    np.save(folder / "pictures.npy", images)
    done = adapt(forks(), folder, folder / "straight")
    assert done.code == 0, done.stderr
    return folder


def adapt(where: Forks, folder: Path, workdir: Path) -> Done:
    files = [f"--source={folder / 'source.npz'}", f"--data={folder / 'pictures.npy'}"]
    return where.python(COMMAND, "adapt", *files, *FLAGS, f"--workdir={workdir}", cwd=folder)


@dataclasses.dataclass
class Disk:
    """A file system in memory, which only the processes of ``where`` see."""

    where: Forks
    path: Path

    def mount(self, *arguments: str) -> None:
        code = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
        # From elsewhere: a process that stands in a file system keeps it where it is.
        done = self.where.python(code, "mount", *arguments, self.path, cwd=self.path.parent)
        assert done.code == 0, done.stderr

    def fresh(self, options: str) -> None:
        """Mounts an empty file system, over the one before."""
        self.mount("-t", "tmpfs", "-o", options, "none")

    def copied(self, name: str, to: Path) -> Path:
        code = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
        done = self.where.python(code, self.path / name, to, cwd=self.path.parent)
        assert done.code == 0, done.stderr
        return to


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    if subprocess.run([*MOUNT, "true"], capture_output=True).returncode:
        pytest.skip("this system lets no process mount a file system of its own")
    where = Forks([*MOUNT, sys.executable, "-m", "tests.processes"])
    yield Disk(where, tmp_path_factory.mktemp("disk"))
    where.close()


@pytest.mark.large
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_full_disk_wherever_it_fills(folder, disk, share, tmp_path):
    straight = folder / "straight"
    size = sum(4096 * -(-path.stat().st_size // 4096) for path in straight.rglob("*"))
    disk.fresh(f"size={int(share * size)}")
    done = adapt(disk.where, folder, disk.path / "run")
    assert done.code == 2, done.stderr
    assert done.error.startswith("Error: No space left on the disk while writing ")
    assert "Traceback" not in done.stderr
    disk.mount("-o", f"remount,size={4 * size}")
    left = disk.copied("run", tmp_path / "left")
    assert not [path for path in left.rglob("*") if ".tmp" in path.name]
    for path in left.glob("checkpoints/*.npz"):
        with np.load(path) as arrays:
            assert all(np.isfinite(arrays[name]).all() for name in arrays.files)
    done = adapt(disk.where, folder, disk.path / "run")
    assert done.code == 0, done.stderr
    assert differences(straight, disk.copied("run", tmp_path / "run")) == []


@pytest.mark.large
def test_a_disk_that_becomes_read_only(folder, disk, tmp_path):
    disk.fresh("size=8m")
    done = adapt(disk.where, folder, disk.path / "run")
    assert done.code == 0, done.stderr
    before = disk.copied("run", tmp_path / "before")
    disk.mount("-o", "remount,ro")
    for name in ("run", "other"):
        done = adapt(disk.where, folder, disk.path / name)
        assert done.code == 2
        assert re.match(
            r"Error: Cannot write .*Read-only file system\. Choose another place\.$", done.error
        )
        assert "Traceback" not in done.stderr
    assert differences(before, disk.copied("run", tmp_path / "after")) == []


def test_a_clock_that_was_set_back(folder, tmp_path):
    """Files of the future are no newer for it: what counts is the step."""
    shutil.copytree(folder / "straight", tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    oldest, newest = sorted(checkpoints.iterdir())
    newest.unlink()
    # Here the one with more steps seems older than all else.
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (4e9, 4e9))
    os.utime(oldest, (1e9, 1e9))
    done = adapt(forks(), folder, tmp_path / "run")
    assert done.code == 0, done.stderr
    assert "Going on from step 4." in done.stderr
    assert differences(folder / "straight", tmp_path / "run") == []
    assert steps_kept(tmp_path / "run") == [4, 6]
