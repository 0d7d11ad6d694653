"""Nearest training pictures and truncation, with known answers."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, pages
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError

from .test_extensions import built, source_of
from .test_report import Page

needs_weights = pytest.mark.download


def noise(n: int, seed: int, size: int = 32) -> np.ndarray:
    """Pictures of large squares of random colours."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 4, 4, 3), np.uint8).repeat(size // 4, 1).repeat(size // 4, 2)


@needs_weights
def test_copies_find_what_they_are_copies_of():
    training, unseen = noise(5, 0), noise(20, 1)
    order = np.array([3, 0, 4, 4])
    samples = np.concatenate([training[order], noise(4, 2)])
    # A training picture among the unseen ones says nothing of new ones.
    found = analysis.nearest_training(samples, training, np.concatenate([unseen, training[:2]]))
    np.testing.assert_array_equal(found.nearest[:4], order)
    np.testing.assert_allclose(found.distances[:4], 0, atol=1e-3)
    assert found.copies == pytest.approx(0.5, abs=0.13) and found.unseen is not None
    assert len(found.unseen) == 20 and (found.distances[4:] > 0.05).all()
    alone = analysis.nearest_training(samples, training)
    assert alone.copies is None and alone.unseen is None
    with pytest.raises(UserError, match=r"19 pictures were not trained on: .+ 20 or more"):
        analysis.nearest_training(samples, training, unseen[:19])
    with pytest.raises(UserError, match="Samples have"):
        analysis.nearest_training(samples, noise(2, 0, 64))


@needs_weights
@pytest.mark.parametrize(
    ("reference", "said"), [(None, "Which of them are copies is not said"), (20, "are nearer to")]
)
def test_the_page_says_what_was_learned_by_heart(reference, said, tmp_path):
    subject = Subject("tiny", built("dcgan", resolution=32, widths=[8, 8, 8]))
    training = Pictures(subject.sample(4, seed=0), names=list("abcd"))
    others = None if reference is None else Pictures(noise(reference, 0))
    path = pages.write_neighbours(subject, training, tmp_path, reference=others, samples=6)
    page = Page(path.read_text("utf-8"))
    assert said in "".join(page.text) and len(page.all("img")) == 3
    with open(tmp_path / "neighbours.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    # The same seed draws the training pictures again.
    assert [row["nearest"] for row in rows[:4]] == list("abcd")
    assert max(float(row["lpips"]) for row in rows[:4]) < 1e-3


class Pixels:
    """Means of channels, in place of a network."""

    name, version, resize = "means", "0", None

    def __call__(self, images):
        return images.mean((1, 2)).astype(np.float32)


def test_less_variety_is_less_recall(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path))
    subject = Subject("tiny", source_of("dcgan"))
    real = Pictures(subject.sample(40, seed=1))
    found = analysis.truncation_sweep(
        subject.gan, real, (0.0, 1.0, 10.0), samples=40, network=Pixels()
    )
    assert found.images.shape == (3, 8, 16, 16, 3) and found.reference == 40
    assert (found.images[0] == found.images[0, :1]).all(), "truncation 0 is one picture"
    np.testing.assert_array_equal(found.images[2], subject.sample(8))
    assert found.recall[0] == 0 < found.recall[2] and found.precision[2] > 0.5


@needs_weights
def test_the_page_of_truncation_names_what_is_not_truncated(tmp_path):
    subject = Subject("tiny", source_of("dcgan"))
    real = Pictures(subject.sample(4, seed=1))
    path = pages.write_truncation(subject, real, tmp_path, truncations=(0.5, 10.0), samples=4)
    assert "none" in "".join(Page(path.read_text("utf-8")).sections["truncation"])


def test_usual_truncations_end_with_none():
    for architecture in ("dcgan", "stylegan", "biggan"):
        gan = source_of(architecture)
        usual = analysis.usual_truncations(gan)
        assert len(usual) == 5 and list(usual) == sorted(usual)
    with pytest.raises(UserError, match="Truncations are numbers from 0 on"):
        analysis.truncation_sweep(gan, Pictures(noise(5, 0)), ())
    with pytest.raises(UserError, match="need 4 pictures or more on both sides, not 3 real"):
        analysis.truncation_sweep(gan, Pictures(noise(3, 0)))
