"""The same latents in several domains, as pictures and as a data set of pairs."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, pages
from tf_fewshot.analysis.pairs import latents_of_block
from tf_fewshot.errors import UserError

from .test_extensions import plain, shaken, source_of
from .test_report import Page


@pytest.fixture
def domains(tiny_dcgan):
    """A source, and an adaptation of it."""
    return Subject("source", tiny_dcgan), Subject("toon", shaken(tiny_dcgan.clone(), 1))


def test_corresponding_pictures_are_of_the_same_latents(domains, tmp_path):
    images = analysis.corresponding(domains, 3, seed=2)
    z = domains[0].gan.sample_latents(3, 2)
    for subject, row in zip(domains, images, strict=True):
        np.testing.assert_array_equal(row, subject.images_of(z))
    path = pages.write_correspondence(domains, tmp_path, n=3, seed=2)
    assert list(Page(path.read_text("utf-8")).sections) == ["correspondence"]
    with np.load(tmp_path / "correspondence.npz") as data:
        np.testing.assert_array_equal(data["images"], images)
    # Where latents were fitted, the same ones are other places, and the page says so.
    said = "Samples of fitted are drawn around the latents of training pictures"
    assert said not in path.read_text("utf-8")
    fitted = Subject("fitted", domains[1].gan.with_latent_gaussian(3))
    path = pages.write_correspondence([*domains, fitted], tmp_path, n=3)
    assert said in path.read_text("utf-8")
    with pytest.raises(UserError, match="One domain only"):
        analysis.corresponding(domains[:1])
    with pytest.raises(UserError, match="differ in the size of latents or images"):
        analysis.corresponding([domains[0], Subject("big", source_of("biggan"))])


def test_pairs_go_on_where_they_stopped_and_take_more(domains, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    analysis.write_pairs(*domains, whole, n=35, seed=3)
    stopped = []

    def stop(what, done, total):
        stopped.append((what, done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analysis.write_pairs(*domains, part, n=33, seed=3, progress=stop)
    assert stopped == [("pairs", 32, 33)]
    (part / "train" / "toon" / "0000007.png").unlink()
    before = (part / "train" / "toon" / "0000006.png").read_bytes()
    analysis.write_pairs(*domains, part, n=33, seed=3)
    analysis.write_pairs(*domains, part, n=35, seed=3)
    files = sorted(p.relative_to(whole) for p in whole.rglob("*.png"))
    assert len(files) == 70 and files == sorted(p.relative_to(part) for p in part.rglob("*.png"))
    assert all((whole / f).read_bytes() == (part / f).read_bytes() for f in files)
    assert (part / "train" / "toon" / "0000006.png").read_bytes() == before
    z = latents_of_block(domains[0], 1, 3)
    wanted = np.stack([subject.images_of(z)[2] for subject in domains])
    np.testing.assert_array_equal(analysis.read_pair(whole, ("source", "toon"), 34), wanted)


def test_nothing_is_drawn_that_is_there(domains, tmp_path, monkeypatch):
    analysis.write_pairs(*domains, tmp_path / "pairs", n=2)
    monkeypatch.setattr(Subject, "images_of", None)
    analysis.write_pairs(*domains, tmp_path / "pairs", n=2)


def test_keras_reads_the_folder(domains, tmp_path):
    analysis.write_pairs(*domains, tmp_path, n=3)
    data = keras.utils.image_dataset_from_directory(
        tmp_path / "train", image_size=(16, 16), batch_size=6, shuffle=False, verbose=False
    )
    images, labels = next(iter(data))
    assert data.class_names == ["source", "toon"] and labels.numpy().tolist() == [0, 0, 0, 1, 1, 1]
    pair = analysis.read_pair(tmp_path, ("source", "toon"), 1)
    np.testing.assert_array_equal(images.numpy()[[1, 4]], pair)


def test_tensorflow_datasets_reads_the_folder(domains, tmp_path):
    """Its package is none of the development's: it takes 200 MB for this one test."""
    tfds = pytest.importorskip("tensorflow_datasets")
    analysis.write_pairs(*domains, tmp_path, n=3)
    builder = tfds.folder_dataset.ImageFolder(str(tmp_path))
    assert builder.info.features["label"].names == ["source", "toon"]
    examples = list(tfds.as_numpy(builder.as_dataset(split="train", shuffle_files=False)))
    assert len(examples) == builder.info.splits["train"].num_examples == 6
    found = {(int(e["label"]), int(Path(e["image/filename"].decode()).stem)): e for e in examples}
    for i in range(3):
        images = np.stack([found[label, i]["image"] for label in range(2)])
        np.testing.assert_array_equal(images, analysis.read_pair(tmp_path, ("source", "toon"), i))


def test_other_pairs_and_files_are_refused(domains, tmp_path):
    source, toon = domains
    analysis.write_pairs(source, toon, tmp_path / "a", n=1)
    for arguments, said in (
        ((source, toon, tmp_path / "a", 1, 1), r"holds other pairs \(seed differ\)"),
        ((source, Subject("toon", shaken(toon.gan.clone())), tmp_path / "a"), r"\(target differ\)"),
        ((source, toon, tmp_path), "is not empty and holds no pairs"),
        ((source, Subject("source", toon.gan), tmp_path / "b"), "Both generators are called"),
        ((source, Subject("big", plain("biggan")), tmp_path / "b"), "has latents of 8 numbers"),
        ((source, toon, tmp_path / "b", 0), "must be at least 1, not 0"),
    ):
        with pytest.raises(UserError, match=said):
            analysis.write_pairs(*arguments)
    record = tmp_path / "a" / "pairs.json"
    assert json.loads(record.read_text("utf-8"))["source"]["name"] == "source"
    record.write_text("{")
    with pytest.raises(UserError, match=r"pairs\.json is damaged"):
        analysis.write_pairs(source, toon, tmp_path / "a")
