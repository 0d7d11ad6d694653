"""Sources that learn from pictures whose latents are known: drawing, reading, training."""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tf_fewshot as tff
from tf_fewshot import features, pretraining, weights
from tf_fewshot.backbones.biggan import family
from tf_fewshot.backbones.biggan.standing_statistics import accumulate_statistics
from tf_fewshot.choices import Choices
from tf_fewshot.data import avatar_latents, avatars
from tf_fewshot.data.avatar_latents import Kind, choices_of, draw_arrays, latent_of, layout
from tf_fewshot.data.load import load_pictures
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.losses.perceptual import LPIPSLoss
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.step import Step
from tf_fewshot.training.assemble import assemble

STYLE = "thumbs"


# Latents of avatars ---------------------------------------------------------------


def of_style():
    """The choices of the style with where each begins, and their layout."""
    choices, chosen = choices_of(STYLE), layout(choices_of(STYLE))
    *firsts, end = chosen.first
    slots, single = iter(firsts), itertools.count(end)
    first = {key: next(slots) if kind.variants else next(single) for key, kind in choices.items()}
    return choices, first, chosen


def test_every_choice_has_components_of_its_own():
    choices, first, chosen = of_style()
    places = [
        set(range(first[key], first[key] + max(1, len(kind.variants))))
        for key, kind in choices.items()
    ]
    assert sum(map(len, places)) == len(set.union(*places)) == chosen.size
    assert set.union(*places) == set(range(chosen.size))
    assert {bool(kind.variants) for kind in choices.values()} == {True, False}
    assert not any(key.startswith("animation") for key in choices)
    assert chosen.choice_slots == sorted(chosen.choice_slots, reverse=True)
    assert chosen.choice_variants == [[*chosen.choice_slots, chosen.choice_quantiles]]


def test_styles_share_components():
    """A slot is as large as the largest choice of a style that lies in it."""
    part, number = Kind((), 0.25), Kind()
    shared = layout(
        {"a": Kind("xyz"), "b": Kind("xy"), "c": part},
        {"d": Kind("xyzw"), "e": number, "f": part},
        {"g": number},
    )
    thresholds = [[0.25, 0.0], [0.0, 0.25], [0.0, 0.0]]
    assert shared == Choices([4, 2], 2, [[3, 2, 1], [4, 0, 2], [0, 0, 1]], thresholds)
    assert layout({"a": Kind("xyz"), "b": number}).choice_thresholds == []
    assert shared.size == 8
    assert Choices.of_arrays(shared.arrays()) == shared


@given(st.integers(0, 2_000_000))
@settings(max_examples=30)
def test_a_latent_says_what_was_chosen(seed):
    choices, first, chosen = of_style()
    z = latent_of(STYLE, seed, chosen)
    np.testing.assert_array_equal(z, latent_of(STYLE, seed, chosen))
    for key, (value, kind) in avatar_latents.decisions(STYLE, seed).items():
        variants = choices[key].variants
        part = z[first[key] : first[key] + max(1, len(variants))]
        if kind.variants:
            assert variants[int(part.argmax())] == value
        else:
            quantile = scipy.stats.norm.cdf(part[0])
            assert quantile == pytest.approx(np.clip(value, 1e-4, 1 - 1e-4), abs=1e-5)


def test_what_decides_is_told_from_numbers():
    """Parts have thresholds, numbers that go in steps and unequal weights are variants."""
    kinds = choices_of("avataaars")
    assert kinds["accessoriesProbability"] == Kind((), 0.1)
    assert sorted(map(float, choices_of("patchwork")["block01Rotate"].variants)) == [
        0.0,
        90.0,
        180.0,
        270.0,
    ]
    shapes = choices_of("shapes")
    assert len(shapes["shape01Variant"].variants) == 4  # of seven, three of which weigh nothing
    assert shapes["shape01Rotate"] == Kind()
    assert "bodyVariant" not in choices_of("stripes")  # only one weighs anything


def test_below_a_threshold_there_is_a_part():
    shown = []
    for seed in range(60):
        decided = avatar_latents.decisions("avataaars", seed)
        value, kind = decided["accessoriesProbability"]
        shown.append(value < kind.threshold)
        assert ("accessoriesVariant" in decided) == shown[-1]
    assert {True, False} == set(shown)


