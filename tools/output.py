"""Text on standard output."""

from __future__ import annotations

import os
import sys


def show(text: str) -> None:
    """Prints to somebody who may stop reading, as ``head`` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
