"""Whole programs against one another: ours, and one of somebody else that does the same."""

from __future__ import annotations

import dataclasses
import resource
import shlex
import statistics
import subprocess
import time
from typing import Any

from ..errors import UserError


@dataclasses.dataclass(frozen=True)
class PeerTime:
    """How long two programs take, in turns.

    Attributes:
        seconds, peer_seconds: By the clock, the shortest of each.
        processors, peer_processors: Seconds of processors, the fewest of each.
        by_peer: Of single turns, our seconds of processors over the peer's: the median.
    """

    seconds: float
    peer_seconds: float
    processors: float
    peer_processors: float
    by_peer: float

    def record(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return (
            f"ours {self.seconds:.2f} s, the peer {self.peer_seconds:.2f} s by the clock; "
            f"{self.processors:.2f} s and {self.peer_processors:.2f} s of processors: "
            f"{self.by_peer:.2f} times the peer's"
        )


def measure_peer(own: str, peer: str, repeats: int) -> PeerTime:
    """Runs two commands in turns, each from its beginning to its end.

    Args:
        own, peer: Commands as a shell would split them; no shell runs them.
        repeats: How often each is run.

    Raises:
        UserError: if one cannot be started, or ends with another code than 0.
    """
    turns = [(_timed(own), _timed(peer)) for _ in range(repeats)]
    (seconds, processors), (peer_seconds, peer_processors) = (
        [min(turn[i][k] for turn in turns) for k in (0, 1)] for i in (0, 1)
    )
    by_peer = statistics.median(mine[1] / theirs[1] for mine, theirs in turns)
    return PeerTime(seconds, peer_seconds, processors, peer_processors, by_peer)


def _timed(command: str) -> tuple[float, float]:
    """Seconds by the clock, and of processors, of a process and those that it waited for."""
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UserError(f"{command!r} is no command: {error}.") from error
    if not arguments:
        raise UserError("The command of the peer is empty.")
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UserError(f"{arguments[0]} cannot be run: {error.strerror}.") from error
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise UserError(f"{command!r} ended with code {done.returncode}, and said: {said[-1]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, max(spent, 1e-6)
