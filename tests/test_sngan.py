"""SNGAN against the original's layers in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tf_fewshot.backbones import BackboneError, build
from tf_fewshot.backbones.sngan.config import default_halvings, default_widths
from tf_fewshot.layers import SpectralConv2D, SpectralDense, SpectralEmbedding
from tf_fewshot.layers.spectral import power_step as our_power_step
from tf_fewshot.weights import load_gan, save_gan

from .chainer_sngan import (
    DISCRIMINATOR,
    GENERATOR,
    LAYOUTS,
    SMALL,
    arrays_of_both,
    discriminator_arrays,
    files,
    generator_arrays,
    labels_of,
    loaded,
    normalised,
    oracle_discriminator,
    oracle_generator,
    power_step,
    settled,
)
from .network_checks import check_keras_files, saving

# What is computed -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_networks_compute_what_the_original_computes(name, tmp_path):
    layout = LAYOUTS[name]
    g, d, gan = loaded(tmp_path, layout)
    z, label = gan.sample_latents(3, seed=1), labels_of(layout)
    expected = oracle_generator(g, z, label)
    assert expected.std() > 0.1
    images = np.asarray(gan.generate(z, label))
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
    logits = oracle_discriminator(d, images, layout["halvings"], label)
    assert np.ptp(logits) > 1e-2
    our_logits = gan.discriminator(images, label)
    assert our_logits.dtype == tf.float32
    np.testing.assert_allclose(our_logits, logits, rtol=0, atol=1e-4)
    resolution = 2 * 2 ** len(layout["widths"])
    assert gan.image_shape == (resolution, resolution, 3)
    assert gan.config["halvings"] == layout["halvings"]
    assert gan.num_classes == layout["classes"]


def test_training_normalises_by_the_batch_and_moves_the_statistics(tmp_path):
    g, _, gan = loaded(tmp_path)
    z, label = gan.sample_latents(4, seed=1), np.array([0, 1, 2, 1])
    images = np.asarray(gan.generator(z, label, training=True))
    np.testing.assert_allclose(
        images, oracle_generator(g, z, label, training=True), rtol=0, atol=1e-4
    )
    first = (np.asarray(z, np.float64) @ g["l1/W"].T + g["l1/b"]).reshape(4, 6, 16)
    variables = gan.variables_by_path()
    for theirs, ours, batch in (
        ("avg_mean", "moving_mean", first.mean((0, 2))),
        # As Chainer: without the bias of a sample's variance.
        ("avg_var", "moving_variance", first.var((0, 2), ddof=0) * 64 / 63),
    ):
        expected = 0.9 * g[f"block2/b1/{theirs}"] + 0.1 * batch
        statistic = variables[f"generator/block2/b1/{ours}"].numpy()
        np.testing.assert_allclose(statistic, expected, rtol=1e-5)
    frozen = gan.fingerprint()
    gan.generator(z, label)
    gan.generator.trainable = False
    stored = gan.generator(z, label, training=True)
    np.testing.assert_array_equal(stored, gan.generator(z, label))
    assert gan.fingerprint() == frozen


def test_training_moves_every_u_by_one_power_step(tmp_path):
    _, d, gan = loaded(tmp_path)
    images, label = np.zeros((2, 16, 16, 3), np.float32), np.array([0, 1])
    before = gan.fingerprint("discriminator")
    gan.discriminator(images, label)
    gan.discriminator.trainable = False
    gan.discriminator(images, label, training=True)
    assert gan.fingerprint("discriminator") == before
    gan.discriminator.trainable = True
    gan.discriminator(images, label, training=True)
    variables = gan.variables_by_path()
    paths = {"l4": "l4/linear", "l_y": "l4/projection"}
    for name in [n.removesuffix("/u") for n in d if n.endswith("/u")]:
        _, u = power_step({k: v.astype(np.float64) for k, v in d.items()}, name)
        moved_u = variables[f"discriminator/{paths.get(name, name)}/u"].numpy()
        np.testing.assert_allclose(moved_u, u, atol=1e-5)


def directions(arrays, seed):
    """A random direction in all trained arrays; nothing in the others."""
    rng = np.random.default_rng(seed)
    fixed = ("/u", "/avg_mean", "/avg_var", "/N")
    return {
        name: np.zeros_like(value)
        if name.endswith(fixed)
        else rng.standard_normal(value.shape).astype(np.float32)
        for name, value in arrays.items()
    }


def slope(function, arrays, direction, step=1e-6):
    def at(t):
        return function({k: v.astype(np.float64) + t * direction[k] for k, v in arrays.items()})

    return (at(step) - at(-step)) / (2 * step)


def slope_by_tape(tape, total, network, direction):
    gradients = tape.gradient(total, network.trainable_variables)
    along = {v.path: v.numpy() for v in direction.trainable_variables}
    return sum(
        np.sum(np.asarray(g, np.float64) * along[v.path])
        for g, v in zip(gradients, network.trainable_variables, strict=True)
    )


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_the_generator_are_those_of_finite_differences(training, tmp_path):
    g, d, gan = loaded(tmp_path)
    z, label = gan.sample_latents(3, seed=2), np.array([2, 0, 2])
    weights = np.random.default_rng(3).standard_normal((3, 16, 16, 3))
    for seed in range(2):
        direction = directions(g, seed)
        (tmp_path / str(seed)).mkdir()
        along = tff.load(files(tmp_path / str(seed), direction, d)).generator
        with tf.GradientTape() as tape:
            images = gan.generator(z, label, training=training)
            total = tf.reduce_sum(images * weights.astype(np.float32))
        expected = slope(
            lambda a: np.sum(oracle_generator(a, z, label, training) * weights), g, direction
        )
        by_tape = slope_by_tape(tape, total, gan.generator, along)
        assert by_tape == pytest.approx(expected, rel=2e-3, abs=1e-2)


def test_gradients_of_the_discriminator_are_those_of_finite_differences(tmp_path):
    """With ``u`` at the singular vector, where holding it fixed makes no difference."""
    g, d = arrays_of_both()
    d = settled(d)
    gan = tff.load(files(tmp_path, g, d))
    images = np.random.default_rng(3).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    label = np.array([0, 2, 1])
    for seed in range(2):
        direction = directions(d, seed)
        (tmp_path / str(seed)).mkdir()
        along = tff.load(files(tmp_path / str(seed), g, direction)).discriminator
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(gan.discriminator(images, label))
        expected = slope(lambda a: oracle_discriminator(a, images, 3, label).sum(), d, direction)
        by_tape = slope_by_tape(tape, total, gan.discriminator, along)
        assert by_tape == pytest.approx(expected, rel=2e-3, abs=1e-3)
    x, move = tf.constant(images), np.random.default_rng(4).standard_normal(images.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(gan.discriminator(x, label))
    expected = slope(
        lambda a: oracle_discriminator(d, a["x"], 3, label).sum(), {"x": images}, {"x": move}
    )
    by_tape = np.sum(np.asarray(tape.gradient(total, x), np.float64) * move)
    assert by_tape == pytest.approx(expected, rel=2e-3, abs=1e-3)


# Spectral normalisation ---------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 7),
    out=st.integers(1, 7),
    form=st.sampled_from(["outside", "inside", "least"]),
    epsilon=st.sampled_from([1e-12, 1e-4]),
)
def test_one_power_step(seed, rows, out, form, epsilon):
    rng = np.random.default_rng(seed)
    w, u = rng.standard_normal((rows, out)), rng.standard_normal((1, out))

    def unit(x):
        squares = (x**2).sum()
        lengths = {
            "outside": np.sqrt(squares) + epsilon,
            "inside": np.sqrt(squares + epsilon),
            "least": max(np.sqrt(squares), epsilon),
        }
        return x / lengths[form]

    v = unit(u @ w.T)
    after = unit(v @ w)
    sigma, next_u, next_v = our_power_step(
        tf.constant(w, tf.float32), tf.constant(u, tf.float32), epsilon, form
    )
    np.testing.assert_allclose(next_v, v, atol=2e-3)
    assert float(sigma) == pytest.approx(float(np.sum(v @ w * after)), rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(next_u, after, atol=2e-3)
    assert float(sigma) <= np.linalg.norm(w, 2) * (1 + 1e-5)


def test_many_steps_find_the_spectral_norm():
    options = {"epsilon": 1e-12, "form": "inside"}
    dense, conv, table = (
        SpectralDense(4, **options),
        SpectralConv2D(5, 3, **options),
        SpectralEmbedding(4, 6, **options),
    )
    for layer, x in (
        (dense, np.ones((2, 6), np.float32)),
        (conv, np.ones((2, 4, 4, 3), np.float32)),
        (table, np.array([1, 3])),
    ):
        layer(x)
        for _ in range(150):
            layer.normalised_kernel(training=True)
        kernel = layer.normalised_kernel().numpy()
        assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) == pytest.approx(1, abs=1e-3)
        raw = layer.kernel.numpy()
        np.testing.assert_allclose(kernel * (raw.ravel()[0] / kernel.ravel()[0]), raw, rtol=1e-4)
        back = type(layer).from_config(layer.get_config())
        back.build(x.shape)
        for mine, theirs in zip(layer.weights, back.weights, strict=True):
            theirs.assign(mine)
        np.testing.assert_array_equal(back(x), layer(x))


def test_the_epsilon_has_its_place():
    """At a weight as small as the epsilon's root the two conventions differ much."""
    w = tf.constant([[1e-2, 0.0], [0.0, 1e-3]])
    u = tf.constant([[1.0, 0.0]])
    plain, _, _ = our_power_step(w, u, 1e-4, "outside")
    within, _, _ = our_power_step(w, u, 1e-4, "inside")
    least, _, _ = our_power_step(w, u, 1e-4, "least")
    x = 1e-2
    v = x / (x + 1e-4)
    assert float(plain) == pytest.approx(v * x * v * x / (v * x + 1e-4), rel=1e-4)
    v = x / np.sqrt(x**2 + 1e-4)
    assert float(within) == pytest.approx(v * x * v * x / np.sqrt((v * x) ** 2 + 1e-4), rel=1e-4)
    assert float(least) == pytest.approx(x, rel=1e-6)
    tiny, _, _ = our_power_step(w * 1e-3, u, 1e-4, "least")
    v = x * 1e-3 / 1e-4
    assert float(tiny) == pytest.approx(v * x * 1e-3 * v * x * 1e-3 / 1e-4, rel=1e-4)
    np.testing.assert_allclose(normalised(np.array([3.0, 4.0])), [0.6, 0.8])


