"""Ctrl-C that waits for the end of a step."""

from __future__ import annotations

import contextlib
import signal
import threading


class HeldInterrupt(contextlib.AbstractContextManager):
    """Holds Ctrl-C back, so that nobody stops between the variables of a step and its number.

    The signal arrives while TensorFlow computes, and Python would raise
    ``KeyboardInterrupt`` when the variables have moved already but the step is not yet
    counted: a checkpoint of that moment would repeat the step. A second Ctrl-C is not
    held back. Where somebody else handles the signal, or in another thread than the
    main one, nothing changes.
    """

    def __init__(self) -> None:
        self.pending = False
        self._mine = False

    def __enter__(self) -> HeldInterrupt:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._hold)
            self._mine = True
        return self

    def _hold(self, *_: object) -> None:
        self.pending = True
        self._release()

    def _release(self) -> None:
        if self._mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._mine = False

    def check(self) -> None:
        """Raises the ``KeyboardInterrupt`` that was held back, if there is one."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._release()
        if kind is None:
            self.check()
