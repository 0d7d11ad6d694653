"""The errors that people are meant to read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

_CONTROL = re.compile(r"\s*[\n\r]\s*|[\x00-\x1f\x7f-\x9f]")
_LONGEST = 1500


class UserError(ValueError):
    """An error that whoever called can mend.

    Its message is one line: what was wrong, with what, and what to do. The command
    line prints it alone and exits with 2; Python callers catch it as a ValueError.

    What is quoted of files is as they like: line ends become spaces, other control characters
    (a terminal would obey them) are written as escapes, and the middle of what is too long is
    left out.
    """

    def __init__(self, message: object):
        text = _CONTROL.sub(_shown, str(message))
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST * 3 // 4]} … {text[-_LONGEST // 5 :]}"
        super().__init__(text)


def _shown(found: re.Match[str]) -> str:
    return " " if found[0].isspace() else found[0].encode("unicode_escape").decode()


def unknown_name(kind: str, name: str, known: Iterable[str], more: str = "") -> UserError:
    """Returns the error for a name that is not known, with the nearest one that is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.{more}")


def check_least(holder: Any, **least: float) -> None:
    """Checks attributes of an object against the least that each may be; None is passed over.

    Raises:
        UserError: for the first that is less.
    """
    for name, bound in least.items():
        value = getattr(holder, name)
        if value is not None and value < bound:
            raise UserError(f"{name} must be at least {bound}, not {value}.")
