"""The processes of one training, on 127.0.0.1, as ``TF_CONFIG`` lists them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .processes import COMMAND

PATIENCE = 400
"""Seconds that are given to a process that hangs: far above what any of them takes."""

_STRATEGY = "--strategy=multi_worker"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Workers:
    """Processes of ``tf-fewshot COMMAND``, each of which ends by itself.

    Args:
        folder: Where they run; what they say is in ``NAME.INDEX.log``.
        name: Of these processes.
        command: The command and its flags, without that of the strategy.
        begin: Which of two begin at once.
        ports: Their addresses; new ones by default.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        command: str,
        begin: tuple[int, ...] = (0, 1),
        ports: list[int] | None = None,
    ):
        self.folder, self.name, self._command = folder, name, command
        self.ports = ports or free_ports(2)
        self.processes: dict[int, subprocess.Popen] = {}
        for index in begin:
            self.begin(index)

    def begin(self, index: int) -> None:
        hosts = [f"127.0.0.1:{port}" for port in self.ports]
        task = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        limit = f"import signal; signal.alarm({PATIENCE})\n"
        with open(self._log(index), "wb") as log:
            self.processes[index] = subprocess.Popen(
                [sys.executable, "-c", limit + COMMAND, *self._command.split(), _STRATEGY],
                cwd=self.folder,
                env={**os.environ, "TF_CONFIG": json.dumps(task), "CUDA_VISIBLE_DEVICES": "-1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _log(self, index: int) -> Path:
        return self.folder / f"{self.name}.{index}.log"

    def log(self, index: int) -> str:
        """What a process has said, on both streams."""
        return self._log(index).read_text("utf-8")

    def logs(self) -> str:
        return "\n".join(self.log(index) for index in self.processes)

    def says(self, index: int, text: str) -> None:
        """Waits until a process has said something."""
        until = time.monotonic() + PATIENCE
        while text not in self.log(index):
            assert self.processes[index].poll() is None, self.logs()
            assert time.monotonic() < until, self.logs()
            time.sleep(0.05)

    def ended(self) -> list[int]:
        """The exit codes of all, by index."""
        return [process.wait(PATIENCE) for _, process in sorted(self.processes.items())]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill()


def arrays(file: Path) -> dict[str, np.ndarray]:
    """The floating arrays of a file of weights."""
    with np.load(file) as found:
        return {
            name: value
            for name in found.files
            if isinstance(value := found[name], np.ndarray) and value.dtype.kind == "f"
        }


def waited(path: Path, workers: Workers) -> None:
    """Waits until there is a file."""
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until, workers.logs()
        time.sleep(0.05)
