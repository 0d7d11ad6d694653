"""A server of one source under the load of many clients, against its generator alone."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..backbones import GAN
from ..errors import UserError
from ..export import export_saved_model
from ..serving import GrpcClient, Limits, Server, models_of_folder
from ..serving.version import LoadedVersion
from .loading import memory_of

CLIENTS = 16
_MODEL = "generator"
_SIGNATURE = "generate_from_seed"


@dataclasses.dataclass(frozen=True)
class Served:
    """What a server does.

    Attributes:
        imported: Seconds of importing TensorFlow in the server's process.
        first: Seconds from the start of that process to its first answer.
        bare: Pictures a second of the exported generator, asked in this process.
        rate: Pictures a second that all clients were given.
        requests: How many were answered.
        errors: How many were not.
        memory: Bytes of the server after the first of its turns.
        growth: Bytes more after the last of them.
    """

    imported: float
    first: float
    bare: float
    rate: float
    requests: int
    errors: int
    memory: int
    growth: int

    @property
    def of_bare(self) -> float:
        """The clients' pictures a second over those of the generator alone."""
        return self.rate / self.bare

    def record(self) -> dict[str, Any]:
        """The fields and their ratio as JSON values."""
        return dataclasses.asdict(self) | {"of_bare": self.of_bare}

    def __str__(self) -> str:
        return (
            f"serving: first answer after {self.first:.1f} s, {self.imported:.1f} s of them "
            f"importing TensorFlow; {self.requests} requests of {CLIENTS} clients, {self.errors} "
            f"errors, {self.rate:.1f} pictures a second, {100 * self.of_bare:.0f} % of the "
            f"generator alone; {self.memory / 2**20:.0f} MiB, grown by {self.growth / 2**20:.1f}"
        )


def measure_serving(gan: GAN, batch_size: int, turns: int, seconds: float = 10.0) -> Served:
    """Exports a generator, serves it in a process of its own, and asks it by gRPC.

    The server, asked by 16 clients at once, and the generator alone, asked in this process, take
    turns.

    Args:
        gan: The generator.
        batch_size: Rows of each request.
        turns: Of each.
        seconds: Of each turn.

    Raises:
        UserError: if the server does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = export_saved_model(gan, Path(folder, _MODEL))
        alone = LoadedVersion(path, batch_size)
        inputs = _inputs(alone, batch_size)
        with _server(path.parent, batch_size) as server:
            with GrpcClient(_MODEL, server.address) as client:
                client.predict(_SIGNATURE, **{k: v[:1] for k, v in inputs.items()})
            first = time.perf_counter() - server.begun
            alone.run(_SIGNATURE, inputs)
            memory, bare, rate, answered, errors = 0, 0.0, 0.0, 0, 0
            for turn in range(turns):
                bare = max(bare, batch_size * _alone(alone, inputs, seconds))
                some, wrong, took = _asked(server.address, inputs, seconds)
                rate = max(rate, batch_size * some / took)
                answered, errors = answered + some, errors + wrong
                if not turn:
                    memory = memory_of("VmRSS", server.process.pid) or 0
            growth = (memory_of("VmRSS", server.process.pid) or 0) - memory
        alone.close()
    return Served(server.imported, first, bare, rate, answered, errors, memory, growth)


def serve_here(folder: str, rows: int, imported: float) -> None:
    """Serves the model of a folder until standard input ends; says on a line where."""
    with Server(models_of_folder(folder), port=0, rest_port=0, limits=Limits(rows)) as server:
        print(json.dumps({"port": server.port, "imported": imported}), flush=True)
        sys.stdin.read()


@dataclasses.dataclass
class _Process:
    process: subprocess.Popen
    address: str
    imported: float
    begun: float


@contextlib.contextmanager
def _server(folder: Path, rows: int) -> Iterator[_Process]:
    program = (
        "import time; begun = time.perf_counter(); import tensorflow; "
        "imported = time.perf_counter() - begun; "
        f"from {__name__} import serve_here; serve_here({str(folder)!r}, {rows}, imported)"
    )
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            said = process.communicate()[1].strip().splitlines() or ["nothing"]
            raise UserError(f"The server did not start: {said[-1]}")
        told = json.loads(line)
        yield _Process(process, f"127.0.0.1:{told['port']}", told["imported"], begun)
    finally:
        process.communicate()


def _inputs(version: LoadedVersion, rows: int) -> dict[str, np.ndarray]:
    inputs = {
        "seed": np.arange(rows, dtype=np.int64),
        "truncation": np.full(rows, version.metadata["default_truncation"], np.float32),
    }
    if "label" in version.signatures[_SIGNATURE].inputs:
        inputs["label"] = np.zeros(rows, np.int32)
    return inputs


def _alone(version: LoadedVersion, inputs: dict[str, np.ndarray], seconds: float) -> float:
    """Batches a second."""
    begun, count = time.perf_counter(), 0
    while (took := time.perf_counter() - begun) < seconds:
        version.run(_SIGNATURE, inputs)
        count += 1
    return count / took


def _asked(address: str, inputs: dict[str, np.ndarray], seconds: float) -> tuple[int, int, float]:
    """Answers, errors and seconds of all clients together."""
    counts, errors = [0] * CLIENTS, [0] * CLIENTS
    begun = time.perf_counter()

    def ask(number: int) -> None:
        with GrpcClient(_MODEL, address) as client:
            while time.perf_counter() - begun < seconds:
                try:
                    client.predict(_SIGNATURE, **inputs)
                    counts[number] += 1
                except UserError:
                    errors[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), sum(errors), time.perf_counter() - begun
