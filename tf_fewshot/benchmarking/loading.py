"""Seconds and memory of loading a source, in a process of its own.

Run as a module with the name of a preset or a path it prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

_CHUNK = 2**20


def measured(source: str, repeats: int) -> dict[str, float]:
    """The shortest times of ``repeats`` processes, and the most memory of them.

    Returns:
        "bytes" of the files; "read" and "load", seconds of reading these and of ``tff.load``,
        each with nothing of them in the system's cache (where that can be told to forget), and
        after a first layer of Keras;
        "weights", bytes of the networks' variables; "memory", bytes that the process grew by
        at most while it loaded (Linux only).
    """
    command = [sys.executable, "-m", f"{__package__}.loading", source]
    runs = []
    for _ in range(repeats):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    shortest = {key: min(run[key] for run in runs) for key in ("read", "load")}
    most = {"memory": max(run["memory"] for run in runs)} if "memory" in runs[0] else {}
    return {**runs[0], **shortest, **most}


def files_of(source: str) -> list[Path]:
    """The files that a source is read from.

    Raises:
        UserError: if a preset's cannot be had.
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
    """Reads files without keeping them; returns their bytes."""
    total, chunk = 0, bytearray(_CHUNK)
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(chunk):
                total += count
    return total


def _memory(field: str) -> int | None:
    """Bytes of this process, now ("VmRSS") or at most ("VmHWM"); None where it is not told."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else None


def _measure(source: str) -> dict[str, float]:
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
    before = _memory("VmRSS")
    if before is not None:
        Path("/proc/self/clear_refs").write_text("5")  # The most so far is what is now.
    begun = time.perf_counter()
    gan = weights.load(source)
    load = time.perf_counter() - begun
    most = _memory("VmHWM")
    size = sum(v.value.dtype.size * v.value.shape.num_elements() for v in _variables(gan))
    found: dict[str, float] = {"bytes": count, "read": read, "load": load, "weights": size}
    return found if before is None or most is None else {**found, "memory": most - before}


def _variables(gan) -> list:
    return list(gan.variables_by_path().values())


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
