"""User studies: their pairs, the file of their page, and the pooling of answers."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from tf_fewshot.data import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.study import Study, draw_study, pool_answers, wilson_interval, write_study
from tf_fewshot.study.page import page

from .processes import forks
from .test_report import Page


def noise(n: int, seed: int, height: int = 12, width: int = 10) -> np.ndarray:
    """Pictures whose every pixel is below 100, which those of ``real`` are not."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 100, (n, height, width, 3), dtype=np.uint8)


def real(n: int = 20, height: int = 12, width: int = 10) -> Pictures:
    return Pictures(noise(n, 1000, height, width) + np.uint8(150), source="real pictures")


def embedded(text: str) -> dict:
    """What a page holds of its pairs."""
    return json.loads(
        re.search(r'<script type="application/json" id="pairs">(.+)</script>', text)[1]
    )


def sheets_of(held: dict) -> np.ndarray:
    """The pairs that a page holds, decoded."""
    files = [base64.b64decode(uri.partition(",")[2]) for uri in held["sheets"]]
    return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])


def saved(folder: Path, name: str, marks: list[bool], **changes) -> Path:
    """Writes a file as the page saves it, or with changes; a change to None takes a name out."""
    record = {"format": "tf-fewshot study answers", "version": 1, "study": "ab" * 32}
    record |= {"person": name.encode().hex(), "answers": ["left"] * len(marks), "right": marks}
    record = {k: v for k, v in {**record, **changes}.items() if v is not None}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(record))
    return path


