"""The gallery page in a real browser."""

import base64
import io
import subprocess

import numpy as np
import pytest
from PIL import Image

from .browser import browser
from .serving import DOMAINS, serving, wait_until, write_bank, write_model

SEEDS = "return [...document.querySelectorAll('#pictures figure')].map(f => +f.dataset.seed)"
CHANGE = """const field = document.querySelector(arguments[0]);
field.value = arguments[1]; field.dispatchEvent(new Event(arguments[2]))"""
PLACE = """const box = document.querySelector(arguments[0]).getBoundingClientRect();
return [box.left, box.top, box.width]"""
NAMES = "return [...document.querySelectorAll('#domain option')].map(o => o.text)"
PIXEL = "return document.querySelector(arguments[0]).src"
COLOURS = np.array([[200, 30, 30], [30, 160, 60], [40, 70, 210], [128, 128, 128]])


def pixel(source: str) -> np.ndarray:
    """The first pixel of a picture that a page shows."""
    file = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture.convert("RGB"))[0, 0].astype(int)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A server of a bank and of a model without domains, and a window."""
    folder = tmp_path_factory.mktemp("gallery")
    for name in ("bank", "plain"):
        (folder / name).mkdir()
    write_bank(folder / "bank")
    write_model(folder / "plain", 1, 2.0)
    downloads = tmp_path_factory.mktemp("downloads")
    with serving(f"--models={folder}") as served, browser(downloads) as window:
        yield served, window, downloads


def opened(gallery):
    served, window, _ = gallery
    window.open(served.url)
    wait_until(lambda: window.script(SEEDS))
    return window


def test_pictures_of_domains_seeds_and_truncation(gallery):
    window = opened(gallery)
    assert window.script(SEEDS) == list(range(24))
    names = window.script(NAMES)
    assert names == list(DOMAINS), "names are text, not markup"
    first = "#pictures figure img"
    np.testing.assert_array_equal(pixel(window.script(PIXEL, first)), COLOURS[1])
    window.script(CHANGE, "#domain", 2, "change")
    wait_until(lambda: (pixel(window.script(PIXEL, first)) == COLOURS[2]).all())
    third = "#pictures li:nth-child(3) img"
    lighter = COLOURS[2] + (255 - COLOURS[2]) * 0.2 * 0.7
    np.testing.assert_allclose(pixel(window.script(PIXEL, third)), lighter, atol=1)
    window.script(CHANGE, "#truncation", 1, "input")
    lighter = COLOURS[2] + (255 - COLOURS[2]) * 0.2
    wait_until(lambda: np.abs(pixel(window.script(PIXEL, third)) - lighter).max() <= 1)
    assert window.script("return document.querySelector('#truncation-value').textContent") == "none"
    assert window.problems() == []


def test_keys_roll_and_go_back(gallery):
    window = opened(gallery)
    window.script("document.body.focus()")
    window.press("r")
    wait_until(lambda: window.script(SEEDS)[0] != 0)
    assert len(window.script(SEEDS)) == 24
    window.press("b")
    wait_until(lambda: window.script(SEEDS)[0] == 0)


def test_pad_mixes_domains_by_mouse_and_keys(gallery):
    window = opened(gallery)
    mixed = "#mixed"
    wait_until(lambda: window.script(PIXEL, mixed).startswith("data:"))
    np.testing.assert_allclose(pixel(window.script(PIXEL, mixed)), COLOURS.mean(axis=0), atol=1)
    assert window.spoken("#pad")[1].startswith("Mixture of four domains")
    window.script("document.querySelector('#pad').focus()")
    for key in ("\ue012", "\ue013"):  # left, up
        for _ in range(10):
            window.press(key)
    wait_until(lambda: (pixel(window.script(PIXEL, mixed)) == COLOURS[0]).all())
    box = window.script(PLACE, "#pad")
    window.drag((box[0] + 5, box[1] + 5), (box[0] + box[2] - 1, box[1] + 5))
    wait_until(lambda: np.abs(pixel(window.script(PIXEL, mixed)) - COLOURS[1]).max() <= 4)
    assert DOMAINS[1] in window.script("return document.querySelector('#weights').textContent")
    assert window.problems() == []


def test_download_and_curl(gallery, tmp_path):
    served, _, downloads = gallery
    window = opened(gallery)
    window.click("#pictures li:nth-child(2) [aria-label^=Download]")
    file = downloads / "bank-1.png"
    wait_until(file.exists)
    with Image.open(file) as picture:
        assert picture.size == (16, 16)
    window.click("#pictures li:nth-child(2) [aria-label^=Request]")
    command = window.script("return document.querySelector('#request-text').value")
    assert command.startswith(f"curl -s '{served.url}v1/models/bank:predict' -d ")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "bank-1.png").read_bytes() == file.read_bytes()


def test_model_without_domains_and_a_server_that_is_gone(gallery, tmp_path):
    window = opened(gallery)
    window.script(CHANGE, "#model", 1, "change")
    wait_until(lambda: window.script("return document.querySelector('#domain-field').hidden"))
    assert window.script("return document.querySelector('#morph').hidden")
    wait_until(lambda: len(window.script(SEEDS)) == 24)
    window.script("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    window.click("#roll")
    trouble = "return document.querySelector('#trouble').textContent"
    wait_until(lambda: window.script(trouble) == "The server does not answer.")
