"""Interpolation and morphing, and the files of moving pictures."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, pages
from tf_fewshot.analysis.drawing import save_animation, there_and_back
from tf_fewshot.errors import UserError

from .test_extensions import built, plain, shaken, source_of
from .test_report import Page


@given(st.integers(0, 99), st.integers(2, 9), st.booleans())
def test_ways_begin_and_end_to_the_bit(seed, frames, spherical):
    a, b = np.random.default_rng(seed).standard_normal((2, 5)).astype(np.float32)
    way = analysis.between(a, b, frames, spherical)
    assert way.shape == (frames, 5) and way.dtype == np.float32
    np.testing.assert_array_equal(way[[0, -1]], [a, b])
    if spherical:
        low, high = sorted((np.linalg.norm(a), np.linalg.norm(b)))
        assert (np.linalg.norm(way, axis=1) >= 0.7 * low).all()
        assert (np.linalg.norm(way, axis=1) <= 1.5 * high).all()
    else:
        steps = np.tile((b - a) / (frames - 1), (frames - 1, 1))
        np.testing.assert_allclose(np.diff(way, axis=0), steps, atol=1e-5)


def test_a_great_circle_keeps_the_length():
    a, b = np.array([3.0, 0.0], np.float32), np.array([0.0, 3.0], np.float32)
    way = analysis.between(a, b, 3, spherical=True)
    np.testing.assert_allclose(way[1], [3 / np.sqrt(2)] * 2, rtol=1e-6)
    np.testing.assert_array_equal(analysis.between(a, a, 3, spherical=True), [a] * 3)
    with pytest.raises(UserError, match="2 frames or more, not 1"):
        analysis.between(a, b, 1, spherical=False)


def test_interpolation_passes_through_the_samples(tiny_stylegan):
    subject = Subject("tiny", tiny_stylegan)
    seen = []
    ways = analysis.interpolated(subject, 3, 4, seed=5, progress=lambda *t: seen.append(t))
    samples = subject.images_of(subject.latents(3, 5))
    np.testing.assert_array_equal(ways[:, 0], samples[:2])
    np.testing.assert_array_equal(ways[:, -1], samples[1:])
    assert seen[-1] == ("interpolation", 8, 8)
    with pytest.raises(UserError, match="2 samples or more, not 1"):
        analysis.interpolated(subject, 1)


def domain(source, seed: int):
    """A domain of a source: other weights, scale and shift, and a Gaussian of latents."""
    gan = shaken(source.with_one_class().with_scale_shift().with_latent_gaussian(4), seed)
    fitted = np.random.default_rng(seed).normal(size=(4, gan.free_latent_dim)).astype(np.float32)
    gan.fit_latents(fitted, gan)
    return gan


@pytest.mark.parametrize(
    "architecture", ["dcgan", pytest.param("stylegan", marks=pytest.mark.large)]
)
def test_the_ends_of_a_morph_are_the_domains_own_samples(architecture):
    source = source_of(architecture)
    one = Subject("source", source)
    other, third = (Subject(str(seed), domain(source, seed)) for seed in (1, 2))
    for start, end in ((one, other), (other, third)):
        ways = analysis.morphed(start, end, samples=2, frames=3, seed=4)
        z = source.sample_latents(2, 4)
        for subject, frame in ((start, ways[:, 0]), (end, ways[:, -1])):
            labels = np.zeros(2, np.int32) if subject.gan.num_classes else None
            np.testing.assert_array_equal(frame, subject.images_of(z, labels))
    assert not (ways[:, 1] == ways[:, 0]).all() and not (ways[:, 1] == ways[:, 2]).all()
    # Where both ends are one domain, so is all between: the Gaussian is passed through.
    same = analysis.morphed(other, Subject("again", other.gan.clone()), samples=2, frames=3)
    assert np.abs(same[:, 1].astype(int) - same[:, 0]).max() <= 1


def test_half_way_has_half_of_scale_and_shift(tiny_dcgan):
    end, half = tiny_dcgan.with_scale_shift(), tiny_dcgan.with_scale_shift()
    for gan, part in ((end, 1.0), (half, 0.5)):
        gan.scale_shift_roles()[0].betas[0].assign(np.full(8, 2.0 * part))
    ways = analysis.morphed(Subject("s", tiny_dcgan), Subject("e", end), samples=2, frames=3)
    wanted = Subject("h", half).images_of(tiny_dcgan.sample_latents(2, 0))
    assert np.abs(ways[:, 1].astype(int) - wanted).max() <= 1


def test_classes_are_domains_and_strangers_are_not(tiny_dcgan):
    subject = Subject("tiny", source_of("sngan"))
    ways = analysis.morphed(subject.of_class(0), subject.of_class(2), samples=2, frames=3)
    z = subject.gan.sample_latents(2, 0)
    np.testing.assert_array_equal(ways[:, 2], subject.images_of(z, np.full(2, 2)))
    with pytest.raises(UserError, match="There is no class 3: tiny has classes 0 to 2"):
        subject.of_class(3)
    with pytest.raises(UserError, match="There is no way from a dcgan to a stylegan"):
        analysis.morphed(Subject("a", tiny_dcgan), Subject("b", plain("stylegan")), 1, 2)
    other = built("dcgan", widths=[8, 4])
    with pytest.raises(UserError, match="There is no way from one to the other: they differ in"):
        analysis.morphed(Subject("a", tiny_dcgan), Subject("b", other), 1, 2)
    with pytest.raises(UserError, match="2 frames or more"):
        analysis.morphed(subject, subject, 1, 1)


def keep(folder, arrays: dict[str, np.ndarray]) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    np.savez(folder / "checkpoints" / "step0000002.npz", allow_pickle=False, **arrays)


def test_the_latents_of_a_run_are_read_from_its_checkpoint(tmp_path, tiny_dcgan, tiny_stylegan):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(3, 8)).astype(np.float32)
    seeds = np.zeros(2, np.uint32)
    keep(tmp_path / "a", {"latents/0": table, "latents/1": seeds})
    subject = Subject("tiny", tiny_dcgan)
    fitted = analysis.fitted_latents(tmp_path / "a", subject, subject)
    np.testing.assert_array_equal(fitted, table)
    ways = analysis.between_fitted(subject, fitted, 3)
    wanted = subject.images_of(table)
    assert ways.shape == (2, 3, 16, 16, 3)
    assert np.abs(ways[:, 0].astype(int) - wanted[:2]).max() <= 1
    # Of a picture in two parts it is the sum of theirs.
    keep(tmp_path / "parts", {"latents/0": np.concatenate([table, table]), "latents/1": seeds})
    parted = Subject("tiny", tiny_dcgan.with_latent_parts(2, 3))
    fitted = analysis.fitted_latents(tmp_path / "parts", parted, subject)
    np.testing.assert_array_equal(fitted, 2 * table)
    layers = tiny_stylegan.free_latent_layers
    kernel, bias = rng.normal(size=(8, layers * 8)), rng.normal(size=layers * 8)
    keep(
        tmp_path / "b",
        {"latents/0": table, "latents/1": kernel, "latents/2": bias, "latents/3": seeds},
    )
    styled = Subject("tiny", tiny_stylegan)
    fitted = analysis.fitted_latents(tmp_path / "b" / "adapter", styled, styled)
    wanted = np.tile(table, (1, layers)) + 0.02 * table @ kernel + 0.3 * bias
    np.testing.assert_allclose(fitted, wanted, rtol=1e-4, atol=1e-5)
    for place in (tmp_path / "a", tmp_path):
        with pytest.raises(UserError, match="keeps no latents of its pictures"):
            analysis.fitted_latents(place, styled, styled)
    with pytest.raises(UserError, match="2 pictures or more, not 1"):
        analysis.between_fitted(subject, table[:1])


@pytest.mark.parametrize("architecture", ["dcgan", "sngan"])
def test_ways_between_projected_pictures_end_at_these(architecture):
    """They need not lie where samples are drawn from, and all are of one class."""
    gan = source_of(architecture)
    gan = gan if gan.num_classes else domain(gan, 1)
    free = np.random.default_rng(0).normal(size=(2, gan.free_latent_dim)).astype(np.float32)
    ways = analysis.between_fitted(Subject("tiny", gan), free, 3)
    copy = analysis.projectable(gan)
    wanted = analysis.images_of_free(copy, free, np.zeros(2, np.int32))
    assert np.abs(ways[0, [0, 2]].astype(int) - wanted).max() <= 1


FRAMES = np.random.default_rng(0).integers(0, 256, (4, 16, 18, 3), np.uint8)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_moving_pictures_hold_their_frames(kind, tmp_path):
    path = save_animation(there_and_back(FRAMES), tmp_path, "way", kind)
    with Image.open(path) as image:
        assert image.n_frames == 6 and image.size == (16 * 18, 16 * 16)  # type: ignore
        image.seek(2)
        shown = np.asarray(image.convert("RGB"))[8::16, 8::16]
    if kind == "webp":
        np.testing.assert_array_equal(shown, FRAMES[2])


def test_mp4_is_written_by_an_encoder(tmp_path):
    encoder = pytest.importorskip("imageio_ffmpeg")
    frames = FRAMES[:, :4, :6].repeat(8, axis=1).repeat(8, axis=2)
    path = save_animation(frames, tmp_path, "way", "mp4")
    assert b"ftyp" in path.read_bytes()[:16]
    command = [encoder.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24"]
    done = subprocess.run([*command, "-"], capture_output=True, check=True)
    shown = np.frombuffer(done.stdout, np.uint8).reshape(len(frames), 256, 384, 3)
    small = shown[:, 4::8, 4::8].astype(int)
    assert np.abs(small - frames).mean() < 16 and b"h264" in done.stderr
    pages.write_interpolation(Subject("x", plain("dcgan")), tmp_path, ends=2, frames=2, kind="mp4")
    page = Page((tmp_path / "analysis.html").read_text("utf-8"))
    assert "interpolation_moving.mp4" in "".join(page.text) and len(page.all("img")) == 1


def test_without_an_encoder_the_extra_that_brings_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        UserError, match=r"no encoder for MP4 on this machine: .+tf-fewshot\[video\]"
    ):
        pages.write_interpolation(Subject("x", plain("dcgan")), tmp_path / "out", kind="mp4")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="Unknown format of moving pictures 'avi'"):
        save_animation(FRAMES, tmp_path, "way", "avi")


def test_ways_are_left_as_grid_data_and_moving_picture(tmp_path):
    subject = Subject("tiny", source_of("sngan"))
    pages.write_interpolation(subject, tmp_path, ends=2, frames=2)
    path = pages.write_morphing(
        subject.of_class(0), subject.of_class(1), tmp_path, samples=2, frames=3, kind="webp"
    )
    page = Page(path.read_text("utf-8"))
    assert list(page.sections) == ["interpolation", "morphing"] and len(page.all("img")) == 4
    assert "From tiny, class 0 to tiny, class 1" in "".join(page.text)
    with np.load(tmp_path / "morphing.npz") as data:
        assert data["images"].shape == (2, 3, 16, 16, 3)
