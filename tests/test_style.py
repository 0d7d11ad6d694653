"""Neural style transfer: its losses by NumPy, and what it does to samples."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot import description
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.losses.style import content_loss, gram_matrices, style_loss
from tf_fewshot.methods.cells.style import StyleAndContent, StyleTransfer
from tf_fewshot.planning import plan

QUICK = {"iterations": 3, "precision": "float32"}


@pytest.fixture
def pictures() -> np.ndarray:
    """Five flat pictures of 16 px with a little noise, each of another colour."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 236, (5, 1, 1, 3))
    return (colours + rng.integers(0, 20, (5, 16, 16, 3))).astype(np.uint8)


# Losses ---------------------------------------------------------------------------------


def test_the_losses_are_those_of_the_paper():
    """Equations 1, 3, 4 and 5, written out with sums as the paper has them."""
    rng = np.random.default_rng(1)
    layers, styles = (
        [rng.standard_normal((2, s, s, c)) for s, c in ((6, 3), (4, 5))] for _ in range(2)
    )
    for row in range(2):
        expected = 0.0
        for layer, style in zip(layers, styles, strict=True):
            n, m = layer.shape[3], layer.shape[1] * layer.shape[2]
            f, p = (x[row].reshape(m, n).T for x in (layer, style))
            g, a = (
                np.array([[sum(x[i] * x[j]) for j in range(n)] for i in range(n)]) for x in (f, p)
            )
            expected += 0.5 * np.sum((g - a) ** 2) / (4 * n**2 * m**2)
            found = content_loss(tf.constant(layer), tf.constant(style))[row]
            np.testing.assert_allclose(found, 0.5 * np.sum((f - p) ** 2), rtol=1e-5)
            np.testing.assert_allclose(
                gram_matrices(tf.constant(style))[row], a / m, rtol=1e-5, atol=1e-6
            )
        grams = [gram_matrices(tf.constant(style)) for style in styles]
        found = style_loss([tf.constant(layer) for layer in layers], grams)[row]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_style_forgets_the_places_and_content_does_not():
    rng = np.random.default_rng(2)
    features = rng.standard_normal((1, 4, 4, 3)).astype(np.float32)
    moved = features[:, ::-1, ::-1]
    assert style_loss([moved], [gram_matrices(features)])[0] < 1e-10
    assert content_loss(moved, features)[0] > 1.0


# Optimisation ---------------------------------------------------------------------------


def _means(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float64).mean(axis=(1, 2))


@pytest.mark.download
def test_the_loss_falls_and_colours_are_taken_over(pictures):
    samples = 255 - pictures[:4]
    z = np.random.default_rng(4).standard_normal((4, 8)).astype(np.float32)
    transfer = StyleTransfer(StyleAndContent(), pictures, seed=0)
    found = transfer(samples, z)
    assert found.dtype == np.uint8 and found.shape == samples.shape
    wanted = pictures[transfer.chosen(z)]

    def floats(images):
        return tf.cast(images, tf.float32) / 127.5 - 1.0

    targets = transfer.targets(floats(samples), floats(wanted))
    before, after = (transfer.loss(floats(images), *targets) for images in (samples, found))
    assert (after.numpy() < 0.5 * before.numpy()).all()
    away, closer = (np.abs(_means(images) - _means(wanted)) for images in (samples, found))
    assert closer.mean() < 0.7 * away.mean()
    # With no weight on style nothing pulls a sample away from itself.
    still = StyleTransfer(StyleAndContent(style_weight=0.0), pictures, seed=0)
    np.testing.assert_array_equal(still(samples, z), samples)


@pytest.mark.download
def test_scale_of_activations_is_that_of_the_paper(pictures):
    transfer = StyleTransfer(StyleAndContent(), pictures, seed=0)
    layers = transfer.activations(tf.cast(pictures, tf.float32) / 127.5 - 1.0)
    np.testing.assert_allclose([tf.reduce_mean(layer) for layer in layers], 1.0, rtol=1e-4)


