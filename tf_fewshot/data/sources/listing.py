"""What folders and archives have in common: names of files, and which of them are pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import PurePosixPath

from ..formats import LACKING, SUFFIXES, is_picture, open_picture
from .classes import LABELS_FILE, classes_of
from .entries import Entry, Source


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a place.

    Attributes:
        names: Of all files, with "/" between folders.
        opened: Returns what :func:`.formats.open_picture` takes, for a name.
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
        bare = [name for name in seen if not _suffix(name) and self._is_picture(name)]
        pictures = sorted([*bare, *(name for name in seen if _suffix(name) in SUFFIXES)])
        tables = [name for name in seen if PurePosixPath(name).name == LABELS_FILE]
        told = classes_of(pictures, {name: self.read(name) for name in tables}, place)
        others = sorted({*seen} - {*pictures} - {*tables})
        entries = [
            Entry(name, lambda name=name: open_picture(self.opened(name)), label)
            for name, label in zip(pictures, told.labels, strict=True)
        ]
        notes = [*self.notes, *_ignored(others), *told.notes]
        if bare:
            files = "file without a suffix was" if len(bare) == 1 else "files without suffixes were"
            notes.append(f"{len(bare)} {files} told to be pictures by content: {some(bare)}")
        return Source(entries, notes, classes_by=told.by, class_names=told.names)

    def _is_picture(self, name: str) -> bool:
        try:
            return is_picture(self.opened(name))
        # What a damaged member of an archive ends in depends on how it was packed.
        except Exception:
            return False


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
    notes = []
    for reason in dict.fromkeys(LACKING[_suffix(n)] for n in others if _suffix(n) in LACKING):
        lacking = [name for name in others if LACKING.get(_suffix(name)) == reason]
        noun = "picture was" if len(lacking) == 1 else "pictures were"
        notes.append(f"{len(lacking)} {noun} not read ({some(lacking)}): {reason}")
        others = [name for name in others if name not in lacking]
    if not others:
        return notes
    files = "file that is no picture was" if len(others) == 1 else "files that are no pictures were"
    return [*notes, f"{len(others)} {files} ignored: {some(others)}"]
