"""Values out of a pickle: a limit to their size, and how messages show them."""

from __future__ import annotations

import os
import reprlib
from typing import Any

from ..errors import UserError

_MOST_SAID = 600


class _Short(reprlib.Repr):
    """Shows a value whose type it does not know by that type: a ``repr`` may be endless."""

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, (bool, float, type(None))):
            return repr(x)
        return repr(bytes(x[:20])) if isinstance(x, bytes) else f"a {type(x).__name__}"


_short = _Short()
_short.maxlevel = 2


def told(value: Any) -> str:
    """Describes a value out of a pickle for a message: briefly, however nested it is."""
    try:
        return _short.repr(value)
    except ValueError:  # A number of too many digits.
        return f"a {type(value).__name__}"


def bounded(value: Any, most: int = 1000) -> Any:
    """Returns the value if it has at most ``most`` parts, each counted wherever it is met.

    A part that many others share is small in a pickle and endless in print.

    Raises:
        UserError: if it has more.
    """
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if not isinstance(value, (dict, list, tuple, set, frozenset)):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = most  # A cycle meets this.
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            sizes[id(value)] = 1 + sum(size(part) for part in parts)
        return sizes[id(value)]

    try:
        parts = size(value)
    except RecursionError:
        parts = most + 1
    if parts > most:
        raise UserError("something in it is nested or repeated without end")
    return value


def in_file(path: str | os.PathLike, error: UserError) -> UserError:
    """Returns the error, whose message begins with "it", with the file that it is about."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}…"
    return UserError(f"Cannot read weights from {path}: {text}.")