@pytest.mark.download
def test_the_draw_is_of_seed_and_latent_alone(pictures):
    z = np.random.default_rng(5).standard_normal((400, 8)).astype(np.float32)
    first, second = (StyleTransfer(StyleAndContent(), pictures, seed) for seed in (0, 1))
    chosen = first.chosen(z)
    assert set(chosen) == set(range(5))
    np.testing.assert_array_equal(first.chosen(z[7:9]), chosen[7:9])
    # The same at another truncation, which keeps signs.
    np.testing.assert_array_equal(first.chosen(0.3 * z), chosen)
    assert 0.05 < (second.chosen(z) == chosen).mean() < 0.4


# As a method ----------------------------------------------------------------------------


@pytest.mark.download
def test_a_run_is_complete_and_its_adapter_draws_the_same(
    tiny_dcgan, pictures, tmp_path, monkeypatch
):
    before = tiny_dcgan.fingerprint("generator"), tiny_dcgan.fingerprint("discriminator")
    run = tff.adapt(tiny_dcgan, pictures, "nst", workdir=tmp_path / "run", seed=3, **QUICK)
    assert before == (tiny_dcgan.fingerprint("generator"), tiny_dcgan.fingerprint("discriminator"))
    made = {path.name for path in run.folder.iterdir()}
    assert made >= {"report.html", "samples.png", "source_samples.png", "interpolation.png"}
    log = (run.folder / "log.txt").read_text()
    assert log.count("Nothing is trained") == 1
    assert "In progress" not in (run.folder / "report.html").read_text()
    five = run.sample(5, seed=1)
    assert five.dtype == np.uint8 and five.shape == (5, 16, 16, 3)
    # Of the source's sample of the same latents, and unlike it.
    source = tff.sample_images(tiny_dcgan, 5, seed=1)
    assert (five != source).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(run.sample(2, seed=1), five[:2])
    z = tiny_dcgan.sample_latents(5, seed=1)
    np.testing.assert_array_equal(run.images_of(z[3:4]), five[3:4])
    assert run.interpolate(3, seed=1).shape == (3, 16, 16, 3)
    assert run.adapter.weights == {}
    run.save(tmp_path / "mine.npz")
    again = tff.load_adapter(tmp_path / "mine.npz", tiny_dcgan)
    assert again.adapter.pictures.dtype == np.uint8
    np.testing.assert_array_equal(again.adapter.pictures, pictures)
    np.testing.assert_array_equal(again.sample(5, seed=1), five)
    # What is measured is what is drawn.
    measured = []
    monkeypatch.setattr(
        "tf_fewshot.adapted.evaluate",
        lambda sampler, reference, metrics, n, seed, *rest: measured.append(sampler(n, seed)) or [],
    )
    again.evaluate(Pictures(pictures), n=5, seed=1)
    np.testing.assert_array_equal(measured[0], five)
    # The same command on the same folder.
    resumed = tff.adapt(tiny_dcgan, pictures, "nst", workdir=run.folder, seed=3, **QUICK)
    np.testing.assert_array_equal(resumed.sample(2, seed=1), five[:2])
    for adapted in (run, again):
        with pytest.raises(UserError, match=r"'nst' adapted no weights: .* Draw pictures with"):
            adapted.export(tmp_path / "serving")
    assert not (tmp_path / "serving").exists()


def test_a_damaged_adapter_is_refused(tiny_dcgan, pictures, tmp_path):
    wrong = Adapter.from_gans(
        tiny_dcgan,
        tiny_dcgan.clone(),
        method="nst",
        source_name="tiny",
        pictures=pictures.astype(np.float32),
    )
    wrong.save(tmp_path / "wrong.npz")
    with pytest.raises(UserError, match=r"wrong\.npz is damaged: its pictures"):
        tff.load_adapter(tmp_path / "wrong.npz", tiny_dcgan)


def test_a_dry_run_says_that_nothing_is_trained(tiny_dcgan, pictures):
    assert "nothing is trained" in description.describe(plan(tiny_dcgan, pictures, "nst"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("iterations", 0),
        ("pixel_learning_rate", 0.0),
        ("pixel_learning_rate", float("nan")),
        ("style_weight", -1.0),
        ("content_weight", float("inf")),
        ("iterations", 2.5),
    ],
)
def test_settings_that_cannot_be_are_refused(tiny_dcgan, pictures, setting, value):
    with pytest.raises(UserError, match=setting):
        plan(tiny_dcgan, pictures, "nst", **{setting: value})
