"""A run of each method, killed at random moments, ends as if nothing had happened.

A process that is stopped (SIGSTOP) has written what one that is killed at that moment leaves:
its folder, copied while it stands still, is that of a killed run. So one run gives many moments,
and is killed at the last of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import os
import random
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from tf_fewshot import backbones, methods
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import COMMAND, Done, forks
from .test_matrix import downloads, settings_of
from .test_training import differences

STEPS, EVERY, MOMENTS = 60, 7, 20
# One thread: what is compared bit by bit must not depend on how work was shared.
ENVIRONMENT = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@dataclasses.dataclass
class Runs:
    """A folder with a source and pictures, and runs of one method there."""

    folder: Path
    method: str

    def adapt(self, workdir: str, before: str = "") -> Done:
        flags = [f"--config.{k}={v}" for k, v in settings_of(self.method).items()]
        flags += [f"--config.steps={STEPS}", f"--checkpoint_every={EVERY}"]
        flags += ["--source=source.npz", "--data=pictures.npz", f"--method={self.method}"]
        flags += ["--precision=float32", "--deterministic", f"--workdir={workdir}"]
        return forks().python(before + COMMAND, "adapt", *flags, cwd=self.folder, **ENVIRONMENT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    keras.utils.set_random_seed(0)
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / "source.npz")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
    # Latents are for the methods whose pictures have some.
    latents = rng.standard_normal((6, TINY["dcgan"]["latent_dim"])).astype(np.float32)
    np.savez(folder / "pictures.npz", images=images, latents=latents)
    return folder


def stands_still(pid: int) -> bool:
    """Whether all threads of the process were stopped."""
    states = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(path.read_text().rpartition(")")[2].split()[0] in "Tt" for path in states)


def half_written(workdir: Path) -> bool:
    return any(".tmp" in name for _, _, names in os.walk(workdir) for name in names)


def step_kept(workdir: Path) -> int:
    kept = (path.stem.removeprefix("step") for path in workdir.glob("checkpoints/step*.npz"))
    return max(map(int, kept), default=0)


def moments(rng: random.Random, seconds: float, workdir: Path) -> Iterator[Callable[[], bool]]:
    """What to wait for: half of the moments are any, in half a file is being written.

    Args:
        rng: Draws them.
        seconds: What the steps between two checkpoints take.
        workdir: Of the run.
    """
    for step in sorted(rng.randrange(STEPS) for _ in range(MOMENTS)):
        writing, later, since = rng.random() < 0.5, rng.uniform(0, seconds), math.inf

        def reached(step=step, writing=writing, later=later) -> bool:
            nonlocal since
            if step_kept(workdir) < step // EVERY * EVERY:
                return False
            since = min(since, time.monotonic())
            return half_written(workdir) if writing else time.monotonic() - since >= later

        yield reached


def copies(
    run: Runs, workdir: Path, pid: int, rng: random.Random, seconds: float, taken: list[Path]
) -> None:
    """Copies the folder of the run at random moments, and kills it when there are enough."""
    for reached in moments(rng, seconds, workdir):
        while not reached():
            if not Path(f"/proc/{pid}/task").exists():
                return
        try:
            os.kill(pid, signal.SIGSTOP)
            while not stands_still(pid):
                pass
        except (ProcessLookupError, FileNotFoundError):
            return
        taken.append(run.folder / f"{run.method}-copy{len(taken):02d}")
        shutil.copytree(workdir, taken[-1])
        if len(taken) == MOMENTS:
            os.kill(pid, signal.SIGKILL)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def watched(
    run: Runs, workdir: Path, rng: random.Random, seconds: float, taken: list[Path]
) -> Done:
    """Begins a run of which copies are taken, and returns how it ended."""
    told, ends = workdir.with_suffix(".pid"), []
    before = f"import os; open({str(told)!r}, 'w').write(str(os.getpid()) + '.')\n"
    thread = threading.Thread(target=lambda: ends.append(run.adapt(workdir.name, before)))
    thread.start()
    while not (workdir / "config.json").exists() or not told.read_text().endswith("."):
        time.sleep(0.001)
        assert thread.is_alive(), ends
    copies(run, workdir, int(told.read_text()[:-1]), rng, seconds, taken)
    thread.join()
    return ends[0]


def unlike(one: Path, other: Path) -> list[str]:
    """What differs between two runs, of which those without training have pictures alone."""
    if (one / "stats.jsonl").exists():
        return differences(one, other)
    names = ["adapter/adapter.npz", *(path.name for path in one.glob("*.png"))]
    assert len(names) > 1
    return [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()]


def contents(workdir: Path) -> str:
    """A name for all that a run goes on from."""
    digest = hashlib.sha256()
    for path in sorted(workdir.rglob("*")):
        if path.is_file() and path.name not in ("log.txt", ".lock") and "events" not in path.name:
            digest.update(f"{path.relative_to(workdir)} {path.stat().st_size}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.mark.large
@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=downloads(name)) for name in methods.names()]
)
def test_killed_at_any_moment_it_ends_the_same(folder, method, request):
    run, rng = Runs(folder, method), random.Random(f"{request.node.name} 0")
    done = run.adapt(f"{method}-straight")
    assert done.code == 0, done.stderr
    checkpoints = folder / f"{method}-straight" / "checkpoints"
    kept = sorted(checkpoints.iterdir()) if checkpoints.exists() else []
    # The last was written when the steps after the one before were done.
    seconds = kept[1].stat().st_mtime - kept[0].stat().st_mtime if kept else 0.1
    taken: list[Path] = []
    # A run may end before all of its moments have come.
    for number in range(2 * MOMENTS):
        if len(taken) < MOMENTS:
            ended = watched(run, folder / f"{method}-killed{number}", rng, seconds, taken)
            assert ended.code == (-signal.SIGKILL if len(taken) == MOMENTS else 0), ended.stderr
    assert len(taken) == MOMENTS
    different = {contents(path): path for path in taken}
    begun = set()
    for copy in different.values():
        before = [str(path.relative_to(copy)) for path in sorted(copy.rglob("*"))]
        done = run.adapt(copy.name)
        assert done.code == 0, done.stderr
        begun |= {int(step) for step in re.findall(r"Going on from step (\d+)\.", done.stderr)}
        assert unlike(folder / f"{method}-straight", copy) == [], (copy.name, before)
        assert not half_written(copy), copy.name
    assert len(begun) > 1 or not kept
    for path in folder.glob(f"{method}-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
