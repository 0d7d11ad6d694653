"""Ctrl-C, and the signal of job schedulers, that wait for the end of a step."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

# Seconds until a signal that was lost is sent again.
_LATER = 0.1


class Terminated(KeyboardInterrupt):
    """SIGTERM: somebody else, such as a job scheduler, wants the process to end."""


def terminate(*_: object) -> None:
    """Handles SIGTERM as Python handles Ctrl-C.

    Raises:
        Terminated: always.
    """
    raise Terminated


def keep_lost_signals() -> None:
    """Sends SIGTERM or Ctrl-C again where Python has thrown its exception away.

    A signal that arrives within a finalizer, a callback of a weak reference or what runs at a
    fork raises there, where exceptions are printed and forgotten, and the process would go on to
    its end.
    """
    usual = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            usual(unraisable)
            return
        lost = issubclass(unraisable.exc_type, Terminated)
        number = signal.SIGTERM if lost else signal.SIGINT
        again = threading.Timer(_LATER, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: terminate}


class HeldInterrupt(contextlib.AbstractContextManager):
    """Holds Ctrl-C back, so that nobody stops between the variables of a step and its number.

    The signal arrives while TensorFlow computes, and Python would raise
    ``KeyboardInterrupt`` when the variables have moved already but the step is not yet
    counted: a checkpoint of that moment would repeat the step. A second Ctrl-C is not
    held back. SIGTERM is held back likewise where :func:`terminate` handles it. Where
    somebody else handles a signal, or in another thread than the main one, nothing changes.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self._mine: set[signal.Signals] = set()

    def __enter__(self) -> HeldInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number, usual in _USUAL.items():
                if signal.getsignal(number) is usual:
                    signal.signal(number, self._hold)
                    self._mine.add(number)
        return self

    def _hold(self, number: int, *_: object) -> None:
        self.pending = number
        self._release()

    def _release(self) -> None:
        while self._mine:
            number = self._mine.pop()
            signal.signal(number, _USUAL[number])

    def check(self) -> None:
        """Raises the ``KeyboardInterrupt`` that was held back, if there is one."""
        number, self.pending = self.pending, None
        if number is not None:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._release()
        if kind is None:
            self.check()