def test_a_pair_of_vectors_is_kept():
    """As PyTorch's own: inference divides by what is stored, and training by a new step."""
    layer = SpectralConv2D(5, 3, epsilon=1e-4, form="least", pair=True)
    x = np.ones((2, 4, 4, 3), np.float32)
    layer(x)
    assert (layer.u.shape, layer.v.shape) == ((1, 5), (1, 27))
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((1, 5)), rng.standard_normal((1, 27))
    layer.u.assign(u)
    layer.v.assign(v)
    matrix = layer.kernel.numpy().astype(np.float64).reshape(27, 5)
    sigma = (v @ matrix @ u.T).item()
    for kernel in (layer.normalised_kernel(), layer.normalised_kernel(training=False)):
        np.testing.assert_allclose(kernel.numpy().reshape(27, 5), matrix / sigma, rtol=1e-5)
    layer.trainable = False
    frozen = layer.normalised_kernel(training=True).numpy()
    np.testing.assert_allclose(frozen.reshape(27, 5), matrix / sigma, rtol=1e-5)
    np.testing.assert_allclose(layer.u, u, rtol=1e-6)
    layer.trainable = True
    v = u @ matrix.T
    v /= np.linalg.norm(v)
    u = v @ matrix
    sigma = np.linalg.norm(u)
    kernel = layer.normalised_kernel(training=True).numpy()
    np.testing.assert_allclose(kernel.reshape(27, 5), matrix / sigma, rtol=1e-5)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    np.testing.assert_allclose(layer.u, u / sigma, atol=1e-6)
    again = layer.normalised_kernel().numpy()
    np.testing.assert_allclose(again, kernel, rtol=1e-5)
    back = SpectralConv2D.from_config(layer.get_config())
    assert (back.pair, back.form) == (True, "least")
    older = {k: v for k, v in layer.get_config().items() if k not in ("form", "pair")}
    assert SpectralConv2D.from_config({**older, "inside": True}).form == "inside"
    with pytest.raises(ValueError, match="form must be one of outside, inside, least"):
        SpectralConv2D(5, 3, form="beside")


