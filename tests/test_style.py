"""Neural style transfer: its losses by NumPy, and what it does to samples."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot import description
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.export.adapter import FORMAT
from tf_fewshot.export.container import write_container
from tf_fewshot.losses.style import content_loss, gram_matrices, style_loss
from tf_fewshot.methods.cells.style import StyleAndContent
from tf_fewshot.methods.cells.style_pictures import StylePictures
from tf_fewshot.methods.cells.style_transfer import StyleTransfer
from tf_fewshot.planning import plan
from tf_fewshot.weights import save_gan

from .network_checks import saving

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
            content = content_loss(tf.constant(layer), tf.constant(style))[row]
            np.testing.assert_allclose(content, 0.5 * np.sum((f - p) ** 2), rtol=1e-5)
            np.testing.assert_allclose(
                gram_matrices(tf.constant(style))[row], a / m, rtol=1e-5, atol=1e-6
            )
        grams = [gram_matrices(tf.constant(style)) for style in styles]
        style = style_loss([tf.constant(layer) for layer in layers], grams)[row]
        np.testing.assert_allclose(style, expected, rtol=1e-5)


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
    styled = transfer(samples, z)
    assert styled.dtype == np.uint8 and styled.shape == samples.shape
    wanted = pictures[transfer.chosen(z)]

    def floats(images):
        return tf.cast(images, tf.float32) / 127.5 - 1.0

    targets = transfer.targets(floats(samples), floats(wanted))
    before, after = (transfer.loss(floats(images), *targets) for images in (samples, styled))
    assert (after.numpy() < 0.5 * before.numpy()).all()
    away, closer = (np.abs(_means(images) - _means(wanted)) for images in (samples, styled))
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
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {"report.html", "samples.png", "source_samples.png", "interpolation.png"}
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
    # On the way from one latent to another all take the style of one picture.
    way = run.interpolate(3, seed=1)
    ends = run.gan.sample_latents(2, seed=1)
    style = StylePictures.kept_by(run.gan).transfer(run.gan.extension("style_pictures"))
    plain = tff.backbones.sampling.images_of(tiny_dcgan, ends)
    np.testing.assert_array_equal(way[[0, 2]], style(plain, ends[[0, 0]]))
    # The pictures are all that it adapted.
    ((path, kept),) = run.adapter.weights.items()
    assert path == "generator/style_pictures/pictures" and kept.dtype == np.uint8
    np.testing.assert_array_equal(kept, pictures)
    run.save(tmp_path / "mine.npz", half=True)
    again = tff.load_adapter(tmp_path / "mine.npz", tiny_dcgan)
    np.testing.assert_array_equal(again.adapter.weights[path], pictures)
    np.testing.assert_array_equal(again.sample(5, seed=1), five)
    # What is measured is what is drawn.
    measured = []
    monkeypatch.setattr(
        "tf_fewshot.adapted.evaluate",
        lambda sampler, reference, metrics, n, seed, *rest, **options: (
            measured.append(sampler(n, seed)) or []
        ),
    )
    again.evaluate(Pictures(pictures), n=5, seed=1)
    np.testing.assert_array_equal(measured[0], five)
    # The same command on the same folder.
    resumed = tff.adapt(tiny_dcgan, pictures, "nst", workdir=run.folder, seed=3, **QUICK)
    np.testing.assert_array_equal(resumed.sample(2, seed=1), five[:2])
    for adapted in (run, again):
        with pytest.raises(UserError, match=r"go through style transfer, .* Draw pictures with"):
            adapted.export(tmp_path / "serving")
    assert not (tmp_path / "serving").exists()


def as_once(source, pictures: np.ndarray, path) -> None:
    """Writes an adapter as earlier releases did: the pictures beside the weights."""
    settings = {"seed": 3, **StyleAndContent(iterations=3).__dict__}
    adapter = Adapter.from_gans(
        source, source.clone(), method="nst", source_name="tiny", settings=settings
    )
    fields = {f.name: getattr(adapter, f.name) for f in dataclasses.fields(adapter)}
    del fields["weights"]
    write_container(path, {"pictures": pictures}, {"format": FORMAT, **fields})


@pytest.mark.download
def test_adapters_of_earlier_releases_draw_as_they_did(tiny_dcgan, pictures, tmp_path):
    as_once(tiny_dcgan, pictures, tmp_path / "old.npz")
    old = tff.load_adapter(tmp_path / "old.npz", tiny_dcgan)
    transfer = StyleTransfer(StyleAndContent(iterations=3), pictures, seed=3)
    expected = transfer(tff.sample_images(tiny_dcgan, 2, seed=1), tiny_dcgan.sample_latents(2, 1))
    np.testing.assert_array_equal(old.sample(2, seed=1), expected)
    # It is written again as today's are.
    old.save(tmp_path / "new.npz")
    new = tff.load_adapter(tmp_path / "new.npz", tiny_dcgan)
    np.testing.assert_array_equal(new.sample(2, seed=1), expected)


def test_a_damaged_adapter_is_refused(tiny_dcgan, pictures, tmp_path):
    as_once(tiny_dcgan, pictures.astype(np.float32), tmp_path / "wrong.npz")
    with pytest.raises(UserError, match=r"wrong\.npz is damaged: its pictures"):
        tff.load_adapter(tmp_path / "wrong.npz", tiny_dcgan)


@saving
@pytest.mark.download
def test_style_is_part_of_files_of_the_generator(tiny_dcgan, pictures, tmp_path):
    run = tff.adapt(tiny_dcgan, pictures, "nst", workdir=tmp_path / "run", seed=3, **QUICK)
    expected = run.sample(2, seed=1)
    save_gan(run.gan, tmp_path / "gan.npz")
    np.testing.assert_array_equal(tff.sample_images(tff.load(tmp_path / "gan.npz"), 2, 1), expected)
    run.gan.generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(again.style_pictures.pictures, pictures)
    # Copies in another precision keep the pictures to the last bit.
    twin = run.gan.with_precision("mixed_bfloat16")
    np.testing.assert_array_equal(StylePictures.kept_by(twin).pictures, pictures)


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
