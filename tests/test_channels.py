"""Grey generators, and those with opacity: pictures in, adaptation, samples and measures."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_fewshot as tff
from tf_fewshot.analysis.drawing import save_animation
from tf_fewshot.analysis.pages import write_projection
from tf_fewshot.analysis.pages.given import pictures_for
from tf_fewshot.analysis.subjects import Subject
from tf_fewshot.backbones.fresh import fresh_discriminator
from tf_fewshot.data import Pictures
from tf_fewshot.data.channels import in_rgb, with_channels
from tf_fewshot.data.grid import image_grid, save_png
from tf_fewshot.data.load import load_pictures
from tf_fewshot.errors import UserError
from tf_fewshot.features.trunk import seen_in_rgb
from tf_fewshot.losses.augmentation import colour
from tf_fewshot.planning import plan


@pytest.fixture
def folder(tmp_path):
    """Pictures of which some are grey, and some transparent."""
    place = tmp_path / "mixed"
    place.mkdir()
    rng = np.random.default_rng(0)
    for i, (mode, count) in enumerate((("L", 1), ("RGB", 3), ("RGBA", 4), ("RGB", 3))):
        pixels = rng.integers(0, 256, (16, 16, count), np.uint8)
        image = Image.fromarray(pixels[..., 0] if count == 1 else pixels)
        assert image.mode == mode
        image.save(place / f"{i}.png")
    return place


def test_pictures_of_other_channels():
    rgba = np.array([[[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]]], np.uint8)
    np.testing.assert_array_equal(in_rgb(rgba), [[[[255, 0, 0], [255, 255, 255], [204, 204, 204]]]])
    np.testing.assert_array_equal(with_channels(rgba, 1)[..., 0], [[[76, 255, 204]]])
    np.testing.assert_array_equal(with_channels(in_rgb(rgba), 4)[..., 3], [[[255] * 3]])
    grey = with_channels(rgba, 1)
    np.testing.assert_array_equal(in_rgb(grey)[..., 1:2], grey)
    seen = seen_in_rgb(tf.constant(rgba / 127.5 - 1, tf.float32))
    np.testing.assert_allclose((seen + 1) * 127.5, in_rgb(rgba), atol=1e-4)
    with pytest.raises(UserError, match=r"1 \(grey\), 3 \(RGB\), 4 .* not 2"):
        in_rgb(np.zeros((1, 2, 2, 2), np.uint8))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_are_loaded_as_the_generator_draws_them(channels, folder):
    pictures = load_pictures(folder, 8, channels=channels)
    assert pictures.images.shape == (4, 8, 8, channels)
    same = load_pictures(folder, 8)
    # Grey of what Pillow rounded before and after it was resized.
    np.testing.assert_allclose(in_rgb(pictures.in_channels(3).images)[0], same.images[0], atol=1)
    if channels == 4:
        np.testing.assert_allclose(in_rgb(pictures.images), same.images, atol=1)
        assert pictures.images[2, ..., 3].min() < 255
    assert pictures.resized(4).images.shape == (4, 4, 4, channels)
    told = " ".join(pictures.notes)
    assert ("transparent" in told) == (channels != 4) or channels == 1


@pytest.mark.parametrize("channels", [1, 4])
def test_grids_and_files(channels, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, channels), np.uint8)
    grid = image_grid(images, columns=3)
    assert grid.shape == (6, 19, 3)
    np.testing.assert_array_equal(grid[1:5, 1:6], in_rgb(images)[0])
    save_png(images[0], tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as image:
        assert image.mode == {1: "L", 4: "RGBA"}[channels]
        np.testing.assert_array_equal(np.asarray(image).reshape(images[0].shape), images[0])


def test_colours_of_grey_pictures_are_those_of_the_colours_that_they_are():
    maps = tf.constant(np.random.default_rng(0).standard_normal((2, 4, 4)), tf.float32)
    grey = tf.constant(np.random.default_rng(1).standard_normal((2, 3, 3, 1)), tf.float32)
    turned = colour.apply(tf.repeat(grey, 3, -1), maps)
    np.testing.assert_allclose(
        colour.apply(grey, maps), tf.reduce_mean(turned, -1, keepdims=True), atol=1e-5
    )
    both = colour.apply(tf.concat([turned, grey], -1), maps)
    np.testing.assert_array_equal(both[..., 3:], grey)


@pytest.mark.parametrize(
    ("architecture", "channels", "method", "base"),
    [
        pytest.param("stylegan", 1, "ewc", None, marks=pytest.mark.large),
        pytest.param("stylegan2", 4, "freezed", None, marks=pytest.mark.large),
        ("stylegan", 4, "bsa", None),
        # Not square, which is all the same to the pictures.
        ("stylegan2", 1, "freezed", [4, 8]),
    ],
)
def test_adapting_and_sampling(architecture, channels, method, base, folder, tmp_path, build_tiny):
    shape = {} if base is None else {"base": base}
    gan = build_tiny(architecture, image_channels=channels, **shape)
    settings = {"batch_size": 2, "steps": 1}
    settings |= {"fisher_samples": 2} if method == "ewc" else {}
    run = tff.adapt(gan, folder, method=method, workdir=tmp_path / "run", **settings)
    images = run.sample(2, seed=0)
    assert images.shape == (2, 16, 32 if base else 16, channels)
    assert (tmp_path / "run" / "report.html").exists()
    with Image.open(tmp_path / "run" / "reals.png") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("channels", [1, 4])
def test_given_pictures_are_brought_to_the_channels(channels, build_tiny):
    gan = build_tiny("stylegan2", image_channels=channels)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    chosen = plan(gan, images, "freezed")
    assert chosen.pictures.images.shape == (3, 16, 16, channels)
    assert Pictures(images).in_channels(channels).fingerprint() == chosen.pictures.fingerprint()


def test_a_new_discriminator_sees_the_channels(build_tiny):
    gan = build_tiny("dcgan", channels=1)
    judge = fresh_discriminator(gan)
    assert judge(np.zeros((2, 16, 16, 1), np.float32)).shape == (2, 1)


@pytest.mark.parametrize("channels", [1, 4])
def test_analyses_look_at_pictures_as_the_generator_draws_them(
    channels, folder, tmp_path, build_tiny
):
    gan = build_tiny("dcgan", channels=channels)
    subject = Subject("tiny", gan)
    read = pictures_for(subject, str(folder))
    assert read.images.shape == (4, *gan.image_shape)
    given = pictures_for(subject, load_pictures(folder, 8), 2)
    assert given.images.shape == (2, *gan.image_shape)
    page = write_projection(subject, [], str(folder), tmp_path / "out", limit=1, steps=1, samples=2)
    assert page.is_file()
    way = subject.sample(3, 0)
    with Image.open(save_animation(way, tmp_path, "way", "webp")) as image:
        assert image.n_frames == 3  # type: ignore
        shown = np.asarray(image.convert("RGB"))[8::16, 8::16]
    np.testing.assert_array_equal(shown, in_rgb(way)[0])
