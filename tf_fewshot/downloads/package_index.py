"""Package indices such as PyPI, with pip's own settings.

``pip download`` would do for wheels, but runs the ``setup.py`` of a source distribution.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import html.parser
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import requests
from packaging import utils
from packaging.version import Version

Kind = Literal["sdist", "wheel"]

LARGEST = 2**30
_TIMEOUT = 60
_SIMPLE_API = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclasses.dataclass(frozen=True)
class _PipSettings:
    indices: list[str]
    cert: str | None
    proxy: str | None


def _pip_settings() -> _PipSettings:
    """Reads pip's settings; the environment overrides its files, as it does for pip."""
    settings: dict[str, str] = {}
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    for section in ("global", "download", ":env:"):
        for key in ("index-url", "extra-index-url", "no-index", "cert", "proxy"):
            if f"{section}.{key}" in values:
                settings[key] = str(ast.literal_eval(values[f"{section}.{key}"]))
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        raise LookupError("pip is set to use no package index")
    index = settings.get("index-url") or os.environ.get("PIP_INDEX_URL") or _default_index()
    if not index:
        raise LookupError("There is no pip here that names a package index (set PIP_INDEX_URL)")
    indices = [index, *settings.get("extra-index-url", "").split()]
    return _PipSettings(indices, settings.get("cert"), settings.get("proxy"))


def _default_index() -> str | None:
    # In a process of its own: importing pip makes setuptools replace distutils, and warn.
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else None


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
    """Lists the files of a package on one index as absolute URLs; none if it is not there."""
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
            name_and_version = utils.parse_wheel_filename(name)[:2]
        else:
            name_and_version = utils.parse_sdist_filename(name)
    except (utils.InvalidWheelFilename, utils.InvalidSdistFilename):
        return False
    return name_and_version == (utils.canonicalize_name(package), Version(version))


def download(package: str, version: str, kind: Kind, to: Path) -> None:
    """Copies the source distribution or wheel of a package to ``to``.

    Raises:
        LookupError: if there is no index, or no such file in it.
        requests.RequestException, OSError: if it cannot be brought.
    """
    settings = _pip_settings()
    with _session(settings) as session:
        for index in settings.indices:
            for link in _links(session, index, package):
                if _is_file_of(link, package, version, kind):
                    return copy_link(session, link, to)
    raise LookupError(f"The package index has no {kind} of {package} {version}")


def copy_link(session: requests.Session, link: str, to: Path) -> None:
    """Copies what a link to the web, or to a local file, leads to.

    Raises:
        LookupError: if it is too large.
        requests.RequestException, OSError: if it cannot be brought, or not to its end.
    """
    local = _local(link)
    if local is not None:
        shutil.copyfile(local, to)
        return
    with session.get(link, stream=True, timeout=_TIMEOUT) as response, open(to, "wb") as file:
        response.raise_for_status()
        size = 0
        for chunk in response.iter_content(2**20):
            size += len(chunk)
            if size > LARGEST:
                raise LookupError(f"{link} is larger than {LARGEST} bytes")
            file.write(chunk)
