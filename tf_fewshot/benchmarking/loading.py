"""Seconds and memory of loading a source, in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import UserError

_CHUNK = 2**20


@dataclasses.dataclass(frozen=True)
class Loading:
    """What loading a source takes.

    Attributes:
        bytes: Size of the files that it is read from.
        read: Seconds of reading these files.
        load: Seconds of ``tff.load``.
        weights: Bytes of the variables of its networks.
        memory: Bytes that the process grew by at most while it loaded; None where the system
            does not tell.
    """

    bytes: int
    read: float
    load: float
    weights: int
    memory: int | None

    @property
    def of_read(self) -> float:
        """Seconds of loading over seconds of reading."""
        return self.load / self.read

    @property
    def of_weights(self) -> float | None:
        """Memory over the bytes of the weights."""
        return None if self.memory is None else self.memory / self.weights

    def record(self) -> dict[str, Any]:
        """The fields and ratios as JSON values; those that are not known are left out."""
        fields = dataclasses.asdict(self)
        ratios = {"of_read": self.of_read, "of_weights": self.of_weights}
        return {name: value for name, value in (fields | ratios).items() if value is not None}

    def __str__(self) -> str:
        line = f"loading {self.load:.2f} s, {self.of_read:.1f} times reading its bytes"
        if self.of_weights is not None:
            line += f"; at most {self.of_weights:.2f} times the memory of its weights"
        return line


def measure_loading(source: str, repeats: int) -> Loading:
    """Loads a source in processes of their own, one after the other.

    Both reading and loading begin with nothing of the files in the system's cache, where that
    can be told to forget, and after a first layer of Keras.

    Args:
        source: Name of a preset or a path.
        repeats: How many processes.

    Returns:
        The shortest seconds of all processes, and the most memory.

    Raises:
        UserError: if a process fails.
    """
    program = f"from {__name__} import print_loading; print_loading()"
    command = [sys.executable, "-c", program, source]
    # TensorFlow tells on standard error which instructions and devices there are.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    runs = []
    for _ in range(repeats):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UserError(f"{source} could not be loaded in a process of its own: {reason}")
        runs.append(Loading(**json.loads(done.stdout.splitlines()[-1])))
    memory = [run.memory for run in runs if run.memory is not None]
    return dataclasses.replace(
        runs[0],
        read=min(run.read for run in runs),
        load=min(run.load for run in runs),
        memory=max(memory, default=None),
    )


def files_of(source: str) -> list[Path]:
    """Returns the files that a source is read from.

    Raises:
        UserError: if those of a preset cannot be brought.
    """
    from ..weights.presets import PRESETS

    path = PRESETS[source].where.fetch() if source in PRESETS else Path(source).expanduser()
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _forget(files: list[Path]) -> None:
    """Drops files from the system's cache."""
    if hasattr(os, "posix_fadvise"):
        for path in files:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read(files: list[Path]) -> int:
    """Reads files without keeping them; returns how many bytes they have."""
    total, chunk = 0, bytearray(_CHUNK)
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(chunk):
                total += count
    return total


def memory_of(field: str, process: int | str = "self") -> int | None:
    """Bytes of a process, now ("VmRSS") or at most ("VmHWM"); None where nothing tells."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(rf"{field}:\s+(\d+) kB", status)
    return int(match[1]) * 1024 if match else None


def measure_here(source: str) -> Loading:
    """Loads a source once, in this process, which should have loaded nothing before."""
    import keras
    import tensorflow as tf

    from .. import weights

    files = files_of(source)
    # The first operation of all makes devices, and the first layer what Keras keeps.
    keras.layers.Dense(1)(tf.zeros([1, 1])).numpy()
    _forget(files)
    begun = time.perf_counter()
    count = _read(files)
    read = time.perf_counter() - begun
    _forget(files)
    before = memory_of("VmRSS")
    if before is not None:
        # Makes what was used at most what is used now.
        Path("/proc/self/clear_refs").write_text("5")
    begun = time.perf_counter()
    gan = weights.load(source)
    load = time.perf_counter() - begun
    most = memory_of("VmHWM")
    variables = gan.variables_by_path().values()
    size = sum(v.value.dtype.size * v.value.shape.num_elements() for v in variables)
    memory = None if before is None or most is None else most - before
    return Loading(bytes=count, read=read, load=load, weights=size, memory=memory)


def print_loading() -> None:
    """Prints what :func:`measure_here` gives of the source that the command line names."""
    print(json.dumps(dataclasses.asdict(measure_here(sys.argv[1]))))