# One class, scale and shift -----------------------------------------------------------------------


def test_a_class_goes_on_as_the_only_one(tmp_path):
    _, _, gan = loaded(tmp_path)
    z = gan.sample_latents(3, seed=0)
    label = np.full(3, 1)
    images = np.asarray(gan.generate(z, label))
    before = gan.fingerprint(), gan.fingerprint("discriminator")
    one = gan.with_one_class(1)
    assert (one.num_classes, [e.name for e in one.extensions]) == (0, ["one_class"])
    np.testing.assert_allclose(one.generate(z), images, atol=1e-6)
    logits = np.asarray(gan.discriminator(images, label))
    np.testing.assert_allclose(one.discriminator(images), logits, atol=1e-4)
    added = set(one.variables_by_path()) - set(gan.variables_by_path())
    assert {p.rpartition("/")[2] for p in added} == {"class_gamma", "class_beta", "class_vector"}
    assert all(one.variables_by_path()[p].trainable for p in added)
    # As BSA's code has it: new pairs on top of those of a class.
    both = one.with_scale_shift()
    np.testing.assert_allclose(both.generate(z), images, atol=1e-6)
    assert both.extension("one_class")
    assert one.with_one_class("identity") is one
    assert before == (gan.fingerprint(), gan.fingerprint("discriminator"))
    save_gan(both, tmp_path / "mine.npz")
    back = load_gan(tmp_path / "mine.npz")
    np.testing.assert_array_equal(back.generate(z), both.generate(z))


