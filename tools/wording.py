"""Errors of the library in the words of the command line.

The library's messages name its arguments as Python has them: ``on_error='skip'``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

# name=value, where it is no part of a path or of an option that is written as such already.
_ARGUMENT = re.compile(
    r"""(?<![-\w./=])(\w+)=('[^'\s]*'|"[^"\s]*"|…|-?\d+(?:\.\d+)?|[A-Za-z]\w*)(?![\w/=]|\.\w)"""
)
# What has another name as a flag.
_RENAMED = {"on_error='skip'": "--skip_bad"}


def for_command(message: str, known: Callable[[], Collection[str]]) -> str:
    """Returns a message in which the arguments of Python are flags.

    Args:
        message: Of the library.
        known: Gives the names of flags and settings; whatever else looks like an argument stays.
            It is asked only if something does.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("'\"")
        if match[0] in _RENAMED:
            return _RENAMED[match[0]]
        if name not in known():
            return match[0]
        if value in ("True", "False"):
            return f"--{'no' * (value == 'False')}{name}"
        return f"--{name}={value}"

    return _ARGUMENT.sub(flag, message)
