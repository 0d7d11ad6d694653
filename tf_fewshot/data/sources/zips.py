"""Zip archives of pictures; members are read into memory one at a time, never written anywhere."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import UserError
from ..decode import BadPictureError
from .listing import Listing, is_hidden, posix

MAX_FILE_BYTES = 1 << 30
"""Largest file, in bytes unpacked, that is read from an archive."""


@contextlib.contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens a zip for a block.

    Raises:
        UserError: if it is none.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path} cannot be read as a zip file ({error}).") from error
    with archive:
        yield archive


def zipped(path: Path, archive: zipfile.ZipFile) -> Listing:
    """Lists an archive.

    Some archivers on Windows write backslashes between folders, against the format; they are read
    as what they mean.

    Raises:
        UserError: if it is protected by a password.
    """
    members = {posix(info.filename): info for info in archive.infolist()}
    members = {name: info for name, info in members.items() if not name.endswith("/")}
    unsafe = [n for n in members if n.startswith("/") or ".." in PurePosixPath(n).parts]
    for name in unsafe:
        del members[name]
    notes = []
    if unsafe:
        notes.append(f"{len(unsafe)} files with a path out of the zip were ignored: {unsafe[0]}")
    if any(info.flag_bits & 1 for name, info in members.items() if not is_hidden(name)):
        raise UserError(f"{path} is protected by a password: unpack it and give the folder.")

    def opened(name: str) -> io.BytesIO:
        if members[name].file_size > MAX_FILE_BYTES:
            raise BadPictureError(f"unpacked it has {members[name].file_size:,} bytes, too many")
        return io.BytesIO(archive.read(members[name]))

    def read(name: str) -> bytes:
        try:
            return opened(name).getvalue()
        # What a damaged member ends in depends on how it was packed.
        except Exception as error:
            raise UserError(f"{name} in {path} cannot be read: {error}.") from error

    return Listing(members, opened, read, notes)