def test_latents_of_avatars_are_normally_distributed():
    chosen = layout(choices_of(STYLE))
    # Four components that no choice of this style takes.
    chosen = dataclasses.replace(chosen, choice_quantiles=chosen.choice_quantiles + 4)
    z = np.stack([latent_of(STYLE, seed, chosen) for seed in range(600)])
    for component in z.T:
        assert scipy.stats.kstest(component, "norm").pvalue > 1e-4
    correlations = np.corrcoef(z.T) - np.eye(chosen.size)
    assert np.abs(correlations).max() < 5 / np.sqrt(600)


def test_styles_are_drawn_as_classes(tmp_path):
    arrays = draw_arrays(["rings", STYLE], 5, 3, 16, latents=True)
    shared = layout(choices_of("rings"), choices_of(STYLE))
    assert arrays["labels"].tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(arrays["latents"][4], latent_of(STYLE, 6, shared))
    with Image.open(io.BytesIO(avatars.draw(STYLE, 6, 16))) as image:
        np.testing.assert_array_equal(arrays["images"][4], np.asarray(image.convert("RGB")))
    np.savez(tmp_path / "drawings.npz", allow_pickle=False, **arrays)
    pictures = load_pictures(tmp_path / "drawings.npz", 16)
    np.testing.assert_array_equal(pictures.images, arrays["images"])
    np.testing.assert_array_equal(pictures.latents, arrays["latents"])
    assert pictures.choices == pictures.select([0]).choices == shared
    assert set(draw_arrays(["rings"], 0, 2, 16)) == {"images", "labels"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice_variants": None}, "missing: choice_variants"),
        ({"choice_slots": np.array([1.5])}, "must be whole numbers"),
        ({"choice_variants": np.array([[1, 1, 1]])}, "must have 2 numbers"),
        ({"choice_variants": np.array([[3, 1]])}, r"above \[2, 1\], not \[3, 1\]"),
        ({"choice_quantiles": np.array(3)}, "has choices of 5 components, and no such latents"),
    ],
)
def test_choices_that_do_not_fit_are_refused(changes, message, tmp_path):
    arrays = {
        "images": np.zeros((4, 8, 8, 3), np.uint8),
        "latents": np.zeros((4, 4), np.float32),
        **Choices((2,), 1, ((2, 1),)).arrays(),
        **changes,
    }
    arrays = {name: array for name, array in arrays.items() if array is not None}
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    with pytest.raises(UserError, match=message):
        load_pictures(tmp_path / "a.npz", 8)


# Pictures with latents ------------------------------------------------------------


def test_latents_stay_with_their_pictures(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    latents = np.arange(8.0).reshape(4, 2)
    np.savez(tmp_path / "a.npz", images=images, latents=latents)
    pictures = load_pictures(tmp_path / "a.npz", 8)
    assert pictures.latents.dtype == np.float32
    np.testing.assert_array_equal(pictures.select([2, 0]).latents, latents[[2, 0]])
    np.testing.assert_array_equal(pictures.take(3).resized(4).latents, latents[:3])
    shuffled = load_pictures(tmp_path / "a.npz", 16, limit=2, shuffle_seed=1)
    for image, latent in zip(shuffled.images, shuffled.latents, strict=True):
        (number,) = [i for i in range(4) if np.array_equal(images[i], image)]
        np.testing.assert_array_equal(latent, latents[number])
    assert (
        load_pictures(tmp_path / "a.npz", 8).fingerprint()
        == Pictures(pictures.images).fingerprint()
    )


@pytest.mark.parametrize("latents", [np.zeros((3, 2)), np.zeros(4), np.zeros((4, 2), int)])
def test_latents_that_do_not_fit_are_refused(latents, tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 8, 8, 3), np.uint8), latents=latents)
    with pytest.raises(UserError, match="must be floats, a row a picture"):
        load_pictures(tmp_path / "a.npz", 8)


def test_a_run_is_one_of_its_latents():
    """Of other latents of the same pictures it is another; without any it is what it always was."""
    images = np.zeros((2, 8, 8, 3), np.uint8)
    one, other = (Pictures(images, latents=np.full((2, 3), v, np.float32)) for v in (0, 1))
    assert one.identity() != other.identity()
    assert Pictures(images).identity() == {"data_fingerprint": one.fingerprint()}
    assert one.identity().items() >= Pictures(images).identity().items()