def test_the_identity_resets_the_tables_and_what_a_class_adds(tmp_path):
    g, d, gan = loaded(tmp_path)
    one = gan.with_one_class("identity")
    for name, value in g.items():
        if name.endswith("gammas/W"):
            value[:] = 1
        if name.endswith("betas/W"):
            value[:] = 0
    z = gan.sample_latents(2, seed=0)
    images = np.asarray(one.generate(z))
    np.testing.assert_allclose(images, oracle_generator(g, z, [0, 0]), atol=1e-4)
    d.pop("l_y/W")
    expected = oracle_discriminator(d, images, 3, [0, 0])
    np.testing.assert_allclose(one.discriminator(images), expected, atol=1e-4)


def test_the_mean_of_all_classes(tmp_path):
    g, d, gan = loaded(tmp_path)
    one = gan.with_one_class()
    for name, value in g.items():
        if name.endswith(("gammas/W", "betas/W")):
            value[:] = value.mean(0)
    z = gan.sample_latents(2, seed=0)
    images = np.asarray(one.generate(z))
    np.testing.assert_allclose(images, oracle_generator(g, z, [0, 0]), atol=1e-4)
    expected = np.mean([oracle_discriminator(d, images, 3, [k, k]) for k in range(3)], 0)
    np.testing.assert_allclose(one.discriminator(images), expected, atol=1e-4)


def test_one_class_without_discriminator(tmp_path):
    gan = tff.load(files(tmp_path, arrays_of_both()[0]))
    assert gan.discriminator is None
    assert gan.with_one_class(2).with_scale_shift().discriminator is None
    assert gan.discriminator_stages() == []


@pytest.mark.parametrize("start", [3, -1, True, "first", 1.5])
def test_classes_that_are_not_there(start, tmp_path):
    gan = tff.load(files(tmp_path, arrays_of_both()[0]))
    with pytest.raises(BackboneError, match="class"):
        gan.with_one_class(start)


@pytest.mark.parametrize("classes", [0, 3])
def test_scale_and_shift_follow_every_hidden_layer_but_the_last(classes, tmp_path):
    layout = {**SMALL, "classes": classes}
    g, _, gan = loaded(tmp_path, layout)
    z, label = gan.sample_latents(3, seed=0), labels_of(layout)
    adapted = gan.with_scale_shift()
    np.testing.assert_array_equal(adapted.generate(z, label), gan.generate(z, label))
    roles = adapted.scale_shift_roles()
    names = ["l1", "block2/b1", "block2/b2", "block3/b1", "block3/b2"]
    assert [r.layer for r in roles] == names
    assert [r.gammas[0].shape[0] for r in roles] == [6, 6, 5, 5, 4]
    rng, pairs = np.random.default_rng(0), {}
    for role in roles:
        (gamma,), (beta,) = role.gammas, role.betas
        pairs[role.layer] = (rng.uniform(0.5, 2, gamma.shape), rng.normal(0, 0.5, beta.shape))
        gamma.assign(pairs[role.layer][0])
        beta.assign(pairs[role.layer][1])
    expected = oracle_generator(g, z, label, scale_shift=pairs)
    np.testing.assert_allclose(adapted.generate(z, label), expected, rtol=0, atol=1e-4)
    own = gan.own_scale_shift_roles()
    assert [r.layer for r in own] == names[1:]
    shape = (3, 6) if classes else (6,)
    assert tuple(own[0].gammas[0].shape) == tuple(own[0].betas[0].shape) == shape
    with pytest.raises(BackboneError, match="with_scale_shift"):
        gan.scale_shift_roles()


