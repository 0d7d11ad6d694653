"""Folders and archives as people have them: classes, links, backslashes."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_fewshot.data import Pictures, load_pictures
from tf_fewshot.errors import UserError


def png(colour=(0, 0, 0)):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def write(place: Path, files: dict[str, bytes]) -> Path:
    """Writes files, as a zip if the place is called so."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def tool_files(labels, count=4, per_folder=2, under=""):
    """Files as NVIDIA's dataset_tool.py names them, but for the number in a folder."""
    names = [f"{i // per_folder:05d}/img{i:08d}.png" for i in range(count)]
    told = None if labels is None else [list(pair) for pair in zip(names, labels, strict=True)]
    files = {f"{under}{name}": png((i, 0, 0)) for i, name in enumerate(names)}
    return {**files, f"{under}dataset.json": json.dumps({"labels": told}).encode()}


PLACES = pytest.mark.parametrize("name", ["pictures", "pictures.zip"])
UNDER = pytest.mark.parametrize("under", ["", "all/of/them/"])


@PLACES
@UNDER
def test_labels_of_nvidias_tool_are_matched_by_name(tmp_path, name, under):
    place = write(tmp_path / name, tool_files([6, 0, 6, 1], under=under))
    pictures = load_pictures(place, 8)
    assert pictures.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert pictures.labels.tolist() == [6, 0, 6, 1]
    assert pictures.notes == ["3 classes by dataset.json: 0 (1), 1 (1), 6 (2)"]
    assert load_pictures(place, 8, shuffle_seed=3).labels.tolist() != [6, 0, 6, 1]
    closed = pictures.with_classes(True)
    assert closed.labels.tolist() == [2, 0, 2, 1]
    assert closed.notes[1:] == ["classes were numbered without gaps: 6 is 2"]


@PLACES
def test_no_labels_of_nvidias_tool_are_no_classes(tmp_path, name):
    pictures = load_pictures(write(tmp_path / name, tool_files(None)), 8)
    assert pictures.labels is None
    assert pictures.notes == ["there are no classes: dataset.json has none"]


def test_running_folders_without_labels_are_no_classes(tmp_path):
    files = {f"{i // 1000:05d}/img{i:08d}.png": png() for i in (0, 999, 1000, 2000)}
    pictures = load_pictures(write(tmp_path, files), 8)
    assert pictures.labels is None
    assert pictures.notes == [
        "3 folders numbered by NVIDIA's dataset tool are no classes, and there is no dataset.json "
        "that would tell any"
    ]


def test_labels_of_nvidias_tool_in_other_forms(tmp_path):
    files = tool_files([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0.0, 0.0, 1.0]])
    files["dataset.json"] = files["dataset.json"].replace(b"/", rb"\\")
    assert load_pictures(write(tmp_path / "a", files), 8).labels.tolist() == [2, 0, 1, 2]
    files = {
        f"{part}/{n}": c for part in ("x", "y") for n, c in tool_files([part == "y"] * 4).items()
    }
    with pytest.raises(UserError, match=r"x/dataset\.json .*list of \[name, whole number\].*False"):
        load_pictures(write(tmp_path / "b", files), 8)
    files = {
        f"{part}/{n}": c
        for label, part in enumerate("xy")
        for n, c in tool_files([label] * 4).items()
    }
    assert load_pictures(write(tmp_path / "c", files), 8).labels.tolist() == [0] * 4 + [1] * 4


