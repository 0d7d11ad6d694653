"""Folders of pictures, with what is linked into them."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from ...errors import UserError
from .listing import Listing, is_hidden, posix, some


def folder(root: Path) -> Listing:
    """Lists a folder and its sub-folders, linked ones as well, each of them once.

    Folders that really lie there come first. A link to what was listed already, or to a folder
    that holds the link, is passed over; the notes say so.

    Raises:
        UserError: if a folder cannot be listed.
    """
    walk = _Walk(root)
    try:
        walk.run()
    except OSError as error:
        raise UserError(f"Cannot list {error.filename}: {error.strerror}.") from error
    return Listing(walk.files, walk.files.__getitem__, walk.read, walk.notes())


class _Walk:
    """One walk through a folder."""

    def __init__(self, root: Path):
        self.root = root
        self.files: dict[str, Path] = {}
        self.followed: list[str] = []
        self.passed: list[str] = []
        self.odd: list[str] = []
        self._seen: set[str] = set()
        self._links: deque[str] = deque()

    def run(self) -> None:
        self._list("")
        while self._links:
            # Links in linked folders come last.
            name = self._links.popleft()
            target = os.path.realpath(self.root / name)
            own = os.path.realpath((self.root / name).parent)
            if target in self._seen or os.path.commonpath([target, own]) == target:
                self.passed.append(name)
                continue
            self.followed.append(name)
            self._list(name)

    def _list(self, top: str) -> None:
        """Lists a folder and what really lies in it, and puts links to folders in the queue."""
        folders = [top]
        links = []
        while folders:
            name = folders.pop()
            path = self.root / name
            place = os.path.realpath(path)
            if place in self._seen:
                self.passed.append(name)
                continue
            self._seen.add(place)
            with os.scandir(path) as entries:
                for entry in entries:
                    inner = f"{name}/{entry.name}" if name else entry.name
                    if is_hidden(entry.name):
                        continue
                    if entry.is_dir():
                        (links if entry.is_symlink() else folders).append(inner)
                    # A link that leads nowhere is met, and told of, where it is opened.
                    elif entry.is_file() or not os.path.exists(entry.path):
                        self.files[posix(inner)] = Path(entry.path)
                    else:
                        self.odd.append(inner)
        self._links.extend(sorted(links))

    def read(self, name: str) -> bytes:
        try:
            return self.files[name].read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read {self.files[name]}: {error.strerror}.") from error

    def notes(self) -> list[str]:
        notes = []
        if self.followed:
            plural = "s were" if len(self.followed) > 1 else " was"
            notes.append(f"{len(self.followed)} linked folder{plural} read: {some(self.followed)}")
        if self.passed:
            plural = "s were" if len(self.passed) > 1 else " was"
            notes.append(
                f"{len(self.passed)} linked folder{plural} passed over, since what is there is "
                f"read once already: {some(self.passed)}"
            )
        if self.odd:
            plural = "s that are no files were" if len(self.odd) > 1 else " that is no file was"
            notes.append(f"{len(self.odd)} name{plural} ignored: {some(sorted(self.odd))}")
        return notes
