"""Files on the web: brought once, checked, with their licence."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading

import pytest

from tests import torch_files
from tests.stylegan2_original import discriminator_variables, generator_variables
from tests.test_stylegan2_pickle import pytorch
from tf_fewshot.downloads.files import WebFile, fetch_web_file
from tf_fewshot.errors import UserError
from tf_fewshot.weights import presets
from tf_fewshot.weights.nvidia import published as nvidia

CONTENT = b"weights" * 1000
HOSTS = {
    "progan": "drive.usercontent.google.com",
    "stylegan": "drive.usercontent.google.com",
    "stylegan2": "nvlabs-fi-cdn.nvidia.com",
    "stylegan3": "api.ngc.nvidia.com",
}


class Site:
    """A web server on this machine; it counts what it gives."""

    def __init__(self):
        self.files = {"/nets/a.pkl": CONTENT, "/page.pkl": b"\n<!DOCTYPE html><html>Quota</html>"}
        self.missing, self.given, site = 0, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = site.files.get(self.path)
                if body is None:
                    return self.send_error(404)
                site.given.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body) + site.missing))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site(tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.lower() in ("http_proxy", "all_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    local_site = Site()
    yield local_site
    local_site.server.shutdown()
    local_site.server.server_close()


def test_a_file_is_brought_once_and_its_licence_said(site, tmp_path, capsys):
    path = fetch_web_file(f"{site.url}/nets/a.pkl", "NC")
    assert path == tmp_path / "cache" / "127.0.0.1" / "nets" / "a.pkl"
    assert path.read_bytes() == CONTENT
    assert "Licence: NC." in capsys.readouterr().err
    assert fetch_web_file(f"{site.url}/nets/a.pkl", "NC") == path
    assert capsys.readouterr().err == ""
    assert len(site.given) == 1
    assert [p.name for p in path.parent.iterdir()] == ["a.pkl"]


def test_an_address_without_a_name_is_given_one(site, tmp_path):
    other = CONTENT[:-1]
    site.files |= {"/download?id=1": CONTENT, "/download?id=2": other}
    for identity, content in (("1", CONTENT), ("2", other)):
        file = WebFile(f"{site.url}/download?id={identity}", "NC", name=f"../{identity}.pkl")
        path = file.fetch()
        assert path == tmp_path / "cache" / "127.0.0.1" / f"{identity}.pkl" == file.fetch()
        assert path.read_bytes() == content
    assert len(site.given) == 2


def test_a_known_sum_is_checked(site):
    right, url = hashlib.sha256(CONTENT).hexdigest(), f"{site.url}/nets/a.pkl"
    path = fetch_web_file(url, "NC", right)
    path.write_bytes(b"damaged")
    assert fetch_web_file(url, "NC", right).read_bytes() == CONTENT
    with pytest.raises(UserError, match=r"has the SHA-256 .* not 00"):
        fetch_web_file(url, "NC", "00" * 32)


@pytest.mark.parametrize(
    ("name", "message"),
    [("page.pkl", "gave a web page"), ("none.pkl", "404")],
)
def test_what_is_no_file_is_said(site, tmp_path, name, message):
    with pytest.raises(UserError, match=rf"{message}.*by hand"):
        fetch_web_file(f"{site.url}/{name}", "NC")
    assert not list(tmp_path.rglob(name))


def test_a_file_that_is_cut_off_is_refused(site, tmp_path):
    site.missing = 10
    with pytest.raises(UserError, match="by hand"):
        fetch_web_file(f"{site.url}/nets/a.pkl", "NC")
    assert not list(tmp_path.rglob("a.pkl"))


def test_no_name_climbs_out_of_the_cache(site, tmp_path):
    site.files["/../../evil.pkl"] = CONTENT
    site.files["/evil.pkl"] = CONTENT
    path = fetch_web_file(f"{site.url}/../../evil.pkl", "NC")
    assert path == tmp_path / "cache" / "127.0.0.1" / "evil.pkl"


def test_a_preset_is_its_file_with_its_licence(site, tmp_path, monkeypatch):
    widths = {4: 2, 8: 1}
    g, d = generator_variables(widths), discriminator_variables(widths)
    networks = torch_files.ada_generator(g), torch_files.ada_discriminator(d)
    site.files["/small.pkl"] = pytorch(tmp_path / "n.pkl", *networks).read_bytes()
    file = WebFile(f"{site.url}/small.pkl", "NC")
    for size in (8, 16):
        preset = presets._nvidia(nvidia.Published(file, size, "small"))
        monkeypatch.setitem(presets.PRESETS, f"small-{size}", preset)
    gan = presets.load_preset("small-8")
    assert gan.source_metadata["name"] == "small-8"
    assert gan.source_metadata["licence"] == "NC"
    assert len(gan.source_metadata["sha256"]) == 64
    with pytest.raises(UserError, match="not the network it should be"):
        presets.load_preset("small-16")


def test_what_is_published_is_whole():
    assert len({p.file.url for p in nvidia.PUBLISHED.values()}) == len(nvidia.PUBLISHED)
    for name, published in nvidia.PUBLISHED.items():
        host = HOSTS[published.architecture]
        assert published.file.url.startswith(f"https://{host}/"), name
        assert (published.file.name or published.file.url).endswith(".pkl"), name
        assert name.startswith(f"{published.architecture}-"), name
        assert name.endswith(f"-{published.resolution}"), name
        assert "non-commercial" in published.file.licence, name