def test_pictures_that_the_labels_lack(tmp_path):
    files = {**tool_files([1, 0, 1, 0]), "00009/img00009000.png": png()}
    pictures = load_pictures(write(tmp_path, files), 8)
    assert pictures.labels is None
    assert pictures.notes == [
        "1 of 5 pictures are not in dataset.json: 00009/img00009000.png",
        "some pictures have no label, so that all labels were left out",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b'{"labels": 3}', "must be a list"),
        (b'{"labels": [["a.png", 0.5]]}', r"0\.5 is no number of a class"),
        (b'{"labels": [["a.png", 1e300]]}', "is no number of a class"),
        (b'{"labels": [["a.png", [0.3, 0.2]]]}', "a label of several numbers is no class"),
        (b'{"labels": [["a.png", "cat"]]}', "must be a list"),
        (b'{"labels": [[1, 1]]}', "must be a list"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path, content, message):
    write(tmp_path, {"a.png": png(), "dataset.json": content})
    with pytest.raises(UserError, match=message) as error:
        load_pictures(tmp_path, 8)
    assert "dataset.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dataset_json_of_somebody_else(tmp_path):
    files = {"cat/a.png": png(), "dog/b.png": png(), "dataset.json": b'{"title": "Pets"}'}
    pictures = load_pictures(write(tmp_path, files), 8)
    assert pictures.labels.tolist() == [0, 1]
    assert "dataset.json was ignored" in pictures.notes[0]


def test_classes_are_told_with_names_and_counts(tmp_path):
    files = {f"{name}/{i}.png": png() for name in ("dog", "cat") for i in range(len(name) - 1)}
    write(tmp_path / "a", {**files, "dog/9.png": png()})
    assert load_pictures(tmp_path / "a", 8).notes == [
        "2 classes by sub-folders: 0 cat (2), 1 dog (3)"
    ]
    assert load_pictures(tmp_path / "a", 8, limit=2).notes == [
        "1 class by sub-folders: 0 cat (2); none of the pictures is of dog"
    ]
    write(tmp_path / "b", {f"n{i:04d}/{j}.png": png() for i in range(25) for j in range(1 + i % 3)})
    (note,) = load_pictures(tmp_path / "b", 8).notes
    assert note.startswith("25 classes by sub-folders: 0 n0000 (1), 1 n0001 (2), ")
    assert note.endswith("19 n0019 (2), and 5 more of 1 to 3")


@pytest.mark.parametrize(
    ("folders", "doubt"),
    [
        (("train", "val"), "train, val look like parts of a data set"),
        (("cat", "Images"), "Images look like parts of a data set"),
        (("000", "001"), "000 to 001 look like numbered folders"),
        (("shard-1", "shard-2"), "shard-1 to shard-2 look like numbered folders"),
        (("0", "1"), None),
        (("n01440764", "n01443537"), None),
        (("cat", "dog"), None),
    ],
)
def test_folders_that_seem_to_be_no_classes(tmp_path, folders, doubt):
    pictures = load_pictures(write(tmp_path, {f"{name}/a.png": png() for name in folders}), 8)
    assert pictures.labels.tolist() == [0, 1]
    assert len(pictures.notes) == (2 if doubt else 1)
    assert doubt is None or pictures.notes[0].startswith(doubt)


def test_pictures_beside_sub_folders(tmp_path):
    write(tmp_path, {"a/1.png": png(), "b/1.png": png(), "cover.png": png()})
    pictures = load_pictures(tmp_path, 8)
    assert pictures.labels is None
    assert pictures.notes == [
        "sub-folders are no classes here, since pictures lie beside them: cover.png"
    ]


# Links ----------------------------------------------------------------------------


def test_linked_folders_are_read_once(tmp_path):
    elsewhere = write(
        tmp_path / "elsewhere",
        {
            f"{name}/{i}.png": png((20 * len(name) + i, 0, 0))
            for name in ("b", "cc")
            for i in range(4)
        },
    )
    place = write(tmp_path / "pictures", {f"a/{i}.png": png((i, 0, 0)) for i in range(4)})
    (place / "b").symlink_to(elsewhere / "b")
    (place / "c").symlink_to(elsewhere / "cc", target_is_directory=True)
    pictures = load_pictures(place, 8)
    assert pictures.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert pictures.images[::4, 0, 0, 0].tolist() == [0, 20, 40]
    assert pictures.notes == [
        "2 linked folders were read: b, c",
        "3 classes by sub-folders: 0 a (4), 1 b (4), 2 c (4)",
    ]
    # The same folder again, and one that holds what was read: no picture counts twice.
    (place / "d").symlink_to("a")
    (place / "e").symlink_to(elsewhere)
    pictures = load_pictures(place, 8)
    assert len(pictures) == 12
    assert "passed over, since what is there is read once already: d, e/" in pictures.notes[1]