def test_scale_and_shift_of_the_discriminator(tmp_path):
    _, d, gan = loaded(tmp_path)
    images, label = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)), np.array([2, 0])
    adapted = gan.with_discriminator_scale_shift()
    before = np.asarray(gan.discriminator(images, label))
    np.testing.assert_array_equal(adapted.discriminator(images, label), before)
    rng, pairs = np.random.default_rng(1), {}
    for role in adapted.discriminator_scale_shift_roles():
        (gamma,), (beta,) = role.gammas, role.betas
        pairs[role.layer] = (rng.uniform(0.5, 2, gamma.shape), rng.normal(0, 0.5, beta.shape))
        gamma.assign(pairs[role.layer][0])
        beta.assign(pairs[role.layer][1])
    assert sorted(pairs) == [f"block{n}/c{i}" for n in (1, 2, 3) for i in (1, 2)]
    expected = oracle_discriminator(d, images, 3, label, pairs)
    np.testing.assert_allclose(adapted.discriminator(images, label), expected, atol=1e-4)
    with pytest.raises(BackboneError, match="with_discriminator_scale_shift"):
        gan.discriminator_scale_shift_roles()


def test_a_miner_comes_before_everything(tmp_path):
    gan = loaded(tmp_path)[2]
    mined, z = gan.with_miner([7]), gan.sample_latents(2, seed=0)
    assert [s.name for s in mined.generator_stages()][:2] == ["miner", "l1"]
    assert [s.name for s in mined.synthesis_stages()] == ["l1", "block2", "block3", "l4"]
    label = np.array([0, 2])
    images = mined.generate(z, label)
    np.testing.assert_array_equal(gan.generate(mined.generator.miner(z), label), images)
    assert len(mined.miner_variables()) == 4
    staged = [v.path for s in mined.generator_stages() for v in s.variables]
    assert sorted(staged) == sorted(v.path for v in mined.generator.weights)


# The network as a whole --------------------------------------------------------------------------


@saving
@pytest.mark.parametrize("one_class", [False, True])
def test_networks_survive_a_keras_file(one_class, tmp_path):
    gan = loaded(tmp_path)[2]
    gan = (gan.with_one_class(1) if one_class else gan).with_scale_shift()
    check_keras_files(gan, tmp_path, None if one_class else tf.constant([0, 2]))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_near(dtype, tmp_path):
    gan = loaded(tmp_path)[2]
    half = gan.with_precision(dtype)
    z, label = gan.sample_latents(3, seed=0), labels_of(SMALL)
    images = half.generate(z, label)
    logits = half.discriminator(images, label)
    assert images.dtype == logits.dtype == tf.float32
    difference = np.abs(np.asarray(images) - gan.generate(z, label))
    assert 0 < difference.max() < 0.2
    assert difference.mean() < 0.02
    whole = np.asarray(gan.discriminator(images, label))
    np.testing.assert_allclose(logits, whole, atol=0.05 * np.abs(whole).max())


@pytest.mark.large
def test_a_graph_trains_both_networks(tmp_path):
    gan = loaded(tmp_path)[2].with_precision("mixed_bfloat16")
    optimizer = keras.optimizers.Adam(1e-3, 0.0, 0.9)
    variables = gan.generator.trainable_variables + gan.discriminator.trainable_variables

    @tf.function
    def step(z, label):
        with tf.GradientTape() as tape:
            images = gan.generator(z, label, training=True)
            loss = tf.reduce_mean(gan.discriminator(images, label, training=True))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    before = gan.fingerprint(), gan.fingerprint("discriminator")
    losses = [float(step(gan.sample_latents(4, seed=0), tf.constant([0, 1, 2, 1]))) for _ in "12"]
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]
    assert gan.fingerprint() != before[0]
    assert gan.fingerprint("discriminator") != before[1]


