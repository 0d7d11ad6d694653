"""The trials of a comparison on the machines of a Ray cluster."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..compat.optional import optional
from ..errors import UserError
from ..weights import load
from ..weights.native.gan_file import save_gan
from .plan import ComparisonPlan
from .results import Record
from .trials import Engine, Say, Task, measured

# So often a trial is begun again whose worker has ended; another end is a failure of the trial.
_RETRIES = 3
# How many trials wait for each worker.
_AHEAD = 2


def on_ray(address: str) -> Engine:
    """Returns the engine that gives every trial to the next free worker of a Ray cluster.

    A trial whose worker ends before it is done runs again on another. Workers that see the
    comparison's folder train in it, and then go on from the last checkpoint; others get what is
    there of their run folder, and give it back when the trial is done.

    Args:
        address: "auto" is the cluster that this machine is part of, "HOST:PORT" or
            "ray://HOST:PORT" another one, "local:N" one of N workers on this machine, which ends
            with the comparison.

    Raises:
        UserError: if Ray is not installed.
    """
    ray = optional("ray")
    workers = address.removeprefix("local:") if address.startswith("local:") else None
    if workers is not None and not (workers.isdecimal() and int(workers)):
        raise UserError(f"local:N begins N workers on this machine, not {workers!r}.")

    def engine(
        plan: ComparisonPlan,
        tasks: Sequence[Task],
        folder: Path,
        options: dict[str, Any],
        say: Say,
    ) -> Iterator[tuple[Task, Record | Exception]]:
        # Ray tells its makers what it is used for unless it is told not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own = {"address": address} if workers is None else {"num_cpus": int(workers)}
        try:
            ray.init(include_dashboard=False if workers else None, log_to_driver=False, **own)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise UserError(f"There is no Ray cluster at {address}: {error}") from error
        try:
            yield from _computed(ray, plan, tasks, folder.resolve(), options, say)
        finally:
            ray.shutdown()

    return engine


def _computed(
    ray: Any, plan: ComparisonPlan, tasks: Sequence[Task], folder: Path, options: dict, say: Say
) -> Iterator[tuple[Task, Record | Exception]]:
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(_trial)
    # Once for all trials; a machine fetches it once for all its workers.
    shared = ray.put(_packed(plan))
    # By this file a worker knows that it sees the folder.
    mark = folder / f".shared-{uuid.uuid4().hex}"
    mark.touch()
    left, waiting = list(tasks)[::-1], {}
    try:
        say(f"{len(tasks)} trials wait for {_workers(ray)}.")
        while left or waiting:
            # No more than keep the workers busy: what was begun before is sent along, and is large.
            while left and len(waiting) < _AHEAD * max(1, _count(ray)):
                task = left.pop()
                before = _archive(folder / task.trial.folder)
                asked = remote.remote(shared, task, str(folder), mark.name, before, options)
                waiting[asked] = task
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(done)
            try:
                record, archive = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                result: Record | Exception = error.cause
            except ray.exceptions.RayError as error:
                result = UserError(f"its worker ended, {_RETRIES + 1} times: {_first(error)}")
            else:
                if archive is not None:
                    _unpacked(archive, folder / task.trial.folder)
                result = record
            say(f"{task}: done on a worker.")
            yield task, result
    finally:
        mark.unlink(missing_ok=True)


def _workers(ray: Any) -> str:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    return f"{_count(ray)} workers on {len(nodes)} machine{'s' * (len(nodes) != 1)}"


def _count(ray: Any) -> int:
    return int(ray.cluster_resources().get("CPU", 0))


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


# On a worker ------------------------------------------------------------------------


def _trial(
    shared: dict[str, Any],
    task: Task,
    folder: str,
    mark: str,
    before: bytes | None,
    options: dict[str, Any],
) -> tuple[Record, bytes | None]:
    """Returns the record of a trial, and its run folder unless that lies where it belongs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    plan = _plan(shared)

    def silent(line: str) -> None:
        del line

    if Path(folder, mark).exists():
        return measured(plan, task, Path(folder), options, silent), None
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, task.trial.folder)
        if before is not None:
            _unpacked(before, place)
        record = measured(plan, task, Path(scratch), options, silent)
        return record, _archive(place)


def _packed(plan: ComparisonPlan) -> dict[str, Any]:
    """A plan as it is sent: networks are no values, their file is."""
    fields = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "source.npz")
        save_gan(plan.source, path, metadata=plan.source.source_metadata)
        return {**fields, "source": path.read_bytes()}


def _plan(shared: dict[str, Any]) -> ComparisonPlan:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "source.npz")
        path.write_bytes(shared["source"])
        return ComparisonPlan(**{**shared, "source": load(path)})


def _archive(place: Path) -> bytes | None:
    if not place.is_dir():
        return None
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(place, ".")
    return data.getvalue()


def _unpacked(data: bytes, place: Path) -> None:
    """Puts a run folder in its place, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(scratch, filter="data")
        if place.exists():
            shutil.rmtree(place)
        os.rename(scratch, place)
        os.mkdir(scratch)
