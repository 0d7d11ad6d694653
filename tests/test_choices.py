"""Latents that stand for choices: the layer that reads them, and a BigGAN that has it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_fewshot.backbones import BackboneError, build
from tf_fewshot.choices import Choices
from tf_fewshot.errors import UserError
from tf_fewshot.layers import ChoiceMap
from tf_fewshot.weights import load
from tf_fewshot.weights.native.gan_file import save_gan

SLOTS, QUANTILES, VARIANTS = (4, 3), 2, ((4, 3, 2), (2, 0, 1), (4, 3, 0))
THRESHOLDS = ((0.0, 0.25), (0.75, 0.0), (0.0, 0.0))
CHOICES = {
    "choice_slots": SLOTS,
    "choice_quantiles": QUANTILES,
    "choice_variants": VARIANTS,
    "choice_thresholds": THRESHOLDS,
}


def small(**changes):
    config = {
        "resolution": 16,
        "latent_dim": 12,
        "channels": [16, 16, 8],
        "attention": 0,
        "class_dim": 4,
        "num_classes": 3,
        "mapping": [9],
        "spectral_norm": False,
        **CHOICES,
    }
    return build("biggan", **{**config, **changes})


def expected(table: np.ndarray, z: np.ndarray, variants, thresholds=(0.0, 0.0)) -> np.ndarray:
    """The sum of the rows ``[F, units]`` of one class, as its definition has it."""
    total, row, component = table[0].astype(np.float64), 1, 0
    for size, count in zip(SLOTS, variants[:-1], strict=True):
        if count:
            weights = scipy.special.softmax(20.0 * z[component : component + count])
            total = total + weights @ table[row : row + count]
        row, component = row + size, component + size
    for threshold in thresholds[: variants[-1]]:
        if threshold:
            above = scipy.special.expit(20.0 * (z[component] - scipy.stats.norm.ppf(threshold)))
            total = total + (1.0 - above) * table[row] + above * table[row + 1]
            row, component = row + 8, component + 1
            continue
        position = scipy.stats.norm.cdf(z[component])
        knots = np.linspace(0.0, 1.0, 8)
        rows = table[row : row + 8]
        total = total + [np.interp(position, knots, column) for column in rows.T]
        row, component = row + 8, component + 1
    return total


def test_rows_of_choices_add_up():
    layer = ChoiceMap(Choices(SLOTS, QUANTILES, VARIANTS), 5, classes=3)
    layer.build((None, 12))
    z = np.random.default_rng(0).standard_normal((30, 12)).astype(np.float32)
    labels = np.arange(30) % 3
    told = layer(z, labels).numpy()
    table = 5.0 * layer.table()
    for row, one, label in zip(told, z, labels, strict=True):
        np.testing.assert_allclose(row, expected(table[label], one, VARIANTS[label]), atol=1e-5)
    # 1 + 4 + 3 + 2 · 8, 1 + 2 + 8 and 1 + 4 + 3 rows, and no more.
    assert layer.rows.shape == (24 + 11 + 8, 5)
    copy = ChoiceMap.from_config(layer.get_config())
    copy.build((None, 12))
    copy.rows.assign(layer.rows)
    np.testing.assert_array_equal(copy(z, labels), told)


def test_a_threshold_is_where_a_part_begins_to_be_left_out():
    choices = Choices(SLOTS, QUANTILES, VARIANTS, THRESHOLDS)
    layer = ChoiceMap(choices, 5, classes=3)
    layer.build((None, 12))
    z = np.random.default_rng(0).standard_normal((60, 12)).astype(np.float32)
    labels = np.arange(60) % 3
    told = layer(z, labels).numpy()
    table = 5.0 * layer.table()
    for row, one, label in zip(told, z, labels, strict=True):
        wanted = expected(table[label], one, VARIANTS[label], THRESHOLDS[label])
        np.testing.assert_allclose(row, wanted, atol=1e-5)
    # The second component of class 0 and the first of class 1 have two rows, not eight.
    assert layer.rows.shape == (24 - 6 + 11 - 6 + 8, 5)
    knots = table[0, 1 + 7 + 8 :]
    np.testing.assert_array_equal(knots[2:], np.repeat(knots[1:2], 6, 0))
    # Far from it a component says only on which side of it it lies.
    for below, above in ((-2.0, -1.5), (0.5, 2.0)):
        moved = np.repeat(z[:1], 2, 0)
        moved[:, 8] = below, above
        one, other = layer(moved, np.zeros(2, int)).numpy()
        np.testing.assert_allclose(one, other, atol=1e-4)
    copy = ChoiceMap.from_config(layer.get_config())
    copy.build((None, 12))
    copy.rows.assign(layer.rows)
    np.testing.assert_array_equal(copy(z, labels), told)


def test_arrays_of_choices_may_have_no_thresholds():
    """Files written before there were any are read."""
    choices = Choices(SLOTS, QUANTILES, VARIANTS).as_lists()
    arrays = choices.arrays()
    assert arrays["choice_thresholds"].shape == (0, 2)
    assert Choices.of_arrays(arrays) == choices
    del arrays["choice_thresholds"]
    assert Choices.of_arrays(arrays) == choices
    whole = np.zeros((3, 2), np.int32)
    with pytest.raises(UserError, match="choice_thresholds must be floats"):
        Choices.of_arrays({**arrays, "choice_thresholds": whole})


def test_rows_are_trained_by_the_pictures_that_choose_them():
    layer = ChoiceMap(Choices(SLOTS, QUANTILES, VARIANTS), 5, classes=3)
    layer.build((None, 12))
    z = tf.constant([[0.0, 3, 0, 0, 9, 9, 9, 0.0, 0, 0, 0, 0]])
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = tf.reduce_sum(layer(z, tf.constant([1])))
    gradient, of_z = (tf.convert_to_tensor(g) for g in tape.gradient(loss, [layer.rows.value, z]))
    # Class 1: constant, second variant of the first slot, the middle of the quantile.
    moved = np.flatnonzero(np.abs(gradient.numpy()).sum(1) > 1e-6) - 24
    assert moved.tolist() == [0, 2, 3 + 3, 3 + 4]
    assert of_z.numpy()[0, 4:7].tolist() == [0.0] * 3 and of_z.numpy()[0, 7] != 0


def test_a_class_stays_what_it_is_without_the_others(tmp_path):
    gan = small()
    z = gan.sample_latents(4, seed=0)
    for label in range(3):
        one = gan.with_one_class(label)
        assert one.config["choice_variants"] == [list(VARIANTS[label])]
        assert one.config["choice_thresholds"] == [list(THRESHOLDS[label])]
        images = gan.generate(z, np.full(4, label))
        np.testing.assert_allclose(one.generate(z), images, atol=1e-6)
    mean = gan.with_one_class("mean")
    rows = mean.variables_by_path()["generator/mapping0/rows"]
    np.testing.assert_allclose(rows, gan.generator.mapping[0].table().mean(0), atol=1e-6)
    save_gan(gan, tmp_path / "gan.npz")
    np.testing.assert_array_equal(load(tmp_path / "gan.npz").generate(z, [0, 1, 2, 0]),
                                  gan.generate(z, [0, 1, 2, 0]))  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"choice_slots": (), "choice_quantiles": 0}])
def test_pictures_are_fitted_behind_the_mapping_network(changes):
    if changes:
        changes = {**changes, "choice_variants": (), "choice_thresholds": (), "mapping": [7, 9]}
    gan = small(**changes).with_one_class(0)
    z = gan.sample_latents(4096, seed=0)
    free = np.asarray(gan.free_latents(z))
    assert gan.free_latent_dim == 9 and free.shape == (4096, 9)
    np.testing.assert_allclose(free.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(free.std(0), 1.0, atol=1e-4)
    np.testing.assert_allclose(gan.synthesize(free[:4]), gan.generate(z[:4]), atol=1e-5)
    np.testing.assert_array_equal(gan.drawn_latents(z), free)
    drawing = gan.with_latent_gaussian(4)
    drawing.fit_latents(free[:4], gan)
    again = drawing.latents_of_fitted(free[:4])
    np.testing.assert_allclose(drawing.generate(again), gan.generate(z[:4]), atol=5e-3)
    # What is drawn then lies where the pictures do, in the space that was fitted.
    mean = np.asarray(drawing.drawn_latents(np.zeros((1, gan.latent_dim), np.float32)))
    np.testing.assert_allclose(mean[0], free[:4].mean(0), atol=2e-3)
    stages = [stage.name for stage in drawing.generator_stages()]
    assert stages[:3] == ["mapping", "latent_gaussian", "G_linear"]
    staged = [v.path for stage in drawing.generator_stages() for v in stage.variables]
    assert sorted(staged) == sorted(v.path for v in drawing.generator.weights)


def test_a_generator_without_spectral_normalisation():
    """Its output is that of the kernels as they are."""
    gan = small()
    weights = gan.variables_by_path()
    assert not any(path.endswith("/u") for path in weights)
    z = gan.sample_latents(2, seed=0)
    before = gan.generator.activations(z, np.zeros(2, int))[0].numpy()
    kernel, bias = (weights[f"generator/G_linear/{name}"] for name in ("kernel", "bias"))
    told = gan.generator.told(z, np.zeros(2, int)).numpy()[:, :3]
    by_hand = (told @ kernel.numpy() + bias.numpy()).reshape(before.shape)
    np.testing.assert_allclose(before, by_hand, atol=1e-5)
    kernel.assign(2.0 * kernel)
    after = gan.generator.activations(z, np.zeros(2, int))[0].numpy()
    np.testing.assert_allclose(after, 2.0 * before, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mapping": []}, "give mapping at least one width"),
        ({"latent_dim": 8}, "The choices take 9 components, and latents have 8"),
        ({"choice_slots": [4, -1]}, "whole numbers from 0 on"),
        ({"choice_variants": [[4, 3, 2]]}, "a row for each of 3 classes, not 1"),
        ({"choice_variants": [[4, 4, 2]] * 3}, r"above \[4, 3, 2\], not \[4, 4, 2\]"),
        ({"choice_variants": [[4, 3]] * 3}, "must have 3 numbers"),
        ({"choice_thresholds": [[0.5, 0.0]]}, "choice_thresholds must have a row for each of 3"),
        ({"choice_thresholds": [[0.5]] * 3}, "must have 2 numbers from 0 to below 1"),
        ({"choice_thresholds": [[0.5, 1.0]] * 3}, "must have 2 numbers from 0 to below 1"),
        ({"choice_slots": [], "choice_quantiles": 0}, "choice_variants needs choice_slots"),
    ],
)
def test_choices_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(BackboneError, match=message):
        small(**changes)
