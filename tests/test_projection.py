"""Projection of pictures into generators."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, pages
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError

from .test_extensions import built, shaken

pytestmark = pytest.mark.download


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [("dcgan", {}), pytest.param("stylegan2", {"num_classes": 0}, marks=pytest.mark.large)],
)
def test_pictures_that_a_generator_drew_are_found_again(architecture, changes):
    """Also where pixels are clipped, as those of white grounds are; a quarter are here.

    A tiny StyleGAN of such weights clips half of them, too many to be led back everywhere.
    """
    gan, steps = shaken(built(architecture, **changes)), 80
    subject = Subject("tiny", gan)
    pictures, begun = subject.sample(2, seed=7), subject.sample(16, seed=0)
    seen = []
    found = analysis.project(
        gan, pictures, steps, samples=16, progress=lambda *told: seen.append(told)
    )
    assert seen[-1] == ("projection", 2 * steps, 2 * steps)
    assert found.free.shape == (2, gan.free_latent_dim) and found.labels is None
    again = analysis.images_of_free(analysis.projectable(gan), found.free)
    np.testing.assert_array_equal(again, found.images)
    before = np.abs(pictures[:, None] - begun.astype(float)).mean((2, 3, 4)).min(1)
    reached = np.abs(pictures - found.images.astype(float)).mean((1, 2, 3))
    assert (reached < 0.2 * before).all()
    assert (found.lpips < 0.1 * found.nearest).all()


def test_the_class_of_a_picture_is_found_or_given():
    gan = shaken(built("sngan", num_classes=3))
    # The very samples that it begins from, whose classes take turns.
    pictures = Subject("tiny", gan).images_of(gan.sample_latents(6, 0))[[4, 2]]
    found = analysis.project(gan, pictures, steps=1, samples=6)
    assert found.labels is not None and found.labels.tolist() == [1, 2]
    found = analysis.project(gan, pictures, steps=1, samples=6, label=2)
    assert found.labels is not None and found.labels.tolist() == [2, 2]


def test_a_gaussian_of_latents_is_passed_through(tiny_dcgan):
    gan = tiny_dcgan.with_latent_gaussian(3)
    fitted = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    gan.fit_latents(fitted, gan)
    free = gan.drawn_latents(gan.sample_latents(2, 0))
    shown = analysis.images_of_free(analysis.projectable(gan), np.asarray(free))
    wanted = Subject("tiny", gan).images_of(gan.sample_latents(2, 0))
    np.testing.assert_array_equal(shown, wanted)


def test_the_page_shows_pictures_in_every_domain(tmp_path, tiny_dcgan):
    subject = Subject("tiny", tiny_dcgan)
    other = Subject("toon", shaken(tiny_dcgan.clone(), 3))
    pictures = Pictures(subject.sample(3, seed=1), names=list("abc"))
    pages.write_projection(subject, [other], pictures, tmp_path, limit=2, steps=2, samples=3)
    with open(tmp_path / "projection.csv", newline="") as file:
        assert [row["picture"] for row in csv.DictReader(file)] == ["a", "b"]
    with np.load(tmp_path / "projection.npz") as data:
        wanted = analysis.images_of_free(analysis.projectable(other.gan), data["free"])
        np.testing.assert_array_equal(data["images/toon"], wanted)


def test_what_cannot_be_projected_is_said(tiny_dcgan):
    with pytest.raises(UserError, match=r"Pictures have the shape \[8, 8, 3\]"):
        analysis.project(tiny_dcgan, np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="1 step and 1 sample or more, not 0, 100"):
        analysis.project(tiny_dcgan, np.zeros((1, 16, 16, 3), np.uint8), steps=0)
