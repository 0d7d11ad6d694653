"""Progress of what takes long."""

from __future__ import annotations

import sys
from typing import TextIO

from ..metrics.features import Progress
from ..training.status import StatusLine

__all__ = ["Bars", "Progress", "quiet"]


def quiet(what: str, done: int, total: int) -> None:
    """Shows nothing."""
    del what, done, total


class Bars:
    """Shows a status line for each work in turn, with its rate and the time that is left.

    Args:
        stream: Where; None is standard error.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = sys.stderr if stream is None else stream
        self._what = ""
        self._line: StatusLine | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what or self._line is None:
            self.close()
            self._what = what
            print(f"{what[:1].upper()}{what[1:]}:", file=self._stream, flush=True)
            self._line = StatusLine(total, 1, stream=self._stream)
        self._line.update(done)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Leaves the last line standing."""
        if self._line is not None:
            self._line.close()
        self._line, self._what = None, ""