# Training -------------------------------------------------------------------------


def test_pictures_without_latents_or_with_others_are_refused(tiny_dcgan, tiny_pictures):
    gan = tiny_dcgan
    with pytest.raises(UserError, match=r"whose latents are known, and .* has none: give an .npz"):
        tff.adapt(gan, tiny_pictures, "known_latents", workdir=tiny_pictures.parent / "run")
    assert not (tiny_pictures.parent / "run").exists()
    images = np.zeros((4, 16, 16, 3), np.uint8)
    pictures = Pictures(images, latents=np.zeros((4, 5), np.float32))
    with pytest.raises(UserError, match="have 5 numbers, those of the GAN 8"):
        tff.adapt(gan, pictures, "known_latents", workdir=tiny_pictures.parent / "run")


def drawings(path, n=48, classes=2):
    """A rectangle a picture: its place, one of three, and its colour are the latent."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, 6)).astype(np.float32)
    labels = np.arange(n) % classes
    images = np.zeros((n, 16, 16, 3), np.uint8)
    for image, latent, label in zip(images, z, labels, strict=True):
        left = 5 * int(latent[: 3 - label].argmax())
        image[4 * label : 4 * label + 12, left : left + 6] = 127 + 120 * np.tanh(latent[3:6])
    choices = Choices((3,), 3, ((3, 3), (2, 3)))
    arrays = {"images": images, "labels": labels, "latents": z, **choices.arrays()}
    np.savez(path, allow_pickle=False, **arrays)
    return images, labels, z


CONFIG = {
    "architecture": "biggan",
    "method": "known_latents",
    "model": {
        "resolution": 16,
        "channels": [16, 16, 8],
        "attention": 0,
        "class_dim": 4,
        "num_classes": 2,
        "mapping": [9],
        "spectral_norm": False,
    },
    "growths": [(16, 640, 0, 0.0, 0.5)],
    "batch_size": 16,
    "learning_rate": 0.01,
    "snapshot_images": 640,
    "ema_images": 50,
}


@pytest.mark.large
@pytest.mark.download
def test_a_source_learns_what_latents_mean_and_gets_a_discriminator_later(tmp_path, monkeypatch):
    few = functools.partial(accumulate_statistics, batches=5)
    monkeypatch.setattr(family, "accumulate_statistics", few)
    images, labels, z = drawings(tmp_path / "drawings.npz")
    plan = pretraining.plan(CONFIG, tmp_path / "drawings.npz", precision="float32")
    source = pretraining.pretrain(plan, tmp_path / "first")
    gan = weights.load(source)
    assert gan.discriminator is None
    said = (
        "The pictures say the model's choice_quantiles, choice_slots, choice_variants, latent_dim."
    )
    assert said in (tmp_path / "first" / "log.txt").read_text("utf-8")
    assert (gan.config["latent_dim"], gan.config["choice_slots"]) == (6, [3])
    assert gan.config["choice_variants"] == [[3, 3], [2, 3]]
    expected = images / 127.5 - 1.0

    def error(latents, of_labels):
        return np.abs(np.asarray(gan.generate(latents, of_labels)) - expected).mean()

    learned = error(z, labels)
    assert learned < 0.75 * error(np.roll(z, 2, 0), labels)
    assert learned < 0.75 * error(z, 1 - labels)
    again = {
        **CONFIG,
        "method": "known_latents_game",
        "model": {
            **CONFIG["model"],
            "discriminator_widths": [8, 8, 8],
            "discriminator_spectral_norm": False,
        },
        "growths": [(16, 320, 0, 1.0, 1.0)],
        "learning_rate": 0.001,
    }
    plan = pretraining.plan(again, tmp_path / "drawings.npz", precision="float32", start=source)
    whole = plan.start
    assert whole is not None and whole.discriminator is not None
    assert whole.discriminator(images[:2] / 127.5 - 1.0, labels[:2]).shape == (2, 1)
    np.testing.assert_array_equal(whole.generate(z, labels), gan.generate(z, labels))
    assert plan.images_before == 640
    assert not any("/u" in v.path for v in whole.discriminator.variables)
    begun = [v.numpy() for v in whole.discriminator.trainable_variables]
    gan = weights.load(pretraining.pretrain(plan, tmp_path / "again"))
    moved = zip(begun, gan.discriminator.trainable_variables, strict=True)
    # What is added to every logit drops out of differences.
    still = [v.path for before, v in moved if (before == v.numpy()).all()]
    assert len(still) == 1 and still[0].endswith("linear/bias")
    # Against a discriminator alone the same latents would soon draw other pictures.
    assert error(z, labels) < 1.1 * learned
    assert gan.source_metadata["images_seen"] == 960


@pytest.mark.download
def test_likeness_of_image_and_picture(tiny_dcgan):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    known = rng.standard_normal((4, tiny_dcgan.latent_dim)).astype(np.float32)
    problem = Problem(tiny_dcgan, None, images, 2, 0, known_latents=known)
    method = tff.methods.get("known_latents_game")
    assert method.trained_through == ("alexnet",)
    pictures = tf.constant(images[2:] / 127.5 - 1.0, tf.float32)

    def of(**settings):
        generator, *_ = assemble(method.with_settings(**settings), problem).players
        return generator.loss(Step(tf.constant(0), tf.constant([2, 3]), pictures))

    total, numbers = of(likeness_weight=3.0)
    made = tiny_dcgan.generator(known[2:], training=True)
    made = tf.clip_by_value(made, -1.0, 1.0)
    pixels = float(tf.reduce_mean(tf.abs(made - pictures)))
    perceptual = float(LPIPSLoss()(made, pictures, None)[0])
    assert float(numbers["pixels"]) == pytest.approx(pixels, rel=1e-4)
    assert float(numbers["perceptual"]) == pytest.approx(perceptual, rel=1e-4)
    expected = float(numbers["loss"]) + 3.0 * (pixels + perceptual)
    assert float(total) == pytest.approx(expected, rel=1e-4)
    # Each image is judged against the picture of the same latent.
    logits = [tiny_dcgan.discriminator(shown, training=True) for shown in (pictures, made)]
    against = float(tf.reduce_mean(tf.nn.softplus(logits[0] - logits[1])))
    assert float(numbers["loss"]) == pytest.approx(against, rel=1e-4)


@pytest.mark.download
def test_heads_compare_each_image_with_its_picture(tiny_dcgan):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    known = rng.standard_normal((4, tiny_dcgan.latent_dim)).astype(np.float32)
    problem = Problem(tiny_dcgan, None, images, 4, 0, known_latents=known)
    method = tff.methods.get("known_latents_game").with_settings(feature_weight=2.0)
    generator, own, heads = assemble(method, problem).players
    assert (own.name, heads.name) == ("discriminator", "features")
    pictures = tf.constant(images / 127.5 - 1.0, tf.float32)

    def step():
        return Step(tf.constant(0), tf.range(4), pictures)

    numbers = generator.loss(step())[1]
    of_heads = heads.loss(step())[1]
    # What it costs either side when nothing can be told.
    for number in (numbers["features"], of_heads["loss"]):
        assert float(number) == pytest.approx(np.log(2.0), abs=0.1)
    for _ in range(20):
        with tf.GradientTape() as tape:
            total, _ = heads.loss(step())
        for variable, gradient in zip(
            heads.variables, tape.gradient(total, [v.value for v in heads.variables]), strict=True
        ):
            variable.assign_sub(0.1 * gradient)
    assert float(heads.loss(step())[1]["loss"]) < float(of_heads["loss"]) - 0.01
    assert float(generator.loss(step())[1]["features"]) > float(numbers["features"])


@pytest.mark.download
def test_lpips_as_a_loss():
    rng = np.random.default_rng(0)
    x, y = (tf.constant(rng.uniform(-1, 1, (3, 40, 40, 3)), tf.float32) for _ in range(2))
    weighted, plain = LPIPSLoss(0.5)(x, y, None)
    enlarged = [tf.image.resize(images, (96, 96)) for images in (x, y)]
    expected = float(tf.reduce_mean(features.lpips("alex")(*enlarged)))
    assert float(plain) == pytest.approx(expected, rel=1e-4)
    assert float(weighted) == pytest.approx(0.5 * expected, rel=1e-4)
    assert float(LPIPSLoss()(x, x, None)[0]) == 0.0
    method = tff.methods.get("update_all")
    assert method.trained_through == ("vgg16",)
    assert method.with_settings(perceptual_network="alexnet").trained_through == ("alexnet",)