# Pairs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 2, 7, 10])
def test_each_pair_is_a_generated_and_a_real_picture_and_sides_are_balanced(rounds):
    orders = set()
    for seed in range(8):
        study = draw_study(noise, real(), rounds, seed)
        assert study.sheets.shape == (rounds, 12, 20, 3)
        assert (study.rounds, study.size) == (rounds, (12, 10))
        sides = np.stack(np.split(study.sheets, 2, axis=2))
        is_generated = (sides < 100).all(axis=(2, 3, 4))
        np.testing.assert_array_equal(is_generated[0], study.left)
        np.testing.assert_array_equal(is_generated[1], ~study.left)
        assert int(study.left.sum()) in {rounds // 2, (rounds + 1) // 2}
        # Generated ones in the order of their draw, real ones each at most once.
        generated = np.where(study.left[:, None, None, None], sides[0], sides[1])
        np.testing.assert_array_equal(generated, noise(rounds, seed))
        shown = np.where(study.left[:, None, None, None], sides[1], sides[0])
        known = {picture.tobytes() for picture in real().images}
        assert len({picture.tobytes() for picture in shown} & known) == rounds
        orders.add(study.left.tobytes())
    assert len(orders) > 1


def test_an_odd_round_falls_to_either_side():
    sums = {int(draw_study(noise, real(), 3, seed).left.sum()) for seed in range(12)}
    assert sums == {1, 2}


def test_the_same_seed_is_the_same_page_and_another_is_another(tmp_path):
    pages = [
        write_study(noise, real(), tmp_path / name, seed=seed).read_bytes()
        for name, seed in (("a.html", 3), ("b.html", 3), ("c.html", 4))
    ]
    assert pages[0] == pages[1] != pages[2]


def test_the_fingerprint_is_of_pixels_order_and_sides():
    study = draw_study(noise, real())
    assert re.fullmatch(r"[0-9a-f]{64}", study.fingerprint)
    assert study.fingerprint == draw_study(noise, real()).fingerprint
    pixel, turned = study.sheets.copy(), study.sheets[::-1]
    pixel[3, 2, 1, 0] ^= 1
    others = [
        Study(pixel, study.left),
        Study(turned, study.left),
        Study(study.sheets, ~study.left),
        Study(study.sheets[:9], study.left[:9]),
        draw_study(noise, real(), seed=1),
    ]
    assert len({study.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_real_pictures_are_the_same_from_a_folder_and_in_memory(tiny_pictures, caplog):
    from tf_fewshot.data import load_pictures

    def draw(n: int, seed: int) -> np.ndarray:
        return noise(n, seed, 16, 16)

    caplog.set_level(logging.WARNING)
    of_folder = draw_study(draw, tiny_pictures, 5, seed=2)
    assert caplog.messages == []
    of_memory = draw_study(draw, load_pictures(tiny_pictures, 16), 5, seed=2)
    assert of_folder.fingerprint == of_memory.fingerprint
    # Other sizes are made the generated one's, and enlarging is told: it can be seen.
    larger = draw_study(lambda n, seed: noise(n, seed, 32, 32), tiny_pictures, 5)
    assert larger.size == (32, 32)
    assert "were enlarged" in caplog.text
    assert draw_study(noise, load_pictures(tiny_pictures, 16), 5).size == (12, 10)


# The page's file ------------------------------------------------------------------------


def test_the_page_holds_the_pairs_without_loss():
    study = draw_study(noise, real(), 7)
    held = embedded(page(study))
    assert (held["study"], held["width"], held["height"]) == (study.fingerprint, 10, 12)
    assert all(uri.startswith("data:image/webp;base64,") for uri in held["sheets"])
    np.testing.assert_array_equal(sheets_of(held), study.sheets)


def test_nothing_but_the_key_differs_where_the_other_pictures_are_the_generated_ones():
    study = draw_study(noise, real())
    other = Study(study.sheets, ~study.left)
    texts = []
    for one in (study, other):
        text, held = page(one), embedded(page(one))
        assert text.count(held["key"]) == text.count(held["study"]) == 1
        texts.append(text.replace(held["key"], "KEY").replace(held["study"], "STUDY"))
    assert texts[0] == texts[1]


def test_the_key_tells_nothing_to_the_eye():
    """Of many keys, no bit goes with the side; the parity of a round's bits is the side."""
    sheets = np.zeros((4000, 8, 16, 3), np.uint8)
    left = np.random.default_rng(0).random(4000) < 0.5
    key = bytes.fromhex(Study(sheets, left).key())
    bits = np.unpackbits(np.frombuffer(key, np.uint8)[:, None], axis=1)
    np.testing.assert_array_equal(bits.sum(axis=1) % 2 == 1, left)
    for bit in bits.T:
        assert abs(np.corrcoef(bit, left)[0, 1]) < 4 / np.sqrt(4000)


def test_the_page_loads_nothing():
    text = page(draw_study(noise, real(), 3))
    parsed = Page(text)
    assert "http" not in re.sub(r'http-equiv|data:image/webp;base64,[^"]+', "", text)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|WebSocket|eval\(", text)
    for tag, attrs in parsed.elements:
        assert tag not in ("link", "img", "iframe", "object", "base", "form")
        assert not {"src", "href", "srcset", "action"} & attrs.keys()
    (policy,) = (m["content"] for m in parsed.all("meta") if "http-equiv" in m)
    assert re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        r"script-src 'sha256-[A-Za-z0-9+/]{43}='",
        policy,
    )


def test_a_page_that_is_there_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a" / "study.html"
    assert write_study(noise, real(), path) == path
    before = path.read_bytes()
    with pytest.raises(UserError):
        write_study(noise, real(5), path)
    assert path.read_bytes() == before
    write_study(noise, real(), path, seed=1)
    assert path.read_bytes() != before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("sampler", "reference", "rounds", "message"),
    [
        (noise, real(), 0, r"The number of rounds must be at least 1, not 0\."),
        (
            noise,
            real(9),
            10,
            r"10 rounds need 10 real pictures that were not trained on, and real pictures has 9: "
            r"add some, or ask for fewer rounds\.",
        ),
        (lambda n, seed: noise(n - 1, seed), real(), 4, r"must give uint8 \[4, H, W, 3\], not .+"),
        (lambda n, seed: noise(n, seed) / 255, real(), 4, r"must give uint8 .+, not float64 .+"),
        (lambda n, seed: noise(n, seed)[..., :2], real(), 4, r"channels, not 2"),
        (lambda n, seed: noise(n, seed, 8, 8192), real(1), 1, r"larger than the 16383 pixels"),
    ],
)
def test_what_cannot_be_asked_is_said(sampler, reference, rounds, message, tmp_path):
    with pytest.raises(UserError, match=message):
        write_study(sampler, reference, tmp_path / "study.html", rounds)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_too_few_pictures_is_named(tiny_pictures, tmp_path):
    with pytest.raises(UserError, match=rf"9 rounds need 9 .+, and {tiny_pictures} has 8: add"):
        write_study(noise, tiny_pictures, tmp_path / "study.html", 9)


# Answers --------------------------------------------------------------------------------


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilson_s(counts):
    right, rounds = counts
    expected = stats.binomtest(right, rounds).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, rounds) == pytest.approx((expected.low, expected.high), abs=1e-12)
    low, high = wilson_interval(right, rounds)
    assert 0 <= low <= right / rounds <= high <= 1


def test_the_interval_has_other_levels():
    expected = stats.binomtest(7, 10).proportion_ci(0.8, method="wilson")
    assert wilson_interval(7, 10, 0.8) == pytest.approx((expected.low, expected.high))


def test_answers_of_people_are_pooled(tmp_path):
    marks = [[True] * 7 + [False] * 3, [True] * 4 + [False] * 6, [False] * 9 + [True]]
    files = [saved(tmp_path, name, right) for name, right in zip("cab", marks, strict=True)]
    (tmp_path / "readme.txt").write_text("no answers")
    for places in (tmp_path, str(tmp_path), files, [str(file) for file in files]):
        pooled = pool_answers(places)
        assert (pooled.people, pooled.rounds, pooled.right) == (3, 30, 12)
        assert pooled.share == 0.4
        assert pooled.interval == wilson_interval(12, 30)
        assert pooled.study == "ab" * 32
        assert pooled.repeated == ()
    assert pool_answers(files[0]).right == 7


def test_answers_that_were_saved_twice_count_once(tmp_path):
    saved(tmp_path, "a", [True, False])
    copy = saved(tmp_path, "a (1)", [True, False], person="61")
    pooled = pool_answers(tmp_path)
    assert (pooled.people, pooled.rounds) == (1, 2)
    assert len(pooled.repeated) == 1
    assert pooled.repeated[0] in (copy, tmp_path / "a.json")
    assert pool_answers([tmp_path, copy]).repeated == (tmp_path / "a.json", copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": "cd" * 32}, r"b\.json answers another page \(study cdcdcdcd\) than .+a\.json"),
        ({"person": "61"}, r"b\.json is damaged or was changed: it does not fit .+a\.json"),
        ({"right": [True] * 3}, r"b\.json is damaged or was changed: it does not fit .+a\.json"),
        ({"right": [True, 1]}, r"b\.json is damaged: ask for it again"),
        ({"right": []}, r"b\.json is damaged"),
        ({"right": None}, r"b\.json is damaged"),
        ({"study": 7}, r"b\.json is damaged"),
        ({"person": ""}, r"b\.json is damaged"),
        ({"version": 2}, r"b\.json is of version 2 of the answers, .+ it knows 1\."),
        ({"format": "other"}, r"b\.json holds no answers of a tf-fewshot study"),
        ({"format": None}, r"b\.json holds no answers"),
    ],
)
def test_what_cannot_be_pooled_is_named(tmp_path, changes, message):
    saved(tmp_path, "a", [True, True])
    saved(tmp_path, "b", [False, True], **changes)
    with pytest.raises(UserError, match=message):
        pool_answers(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"format": "tf-fewshot study answers", "ver', b"\xff\xfe", b"[" * 100_000],
)
def test_damaged_files_are_named(tmp_path, content):
    saved(tmp_path, "a", [True, True])
    (tmp_path / "cut.json").write_bytes(content)
    with pytest.raises(UserError, match=r"cut\.json is damaged or no JSON: ask for it again"):
        pool_answers(tmp_path)


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no nowhere\.json\."):
        pool_answers("nowhere.json")
    with pytest.raises(UserError, match=rf"There are no \.json files in {tmp_path}\."):
        pool_answers(tmp_path)
    with pytest.raises(UserError, match="no files of answers to pool"):
        pool_answers([])
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(UserError, match=r"list\.json holds no answers"):
        pool_answers(tmp_path / "list.json")


# The generator and the command -------------------------------------------------------------


def test_the_command_writes_what_python_writes(tiny_dcgan, tiny_pictures, tmp_path):
    from tf_fewshot import adapted, weights

    weights.save_gan(tiny_dcgan, tmp_path / "source.npz")
    flags = ["--source=source.npz", f"--reference={tiny_pictures}", "--rounds=4", "--seed=5"]
    done = forks().command("study", *flags, "--out=a/page.html", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert done.stdout == "a/page.html\n"
    again = adapted.study_source(tiny_dcgan, tiny_pictures, tmp_path / "b.html", 4, seed=5)
    held, expected = (
        embedded(path.read_text("utf-8")) for path in (tmp_path / "a/page.html", again)
    )
    assert (held["width"], held["height"], len(held["sheets"])) == (16, 16, 4)
    # A process with other threads may round a pixel otherwise.
    assert np.abs(sheets_of(held).astype(int) - sheets_of(expected)).max() <= 1
    few = forks().command("study", *flags, "--rounds=9", "--out=c.html", cwd=tmp_path)
    assert few.code == 2
    assert f"9 rounds need 9 real pictures that were not trained on, and {tiny_pictures}" in (
        few.stderr
    )
    none = forks().command("study", *flags, "--label=1", "--out=c.html", cwd=tmp_path)
    assert "There is no class 1" in none.stderr
    assert not (tmp_path / "c.html").exists()


def test_the_command_pools(tmp_path):
    (tmp_path / "answers").mkdir()
    one = saved(tmp_path / "answers", "a", [True] * 6 + [False] * 4)
    two = saved(tmp_path, "b", [True] * 7 + [False] * 3)
    copy = saved(tmp_path, "b2", [True] * 7 + [False] * 3, person="62")
    places = f"--pool=answers,{two.name},{copy.name}"
    done = forks().command("study", places, cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "b2.json holds answers that are counted already."
    assert done.stdout.splitlines() == [
        "people  2",
        "rounds  20",
        "right   13 = 65.0 % (95 % interval 43.3 % to 81.9 %; chance is 50 %)",
    ]
    one.write_text("{")
    done = forks().command("study", places, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.error.startswith("Error: answers/a.json is damaged or no JSON")