def test_links_that_lead_in_a_circle(tmp_path):
    place = write(tmp_path / "pictures", {"a/1.png": png(), "b/2.png": png()})
    write(tmp_path, {"private.png": png()})
    for name, target in (("a/up", ".."), ("a/self", "."), ("b/a", "../a"), ("out", "../..")):
        (place / name).symlink_to(target)
    pictures = load_pictures(place, 8)
    assert pictures.names == ["a/1.png", "b/2.png"]
    assert "4 linked folders were passed over" in pictures.notes[0]


def test_linked_pictures_and_links_that_lead_nowhere(tmp_path):
    place = write(tmp_path / "pictures", {"a.png": png()})
    (place / "b.png").symlink_to(place / "a.png")
    os.mkfifo(place / "c.png")
    pictures = load_pictures(place, 8)
    assert pictures.names == ["a.png", "b.png"]
    assert pictures.notes == ["1 name that is no file was ignored: c.png"]
    (place / "d.png").symlink_to("nowhere.png")
    with pytest.raises(UserError, match=r"d\.png in .*No such file"):
        load_pictures(place, 8)


# Backslashes ----------------------------------------------------------------------


@PLACES
def test_backslashes_are_folders(tmp_path, name):
    files = {
        "all\\cat\\a.png": png((1, 0, 0)),
        "all\\dog\\b.png": png((2, 0, 0)),
        "all\\dog\\.thumbs\\b.png": b"no picture",
        "__MACOSX\\all\\dog\\._b.png": b"resource fork",
    }
    if name.endswith(".zip"):
        files |= {"all\\dog\\": b"", "..\\out.png": png(), "\\out.png": png()}
    pictures = load_pictures(write(tmp_path / name, files), 8)
    assert pictures.names == ["all/cat/a.png", "all/dog/b.png"]
    assert pictures.images[:, 0, 0, 0].tolist() == [1, 2]
    assert pictures.labels.tolist() == [0, 1]
    if name.endswith(".zip"):
        assert "2 files with a path out of the zip were ignored" in pictures.notes[0]


# Labels of arrays -----------------------------------------------------------------


def saved(tmp_path, labels):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 8, 8, 3), np.uint8), labels=labels)
    return tmp_path / "a.npz"


@pytest.mark.parametrize("labels", [[0.5, 1, 2], [0, np.nan, 1], [0, 1, 2**40], [1j, 0, 0]])
def test_labels_that_are_no_whole_numbers(tmp_path, labels):
    with pytest.raises(UserError, match=r"labels of .*a\.npz .*whole numbers"):
        load_pictures(saved(tmp_path, labels), 8)
    with pytest.raises(UserError, match="whole numbers"):
        Pictures(np.zeros((3, 8, 8, 3), np.uint8), labels=labels)


def test_labels_of_other_types(tmp_path):
    assert load_pictures(saved(tmp_path, [2.0, 0.0, 1.0]), 8).labels.tolist() == [2, 0, 1]
    assert load_pictures(saved(tmp_path, [[2], [0], [1]]), 8).labels.tolist() == [2, 0, 1]
    pictures = load_pictures(saved(tmp_path, ["dog", "cat", "dog"]), 8)
    assert pictures.labels.tolist() == [1, 0, 1]
    assert pictures.notes == ["2 classes by labels: 0 cat (1), 1 dog (2)"]
    with pytest.raises(UserError, match=r"has 3 pictures but labels \[2\]"):
        load_pictures(saved(tmp_path, [0, 1]), 8)
