"""Unpacking of TF-Hub modules from ``.tar.gz`` files, which may be hostile."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import UserError

_WANTED = re.compile(
    r"saved_model\.pb|tfhub_module\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})"
)
_MOST_BYTES = 4 * 2**30
_MOST_MEMBERS = 10_000
_LARGEST_HEADER = 2**20
_LARGEST_TAIL = 2**20
_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, b"L", b"K")


def is_tar_gz(path: str | os.PathLike) -> bool:
    """Returns whether a file is a tar archive, compressed by gzip; a cut-off one counts too."""
    try:
        with gzip.open(path, "rb") as file:
            return file.read(262)[257:] == b"ustar"
    except (OSError, EOFError, zlib.error):
        return False


@contextlib.contextmanager
def unpacked(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder with the module's files; no name in the archive is used as a path.

    Raises:
        UserError: if the archive is damaged, too large, holds links or devices or names
            that lead out of it, or a file of the module twice.
    """
    with tempfile.TemporaryDirectory(prefix="tf_fewshot-") as folder:
        try:
            with gzip.open(path) as stream:
                with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
                    _extract(archive, Path(folder))
                # To the end, where gzip has its checksum.
                if len(stream.read(_LARGEST_TAIL)) == _LARGEST_TAIL:
                    raise UserError("it goes on after its end")
        except UserError as error:
            raise UserError(f"{path} is not unpacked: {error}. Nothing of it is used.") from error
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"{path} is damaged or cut off ({error}): get it again.") from error
        except OSError as error:
            raise UserError(
                f"Cannot unpack {path} to {folder} ({error.strerror or error}): TMPDIR names "
                "another place."
            ) from error
        yield Path(folder)


class _Member(tarfile.TarInfo):
    """Refuses headers of gigabytes, which would be read into memory."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _LARGEST_HEADER:
            raise UserError(f"it holds a header of {member.size} bytes")
        return member


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    size, top, seen = 0, None, set()
    for number, member in enumerate(archive):
        parts = PurePosixPath(member.name).parts
        if member.name.startswith("/") or ".." in parts:
            raise UserError(f"the name {member.name!r} leads out of it")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise UserError(f"{member.name!r} is a link, a device or a sparse file")
        size += member.size
        if size > _MOST_BYTES or number >= _MOST_MEMBERS:
            raise UserError(
                f"it holds more than {_MOST_BYTES / 2**30:g} GB or {_MOST_MEMBERS} files"
            )
        depth = 0 if _WANTED.fullmatch("/".join(parts)) else 1
        name = "/".join(parts[depth:])
        if not _WANTED.fullmatch(name):
            continue
        if name in seen or (top is not None and top != parts[:depth]):
            raise UserError(f"it holds {name} twice, or more modules than one")
        seen.add(name)
        top = parts[:depth]
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None
        with source, open(target, "wb") as file:
            shutil.copyfileobj(source, file, 2**20)
