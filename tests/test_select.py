"""The selection of pictures that go together."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_fewshot import analysis
from tf_fewshot.analysis import pages, selection
from tf_fewshot.data.avatars import draw_many
from tf_fewshot.errors import UserError
from tf_fewshot.features import VGG16Features
from tf_fewshot.losses.style import gram_matrices

pytestmark = pytest.mark.download


def striped(rng: np.random.Generator) -> np.ndarray:
    """Narrow stripes of two dark colours at any place."""
    colours, at = rng.integers(0, 90, (2, 3)), rng.integers(0, 4)
    return colours[(np.add.outer(np.zeros(64, int), np.arange(64)) + at) // 2 % 2].astype(np.uint8)


def spotted(rng: np.random.Generator) -> np.ndarray:
    """Large bright squares."""
    return rng.integers(150, 256, (4, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)


@pytest.fixture
def mixed(tmp_path):
    """A folder of eight striped pictures and of six with spots, in two sub-folders."""
    rng = np.random.default_rng(0)
    for name, draw, count in (("stripes", striped, 8), ("spots", spotted, 6)):
        (tmp_path / "mixed" / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(draw(rng)).save(tmp_path / "mixed" / name / f"{i}.png")
    return tmp_path / "mixed"


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def chosen(out) -> list[str]:
    with open(out / "select.csv", newline="") as file:
        return [row["picture"] for row in csv.DictReader(file)]


def test_styles_are_parted(mixed, tmp_path):
    out = tmp_path / "out"
    found, notes = pages.write_selection(mixed, out, 5, copy=True)
    (style,) = {name.split("/")[0] for name in chosen(out)}
    assert notes == [] and len(found.others) == 9
    copies = sorted((out / "pictures").iterdir())
    assert [path.name for path in copies] == [
        f"{rank:05d}_{name.replace('/', '_')}" for rank, name in enumerate(chosen(out), 1)
    ]
    assert copies[0].read_bytes() == (mixed / chosen(out)[0]).read_bytes()
    with Image.open(out / "select.png") as sheet:
        assert sheet.width == 1200
    # Of the other style, if pictures of it are given; nothing of an earlier selection stays.
    other = {"stripes": "spots", "spots": "stripes"}[style]
    pages.write_selection(mixed, out, 6, like=mixed / other, copy=True)
    assert {name.split("/")[0] for name in chosen(out)} == {other}
    assert len(list((out / "pictures").iterdir())) == 6


def test_vectors_keep_the_angles_of_gram_matrices():
    rng = np.random.default_rng(0)
    images = np.stack([*(striped(rng) for _ in range(2)), *(spotted(rng) for _ in range(2))])
    vectors = analysis.style_vectors(images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    features = VGG16Features(selection.LAYERS)(images.astype(np.float32) / 127.5 - 1.0)
    grams = [gram_matrices(f).numpy().reshape(len(images), -1) for f in features]
    units = [gram / np.linalg.norm(gram, axis=1, keepdims=True) for gram in grams]
    for a in range(3):
        wanted = np.mean([2 - 2 * unit[a] @ unit[3] for unit in units])
        assert np.square(vectors[a] - vectors[3]).sum() == pytest.approx(wanted, rel=0.25)


@pytest.mark.parametrize(
    "styles",
    [("bottts", "personas"), pytest.param(("lorelei", "avataaars"), marks=pytest.mark.large)],
)
def test_drawn_styles_are_parted(styles, tmp_path):
    folder, like = tmp_path / "mixed", tmp_path / "like"
    for style in styles:
        for name, data in draw_many(style, 5000, 25, 64):
            write(folder / style / name, data)
    for name, data in draw_many(styles[0], 6000, 10, 64):
        write(like / name, data)
    pages.write_selection(folder, tmp_path / "out", 20, like=like)
    found = [name.split("/")[0] for name in chosen(tmp_path / "out")]
    assert found.count(styles[0]) >= 18


def test_the_tightest_group_is_found():
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(20, 4)), 5 + 0.1 * rng.normal(size=(6, 4))])
    found = analysis.select(vectors.astype(np.float32), 6)
    assert set(found.chosen) == set(range(20, 26))
    assert found.distances[0] == 0 and (np.diff(found.distances) >= 0).all()
    assert found.distances.max() < found.others.min()
    like = analysis.select(vectors, 2, like=vectors[[3, 22]])
    assert set(like.chosen) == {3, 22} and not like.distances.any()


def test_archives_are_read_and_what_is_missing_or_broken_is_said(mixed, tmp_path):
    archive = tmp_path / "mixed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(mixed.rglob("*.png")):
            file.write(path, path.relative_to(mixed).as_posix())
    pages.write_selection(archive, tmp_path / "zipped", 2, copy=True)
    assert len(list((tmp_path / "zipped" / "pictures").glob("*.png"))) == 2
    with pytest.raises(UserError, match="15 pictures were asked for, and there are 14"):
        pages.write_selection(mixed, tmp_path / "out", 15)
    (mixed / "spots" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(UserError, match=r"bad\.png in .+ cannot be used: .+ skip such pictures"):
        pages.write_selection(mixed, tmp_path / "out", 2)
    _, notes = pages.write_selection(mixed, tmp_path / "out", 2, skip_bad=True)
    assert len(notes) == 1 and notes[0].startswith("spots/bad.png was skipped")
