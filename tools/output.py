"""What commands leave: text on standard output, and pictures in folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tf_fewshot.errors import UserError


def show(text: str) -> None:
    """Prints to somebody who may stop reading, as ``head`` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_folder(out: str, names: Iterable[str]) -> None:
    """Refuses a folder whose pictures would stay among those that are to be written.

    Args:
        out: The folder; it need not exist.
        names: Of the files that will be written; these may be there, and are replaced.

    Raises:
        UserError: if there are other pictures in it.
    """
    from tf_fewshot.data.formats import SUFFIXES

    folder = Path(out).expanduser()
    if not folder.is_dir():
        return
    there = {file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES}
    others = sorted(there - set(names))
    if others:
        raise UserError(
            f"--out={out} holds {len(others)} pictures that would stay among the new ones "
            f"({others[0]}{', …' if len(others) > 1 else ''}): name a new folder, or remove them."
        )
