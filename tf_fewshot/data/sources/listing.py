"""What folders and archives have in common: names of files, and which of them are pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import PurePosixPath

from ..decode import SUFFIXES, open_picture
from .classes import LABELS_FILE, classes_of
from .entries import Entry, Source


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a place.

    Attributes:
        names: Of all files, with "/" between folders.
        opened: Returns what :func:`.decode.open_picture` takes, for a name.
        read: Returns the content of a file that is no picture, for a name.
        notes: About the place, for people.
    """

    names: Collection[str]
    opened: Callable
    read: Callable[[str], bytes]
    notes: list[str]

    def source(self, place: str) -> Source:
        """Returns the pictures among the files, with classes where the place tells them.

        Raises:
            UserError: if what tells the classes cannot be read.
        """
        seen = sorted(name for name in self.names if not is_hidden(name))
        pictures = [name for name in seen if _suffix(name) in SUFFIXES]
        tables = [name for name in seen if PurePosixPath(name).name == LABELS_FILE]
        told = classes_of(pictures, {name: self.read(name) for name in tables}, place)
        others = [name for name in seen if _suffix(name) not in SUFFIXES and name not in tables]
        entries = [
            Entry(name, lambda name=name: open_picture(self.opened(name)), label)
            for name, label in zip(pictures, told.labels, strict=True)
        ]
        notes = [*self.notes, *_ignored(others), *told.notes]
        return Source(entries, notes, classes_by=told.by, class_names=told.names)


def posix(name: str) -> str:
    """Returns a name with "/" between folders, where some archivers write backslashes."""
    return name.replace("\\", "/")


def is_hidden(name: str) -> bool:
    """Returns whether a file or one of its folders is hidden, or what macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def some(names: Collection[str]) -> str:
    """Returns the first names of many, for a sentence."""
    shown = list(names)[:3]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _ignored(others: list[str]) -> list[str]:
    if not others:
        return []
    files = "file that is no picture was" if len(others) == 1 else "files that are no pictures were"
    return [f"{len(others)} {files} ignored: {some(others)}"]
