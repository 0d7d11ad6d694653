"""What both interfaces do with a request: wait for a turn, run the graph, keep to the time."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np

from .models import Models
from .refusal import RefusedError
from .version import LoadedVersion, described


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        rows: The largest batch.
        megabytes: The largest request.
        seconds: How long a request may take, waiting included.
        running: How many requests are computed at once; None is one for each processor.
        waiting: How many may wait for their turn.
        idle_seconds: When a connection that sends nothing is closed.
    """

    rows: int = 64
    megabytes: float = 16.0
    seconds: float = 60.0
    running: int | None = None
    waiting: int = 128
    idle_seconds: float = 30.0

    @property
    def bytes(self) -> int:
        """The largest request in bytes."""
        return int(self.megabytes * 2**20)


class Answering:
    """Answers requests to models, some at once.

    Args:
        models: The models.
        limits: What is taken.
    """

    def __init__(self, models: Models, limits: Limits):
        self.models, self.limits = models, limits
        self._turns = threading.BoundedSemaphore(limits.running or os.cpu_count() or 1)
        self._places = threading.BoundedSemaphore(limits.waiting)

    def run(
        self,
        version: LoadedVersion,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str] = (),
        seconds: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs a request when its turn comes.

        Args:
            version: Who is asked.
            signature: Name of the signature; "" is the default.
            inputs: Arrays by name.
            outputs: Names of what is wanted; none is all.
            seconds: What the client gives it, if that is less than the server's limit.

        Raises:
            RefusedError: if it does not fit, there is no place to wait, or no time.
        """
        limit = self.limits.seconds if seconds is None else min(seconds, self.limits.seconds)
        end = time.monotonic() + limit
        # Before it waits: what cannot be answered need not.
        version.check(signature, described(inputs))
        if not self._places.acquire(blocking=False):
            raise RefusedError("UNAVAILABLE", "Too many requests are waiting: try again later.")
        try:
            if not self._turns.acquire(timeout=max(0.0, limit)):
                raise _late(limit)
            try:
                left = end - time.monotonic()
                if left <= 0:
                    raise _late(limit)
                return version.run(signature, inputs, outputs, left)
            finally:
                self._turns.release()
        finally:
            self._places.release()


def _late(seconds: float) -> RefusedError:
    return RefusedError("DEADLINE_EXCEEDED", f"There was no answer within {seconds:.3g} s.")
