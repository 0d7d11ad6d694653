"""Seconds from a command to its first step of training, by what they go into."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import importlib.resources
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import UserError
from .analyses import Seconds

IMPORT, REST, STEP = "import", "rest", "first step"

# What is timed, by the name of its part: where it is called from, or the class that it is of.
_PARTS = (
    ("source", "tf_fewshot.weights", "load"),
    ("pictures", "tf_fewshot.planning", "load_pictures"),
    ("method", "tf_fewshot.choosing", "choose"),
    ("precision", "tf_fewshot.training.precision", "choose"),
    ("networks", "tf_fewshot.planning", "Plan.problem"),
    ("networks", "tf_fewshot.adaptation", "assemble"),
    ("networks", "tf_fewshot.adaptation", "trainer"),
    ("first samples", "tf_fewshot.adaptation", "_Session._first_pictures"),
    ("trace and memory", "tf_fewshot.training.loop", "Trainer.fit"),
)
_STEP = ("tf_fewshot.training.loop", "Trainer._stepped")

# Nothing of this package is there before what is timed begins.
_PROGRAM = """
import time
begun = time.perf_counter(), time.thread_time()
import tensorflow
import tf_fewshot.adaptation
imported = time.perf_counter() - begun[0], time.thread_time() - begun[1]
from tf_fewshot.benchmarking.starting import print_start
print_start(imported)
"""


@dataclasses.dataclass(frozen=True)
class Start:
    """How long a run takes to its first step.

    Attributes:
        parts: Seconds of each part by its name, in the order of the run, the first step (which
            TensorFlow prepares) among them. The processors' seconds are the main thread's: most
            of the parts are Python.
    """

    parts: dict[str, Seconds]

    @property
    def before(self) -> Seconds:
        """All but the first step."""
        before = [seconds for name, seconds in self.parts.items() if name != STEP]
        return Seconds(sum(s.wall for s in before), sum(s.processor for s in before))

    def record(self) -> dict[str, Any]:
        """The parts, and what is before the first step, as JSON values."""
        return {name: vars(s) for name, s in {**self.parts, "before": self.before}.items()}

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {seconds.wall:.1f}" for name, seconds in self.parts.items())
        return (
            f"the first step begins after {self.before.wall:.1f} s "
            f"({self.before.processor:.1f} of a processor): {parts}"
        )


def measure_start(source: str, method: str, batch_size: int, again: bool, repeats: int) -> Start:
    """Begins an adaptation to the bundled pictures in processes of their own.

    Args:
        source: Name of a preset or a path.
        method: What adapts; "auto" looks at the pictures.
        batch_size: Pictures in a step.
        again: Whether the precision is known from an earlier run; else it is measured.
        repeats: How many processes, of which the shortest counts.

    Raises:
        UserError: if a process fails.
    """
    arguments = json.dumps({"source": source, "method": method, "batch_size": batch_size})
    command = [sys.executable, "-c", _PROGRAM, arguments, *["again"] * again]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    starts = []
    # The first process may compile modules, and keeps the precision that later ones find.
    for number in range(repeats + again):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UserError(f"{source} could not be adapted in a process of its own: {reason}")
        parts = json.loads(done.stdout.splitlines()[-1])
        if number >= again:
            starts.append(Start({name: Seconds(*seconds) for name, seconds in parts.items()}))
    return min(starts, key=lambda start: start.before.wall)


class _Enough(BaseException):
    """The first step is done."""


class _Clock:
    """Sums the seconds of parts that are called one after the other."""

    def __init__(self, imported: tuple[float, float]):
        self.parts = {IMPORT: imported}
        self._begun = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()

    def since(self, begun: tuple[float, float]) -> tuple[float, float]:
        wall, busy = self._now()
        return wall - begun[0], busy - begun[1]

    def timed(self, name: str, function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **kwargs):
            begun = self._now()
            try:
                return function(*args, **kwargs)
            finally:
                wall, busy = self.parts.get(name, (0.0, 0.0))
                more = self.since(begun)
                self.parts[name] = wall + more[0], busy + more[1]

        return call

    def first_step(self, function: Callable) -> Callable:
        """Ends the run when the step is done, and tells what no part has counted."""
        timed = self.timed(STEP, function)

        @functools.wraps(function)
        def call(*args, **kwargs):
            wall, busy = self.since(self._begun)
            known = [seconds for name, seconds in self.parts.items() if name != IMPORT]
            rest = wall - sum(s[0] for s in known), busy - sum(s[1] for s in known)
            self.parts[REST] = rest
            timed(*args, **kwargs)
            raise _Enough

        return call


@contextlib.contextmanager
def _watched(clock: _Clock) -> Iterator[None]:
    """Lets the clock time what it has to."""
    with contextlib.ExitStack() as stack:
        for name, module, path in _PARTS:
            _replace(stack, module, path, functools.partial(clock.timed, name))
        _replace(stack, *_STEP, clock.first_step)
        yield


def _replace(
    stack: contextlib.ExitStack, module: str, path: str, change: Callable[[Callable], Callable]
) -> None:
    owner, (*classes, name) = importlib.import_module(module), path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    before = getattr(owner, name)
    setattr(owner, name, change(before))
    stack.callback(setattr, owner, name, before)


def print_start(imported: tuple[float, float]) -> None:
    """Prints the parts of a start, whose arguments the command line has, as JSON."""
    from .. import adaptation
    from ..training import precision

    options = json.loads(sys.argv[1])
    pictures = str(importlib.resources.files("tf_fewshot") / "samples" / "toon-head")
    with contextlib.ExitStack() as stack:
        if "again" not in sys.argv[2:]:
            _replace(stack, precision.__name__, "_read", lambda _: lambda *_: None)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        clock = _Clock(imported)
        stack.enter_context(_watched(clock))
        with contextlib.suppress(_Enough):
            adaptation.adapt(options.pop("source"), pictures, workdir=f"{folder}/run", **options)
    print(json.dumps(clock.parts))
