"""One line that says how far a run is, how fast, and how long it will take.

Progress bars of tqdm (4.70) and rich (15) are for terminals. In a log or a notebook's cell one
joins all its states with carriage returns, and the other is silent until its end; neither
leaves out the least of the losses where a terminal is narrow.
"""

from __future__ import annotations

import collections
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

REWRITE_SECONDS = 0.2  # on a terminal, faster than this only flickers
LINE_SECONDS = 30.0  # elsewhere each status is a line that stays
WINDOW_SECONDS = 30.0  # the rate is that of the last half minute


class StatusLine:
    """Prints step, losses, images/s, ETA and elapsed time.

    A terminal shows one line that is rewritten; a file or a pipe gets a line about every
    half minute. The first step, which compiles, does not count for the rate.

    Args:
        total: Steps of the whole run.
        batch_size: Images in a step.
        start: Steps done before this start of the run.
        stream: Where to print; None is standard error.
        clock: Seconds from any beginning.
        width: Columns of the terminal; None asks the terminal.
    """

    def __init__(
        self,
        total: int,
        batch_size: int,
        start: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        width: int | None = None,
    ):
        self.total = total
        self.batch_size = batch_size
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._width = width
        self._tty = self._stream.isatty()
        self._begin = clock()
        self._step = start
        self._marks: collections.deque[tuple[float, int]] = collections.deque()
        self._printed_at: float | None = None
        self._line = ""

    def update(self, step: int, values: Mapping[str, float] | None = None) -> None:
        """Takes note that ``step`` steps are done, and prints if it is time.

        Args:
            step: How many steps are done, those before this start included.
            values: Losses by name, such as "generator/loss".
        """
        now = self._clock()
        self._step = step
        self._marks.append((now, step))
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW_SECONDS:
            self._marks.popleft()
        self._line = self._text(now, values or {})
        wait = REWRITE_SECONDS if self._tty else LINE_SECONDS
        if self._printed_at is None or now - self._printed_at >= wait or step >= self.total:
            self._print(now)

    def clear(self) -> None:
        """Empties the line on a terminal, so that something else can be printed there."""
        if self._tty and self._printed_at is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def close(self) -> None:
        """Leaves the last status standing and goes to the next line."""
        if self._tty and self._printed_at is not None:
            self._print(self._clock())
            self._stream.write("\n")
            self._stream.flush()
            self._printed_at = None

    @property
    def images_per_second(self) -> float | None:
        """The images a second of the last half minute; None before the second update."""
        rate = self._steps_per_second()
        return None if rate is None else rate * self.batch_size

    def _steps_per_second(self) -> float | None:
        if len(self._marks) < 2:
            return None
        (began, first), (now, last) = self._marks[0], self._marks[-1]
        return (last - first) / (now - began) if now > began and last > first else None

    def _text(self, now: float, values: Mapping[str, float]) -> str:
        digits = len(str(self.total))
        percent = 100 * self._step // self.total if self.total else 100
        head = [f"step {self._step:>{digits}}/{self.total} ({percent}%)"]
        # The losses proper first: what does not fit is left out from the end.
        names = sorted(values, key=lambda name: not name.endswith("loss"))
        losses = [f"{_short(name)} {values[name]:.4g}" for name in names]
        tail = []
        rate = self._steps_per_second()
        if rate is not None:
            tail.append(f"{rate * self.batch_size:.1f} img/s")
            if self._step < self.total:
                tail.append(f"ETA {duration((self.total - self._step) / rate)}")
        tail.append(f"elapsed {duration(now - self._begin)}")
        limit = self._columns()
        line = "  ".join(head + losses + tail)
        while losses and len(line) > limit:
            losses.pop()
            line = "  ".join(head + losses + tail)
        return line[:limit]

    def _columns(self) -> int:
        """Returns how many characters fit.

        The last column stays free, since some terminals wrap when it is filled.
        """
        if not self._tty:
            return 1000
        if self._width is not None:
            return self._width - 1
        try:
            return max(os.get_terminal_size(self._stream.fileno()).columns - 1, 20)
        except (OSError, ValueError):
            return 79

    def _print(self, now: float) -> None:
        self._stream.write(f"\r{self._line}\x1b[K" if self._tty else f"{self._line}\n")
        self._stream.flush()
        self._printed_at = now


def _short(name: str) -> str:
    return name.replace("discriminator/", "D ").replace("generator/", "G ")


def duration(seconds: float) -> str:
    """Writes seconds for people: ``1:05``, ``2:00:09``, ``1d 02:00:09``."""
    minutes, second = divmod(max(round(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02d}:{minute:02d}:{second:02d}"
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"
