"""The page of a user study in a real browser."""

from __future__ import annotations

import base64
import io
import json
import time

import numpy as np
import pytest
from PIL import Image

from tf_fewshot.study import draw_study, pool_answers, read_answers, wilson_interval, write_study
from tf_fewshot.study.page import page

from .browser import browser
from .test_study import embedded, noise, real

LEFT, RIGHT = "\ue012", "\ue014"  # WebDriver's names of the arrow keys


def in_browser(test):
    """Marks a test of the page in a browser, which takes its time to start."""
    return pytest.mark.large(test)


def canvas(window, side: str) -> np.ndarray:
    """The pixels that a side shows."""
    code = f"return document.querySelector('#{side} canvas').toDataURL()"
    data = base64.b64decode(window.script(code).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def at_round(window, number: int) -> None:
    """Waits until a round can be answered."""
    code = "return document.getElementById('round').textContent"
    deadline = time.monotonic() + 20
    while not window.script(code).startswith(f"Round {number} of "):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.4)  # double clicks are caught for 0.3 s


@in_browser
def test_all_rounds_are_played_and_the_answers_are_pooled(tmp_path):
    study = draw_study(noise, real(), 10, seed=1)
    path = tmp_path / "study.html"
    path.write_text(page(study), "utf-8")
    downloads = tmp_path / "answers"
    downloads.mkdir()
    # The first three wrong, the others right; by clicks and by each key.
    wanted = np.where(np.arange(10) < 3, ~study.left, study.left)
    with browser(downloads) as window:
        window.open(path.as_uri())
        at_round(window, 1)
        assert window.spoken("#left") == ("button", "Left picture")
        assert window.spoken("#right") == ("button", "Right picture")
        assert window.spoken(".pair") == ("group", "Which one is generated?")
        assert window.spoken("#done")[1] == "Rounds answered"
        for number, left in enumerate(wanted, 1):
            at_round(window, number)
            for side, pixels in zip(
                ("left", "right"), np.split(study.sheets[number - 1], 2, 1), strict=True
            ):
                np.testing.assert_array_equal(canvas(window, side), pixels)
            if number > 1:
                assert window.script("return document.activeElement.id") == "round"
            if number % 3 == 0:
                window.click("#left" if left else "#right")
            else:
                first, second = (LEFT, RIGHT) if number % 3 == 1 else ("1", "2")
                window.press(first if left else second)
        assert window.script("return document.activeElement.id") == "score"
        assert window.script("return document.getElementById('play').hidden")
        assert (
            window.script("return document.getElementById('score').textContent") == "7 of 10 right"
        )
        low, high = wilson_interval(7, 10)
        said = window.script("return document.getElementById('share').textContent")
        assert said.replace("\xa0", " ") == (
            f"That is 70 %, with a 95 % interval from {100 * low:.0f} % to {100 * high:.0f} %. "
            "Guessing gives 50 %."
        )
        window.click("#save")
        deadline = time.monotonic() + 20
        while not list(downloads.glob("*.json")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        told = window.script("return document.getElementById('saved').textContent")
        assert window.problems() == []
        assert window.script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        ) in ([], embedded(page(study))["sheets"])
        # Keys at the end are no answers.
        window.press("1")
        assert window.script("return document.getElementById('score').textContent").startswith("7 ")
    (file,) = downloads.iterdir()
    assert (
        file.name
        == f"answers-{study.fingerprint[:8]}-{json.loads(file.read_text())['person'][:8]}.json"
    )
    assert file.name in told
    assert json.loads(file.read_text())["answers"] == [
        "left" if left else "right" for left in wanted
    ]
    pooled = pool_answers(downloads)
    assert (pooled.study, pooled.people, pooled.right) == (study.fingerprint, 1, 7)
    assert read_answers(file).right == (False,) * 3 + (True,) * 7


@in_browser
@pytest.mark.parametrize(("width", "height"), [(1200, 800), (400, 700), (320, 480), (800, 360)])
def test_both_sides_fit_and_are_scaled_alike(width, height, tmp_path):
    measure = """
        return ["left", "right"].map((side) => {
          const canvas = document.querySelector(`#${side} canvas`);
          const { width, height, left, right, bottom } = canvas.getBoundingClientRect();
          const { imageRendering } = getComputedStyle(canvas);
          return { width, height, left, right, bottom, imageRendering };
        })"""
    with browser(tmp_path) as window:
        for side in (16, 256, 700):
            path = tmp_path / f"{side}.html"
            write_study(
                lambda n, seed, s=side: noise(n, seed, s, s), real(2, side, side), path, rounds=2
            )
            window.open(path.as_uri(), width, height)
            at_round(window, 1)
            left, right = window.script(measure)
            for name in ("width", "height", "bottom", "imageRendering"):
                assert left[name] == right[name]
            assert left["right"] < right["left"]
            assert right["right"] <= width
            assert left["width"] == pytest.approx(left["height"], abs=1)
            assert left["width"] >= min(width / 2 - 50, 140) * 0.6
            if height > width / 2:
                assert left["bottom"] < height
            times = left["width"] / side
            crisp = left["imageRendering"] == "pixelated"
            assert crisp == (times >= 2)
            if crisp:
                assert times == pytest.approx(round(times))
            assert window.script("return document.documentElement.scrollWidth") <= width


@in_browser
def test_a_double_click_and_a_held_key_are_one_answer(tmp_path):
    path = write_study(noise, real(), tmp_path / "study.html", rounds=3)
    count = "return document.getElementById('round').textContent"
    with browser(tmp_path) as window:
        window.open(path.as_uri())
        at_round(window, 1)
        window.script(
            "const left = document.getElementById('left'); left.click(); left.click();"
            "for (const repeat of [false, true, true])"
            "  document.dispatchEvent(new KeyboardEvent('keydown', { key: '2', repeat }));"
        )
        at_round(window, 2)
        assert window.script(count) == "Round 2 of 3"
        window.script(
            "document.dispatchEvent(new KeyboardEvent('keydown', { key: '2', repeat: true }));"
            "document.dispatchEvent(new KeyboardEvent('keydown', { key: '2', ctrlKey: true }));"
            "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }));"
        )
        time.sleep(0.4)
        assert window.script(count) == "Round 2 of 3"


@in_browser
def test_pictures_that_cannot_be_shown_are_told(tmp_path):
    text = page(draw_study(noise, real(), 1))
    sheet = embedded(text)["sheets"][0]
    path = tmp_path / "study.html"
    path.write_text(text.replace(sheet, sheet[:60]), "utf-8")
    with browser(tmp_path) as window:
        window.open(path.as_uri())
        deadline = time.monotonic() + 20
        while window.script("return document.getElementById('trouble').hidden"):
            assert time.monotonic() < deadline
        told = window.script("return document.getElementById('trouble').textContent")
        assert told.startswith("This browser cannot show the pictures")
        assert (
            window.script("return document.getElementById('round').textContent") == "Round 1 of 1"
        )