def test_a_gan_with_classes_wants_labels(tmp_path):
    gan = loaded(tmp_path)[2]
    with pytest.raises(BackboneError, match="3 classes: give it labels"):
        gan.generate(gan.sample_latents(2, seed=0))
    with pytest.raises(BackboneError, match="3 classes: give it labels"):
        gan.discriminator(np.zeros((2, 16, 16, 3), np.float32))


def test_the_released_sizes():
    assert default_widths(128) == [1024, 1024, 512, 256, 128, 64]
    assert default_widths(64) == [1024, 512, 256, 128, 64]
    assert default_widths(16, base=8) == [32, 16, 8]
    assert [default_halvings(r) for r in (16, 64, 128, 256)] == [3, 5, 5, 6]


@pytest.mark.parametrize("resolution", [32, 64, 256])
def test_every_power_of_two(resolution):
    widths = [3] * len(default_widths(resolution))
    gan = build("sngan", resolution=resolution, latent_dim=3, widths=widths, channels=1)
    images = gan.generate(gan.sample_latents(2, seed=0))
    assert images.shape == (2, resolution, resolution, 1) == (2, *gan.image_shape)
    assert gan.discriminator(images).shape == (2, 1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 48}, "power of two"),
        ({"resolution": 8}, "power of two"),
        ({"widths": [4, 4]}, "3 entries in widths"),
        ({"widths": [4, 0, 4]}, "numbers of channels"),
        ({"discriminator_widths": []}, "numbers of channels"),
        ({"halvings": 4}, "halvings must be 0 to 3"),
        ({"num_classes": 3, "one_class": True}, "one_class"),
        ({"num_classes": -1}, "num_classes"),
        ({"latent_dim": 0}, "latent_dim"),
    ],
)
def test_what_does_not_fit_is_said(config, message):
    with pytest.raises(BackboneError, match=message):
        build("sngan", **{"resolution": 16, "widths": [4, 4, 4], **config})


def test_truncation_is_a_threshold_of_the_latents(tmp_path):
    gan = loaded(tmp_path)[2]
    cut = gan.sample_latents(4, seed=0, truncation=0.5)
    assert np.abs(cut).max() <= 0.5
    label = np.zeros(4, np.int32)
    np.testing.assert_array_equal(
        gan.generate(cut, label, truncation=0.5), gan.generate(cut, label)
    )


@pytest.mark.large
def test_the_released_size(tmp_path):
    """1000 classes and 128 pixels: 42 million numbers in the generator."""
    widths = default_widths(128)
    g = generator_arrays(widths, dim=128, classes=1000)
    d = discriminator_arrays(widths[::-1], 5, classes=1000)
    for name, arrays in ((GENERATOR, g), (DISCRIMINATOR, d)):
        np.savez(tmp_path / name, **arrays)
    gan = tff.load(tmp_path)
    assert gan.config == {**build("sngan", num_classes=1000).config}
    counts = {"tables": 0, "others": 0}
    for variable in gan.generator.trainable_weights:
        part = "tables" if variable.name in ("gammas", "betas") else "others"
        counts[part] += int(np.prod(variable.shape))
    assert round(counts["others"] / 1e6, 1) == 32.1
    assert round(counts["tables"] / 1e6, 1) == 9.9
    z, label = gan.sample_latents(1, seed=0), np.array([417])
    images = np.asarray(gan.generate(z, label))
    np.testing.assert_allclose(images, oracle_generator(g, z, label), rtol=0, atol=1e-4)
    logits = oracle_discriminator(d, images, 5, label)
    np.testing.assert_allclose(gan.discriminator(images, label), logits, rtol=1e-4)
    roles = gan.with_one_class(0).with_scale_shift().scale_shift_roles()
    channels = [r.gammas[0].shape[0] for r in roles]
    assert channels == [1024, 1024, 1024, 1024, 512, 512, 256, 256, 128, 128, 64]
    assert 2 * sum(channels) == 11_904
