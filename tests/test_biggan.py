"""BigGAN and BigGAN-deep: their gradients, statistics, classes, and what every backbone keeps.

That they compute what the originals compute is in ``test_hub.py``.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.backbones import GAN, BackboneError, build
from tf_fewshot.backbones.biggan.config import default_attention, default_channels
from tf_fewshot.backbones.biggan.initial import blank_weights
from tf_fewshot.backbones.biggan.standing_statistics import accumulate_statistics
from tf_fewshot.backbones.fresh import fresh_discriminator
from tf_fewshot.layers import given_weights
from tf_fewshot.layers.hyper_norm import statistics_at
from tf_fewshot.weights.native.gan_file import load_gan, save_gan

# keras.Model.save turns tensors into arrays in a way that NumPy 2 warns of.
saving = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SMALL = {"resolution": 16, "latent_dim": 6, "class_dim": 5, "num_classes": 4}
both = pytest.mark.parametrize("architecture", ["biggan", "biggan_deep"])
# What both have from one class, and takes long with many layers.
alike = pytest.mark.parametrize(
    "architecture", ["biggan", pytest.param("biggan_deep", marks=pytest.mark.large)]
)


def shaken(gan: GAN, seed: int = 5) -> GAN:
    """The GAN with weights at which no term of it can hide."""
    rng = np.random.default_rng(seed)
    for path, variable in gan.variables_by_path().items():
        value = rng.standard_normal(variable.shape)
        if path.endswith("moving_variance"):
            value = rng.uniform(0.5, 1.5, variable.shape)
        elif path.endswith(("/gamma", "ScaleShift/gamma")):
            value = rng.uniform(0.5, 1, variable.shape)
        elif path.endswith(("moving_mean", "bias", "beta")):
            value = value * 0.3
        variable.assign(value)
    return gan


def small(architecture: str, **changes) -> GAN:
    return shaken(build(architecture, **{**SMALL, "channels": [16, 8, 8], **changes}))


def drawn(gan: GAN, n: int = 3):
    labels = np.arange(n) % gan.num_classes if gan.num_classes else None
    return gan.sample_latents(n, seed=1), labels


def values(gan: GAN) -> dict[str, np.ndarray]:
    return {path: v.numpy() for path, v in gan.variables_by_path().items()}


# Sizes ------------------------------------------------------------------------------------


def test_released_sizes():
    assert default_channels(128, 96) == [1536, 1536, 768, 384, 192, 96]
    assert default_channels(256, 96) == [1536, 1536, 768, 768, 384, 192, 96]
    assert default_channels(512, 128) == [2048, 2048, 1024, 1024, 512, 256, 128, 128]
    assert default_channels(16, 2) == [32, 32, 16]
    assert [default_attention(r, 64) for r in (16, 64, 128, 512)] == [8, 32, 64, 64]


@both
def test_weights_are_given_by_path(architecture):
    asked = {}

    def give(path, initializer):
        asked[path] = initializer
        return (lambda shape, dtype: tf.fill(shape, 7.0)) if path.endswith("/u") else initializer

    with given_weights(give):
        gan = build(architecture, **SMALL, channels=[16, 8, 8])
    assert set(asked) == set(gan.variables_by_path())
    for path, value in values(gan).items():
        assert np.all(value == 7) == path.endswith("/u"), path


@both
def test_blank_weights_are_those_that_would_be_drawn(architecture):
    config = {**SMALL, "channels": [16, 8, 8], "num_classes": 0, "one_class": True}
    with blank_weights():
        blank = values(build(architecture, **config))
    drawn_, again = values(build(architecture, **config)), values(build(architecture, **config))
    for path, value in drawn_.items():
        if np.array_equal(value, again[path]):
            np.testing.assert_array_equal(blank[path], value, err_msg=path)
        else:
            assert path.endswith(("/kernel", "/u", "/class_table"))


@pytest.mark.large
@pytest.mark.parametrize(
    ("resolution", "latents", "place", "width", "millions"),
    [(128, 120, 64, 192, 70.4), (256, 140, 128, 192, 82.1), (512, 128, 64, 384, 82.3)],
)
def test_released_sizes_of_biggan(resolution, latents, place, width, millions):
    with blank_weights():
        gan = build("biggan", resolution=resolution)
    assert (gan.latent_dim, gan.num_classes) == (latents, 1000)
    assert gan.config["attention"] == place
    assert gan.generator.attention.o_conv.filters == width
    count = sum(np.prod(v.shape) for v in gan.generator.trainable_weights)
    assert count / 1e6 == pytest.approx(millions, abs=0.2)


@pytest.mark.large
@pytest.mark.parametrize(
    ("resolution", "blocks", "width"), [(128, 10, 256), (256, 12, 512), (512, 14, 512)]
)
def test_released_sizes_of_biggan_deep(resolution, blocks, width):
    with blank_weights():
        gan = build("biggan_deep", resolution=resolution)
    assert (gan.latent_dim, len(gan.generator.blocks)) == (128, blocks)
    assert [b.doubled for b in gan.generator.blocks] == [False, True] * (blocks // 2)
    assert gan.generator.attention.o_conv.filters == width
    stages = [stage.name for stage in gan.generator_stages()]
    assert stages.index("attention") == stages.index("GBlock_8") - 1
    assert gan.generator.norm.moving_mean.shape == (51, 128)


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("biggan", {"resolution": 48}, "power of two from 16"),
        ("biggan", {"channels": [4, 4]}, "need 3 numbers of channels"),
        ("biggan", {"latent_dim": 7}, "multiple of 3"),
        ("biggan", {"attention": 16}, "attention must be one of 0, 8, not 16"),
        ("biggan", {"num_classes": 0}, "0 with one_class"),
        ("biggan_deep", {"num_classes": 3, "one_class": True}, "0 with one_class"),
        ("biggan_deep", {"channels": [8, 16, 8]}, "must not grow"),
        ("biggan_deep", {"channels": [8, 8, 2]}, "3 channels or more"),
    ],
)
def test_sizes_that_do_not_fit_are_said(architecture, config, message):
    with pytest.raises(BackboneError, match=message):
        build(architecture, **{**SMALL, "channels": [16, 8, 8], **config})


# Gradients --------------------------------------------------------------------------------


@alike
def test_gradients_equal_finite_differences(architecture):
    gan = small(architecture, statistics=3)
    z, labels = drawn(gan)
    weights = gan.variables_by_path()
    kernels = [
        "generator/G_linear/kernel",
        "generator/GBlock_1/norm0/gamma/kernel",
        "generator/GBlock_1/conv1/kernel",
        "generator/attention/phi/kernel",
        "generator/to_rgb/kernel",
    ]
    paths = ["generator/class_table", "generator/GBlock_0/conv0/bias", "generator/attention/gamma"]
    for layer in gan.generator._flatten_layers():
        if any(w.path in kernels for w in getattr(layer, "_trainable_variables", [])):
            # Where u has settled, what no gradient flows through does not matter.
            for _ in range(60):
                layer.normalised_kernel(training=True)
    rng = np.random.default_rng(3)
    pull = rng.standard_normal((3, 16, 16, 3)).astype(np.float32)
    latents = tf.Variable(z)
    variables = [latents, *(weights[p].value for p in (*paths, *kernels))]

    def loss():
        images = gan.generate(tf.convert_to_tensor(latents), labels, truncation=0.7)
        return tf.reduce_sum(images * pull)

    with tf.GradientTape() as tape:
        value = loss()
    for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
        gradient = np.asarray(tf.convert_to_tensor(gradient))
        before, slope = variable.numpy(), np.linalg.norm(gradient)
        assert slope > 1e-2
        # Along the gradient, where rounding weighs least; short, since ReLU has kinks.
        step = 0.002 / slope
        ends = []
        for sign in (1, -1):
            variable.assign(before + sign * step * gradient / slope)
            ends.append(float(loss()))
        variable.assign(before)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=0.01), variable.name


# Statistics -------------------------------------------------------------------------------


def test_places_in_the_statistics():
    grid = np.arange(51) / 50
    for kind in (np.float64, np.float32):
        below, way = (np.asarray(v) for v in statistics_at(grid.astype(kind), 51))
        np.testing.assert_array_equal(below + way, np.arange(51))
    below, way = statistics_at([[0.5], [0.13], [-1.0], [7.0]], 51)
    np.testing.assert_array_equal(below, [25, 6, 0, 49])
    np.testing.assert_allclose(way, [0, 0.5, 0, 1], atol=1e-4)


def test_truncation_of_each_row():
    gan = small("biggan_deep")
    z, labels = drawn(gan)
    rows = np.array([[0.14], [0.571], [1.0]], np.float32)
    together = np.asarray(gan.generate(z, labels, truncation=rows))
    for i in range(3):
        alone = gan.generate(z[i : i + 1], labels[i : i + 1], truncation=float(rows[i, 0]))
        np.testing.assert_allclose(together[i : i + 1], alone, atol=2e-5)
    np.testing.assert_array_equal(together[2], gan.generate(z, labels)[2])
    assert np.abs(together[0] - np.asarray(gan.generate(z, labels))[0]).max() > 0.1
    # z itself is not multiplied.
    one = small("biggan")
    np.testing.assert_array_equal(one.generate(z, labels, truncation=0.3), one.generate(z, labels))


@both
def test_training_takes_the_statistics_of_the_batch(architecture):
    gan = small(architecture, statistics=3)
    z, labels = drawn(gan, 4)
    before, kept = values(gan), np.asarray(gan.generate(z, labels))
    training = np.asarray(gan.generator(z, labels, training=True))
    assert np.abs(training - kept).max() > 0.1
    moved = {p for p, v in values(gan).items() if not np.array_equal(v, before[p])}
    assert {p.rpartition("/")[2] for p in moved} == {"u", "moving_mean", "moving_variance"}
    # The first normalisation sees what the first layer gives; the power step is the same.
    first = before | values(gan)
    gan = small(architecture, statistics=3)
    x = gan.generator.from_latent(gan.generator._split(
        tf.constant(z), tf.gather(gan.generator.class_weight.value, labels))[0])  # fmt: skip
    x = np.asarray(x, np.float64).reshape(-1, 16)
    for name, batch in (("moving_mean", x.mean(0)), ("moving_variance", x.var(0))):
        path = f"generator/GBlock_0/norm0/{name}"
        np.testing.assert_array_equal(first[path][:2], before[path][:2])
        expected = 0.9 * before[path][2] + 0.1 * batch
        np.testing.assert_allclose(first[path][2], expected, atol=1e-5)


def test_what_is_frozen_keeps_its_statistics():
    gan = small("biggan")
    gan.generator.trainable = False
    z, labels = drawn(gan)
    before = gan.fingerprint()
    images = gan.generator(z, labels, training=True)
    np.testing.assert_array_equal(images, gan.generate(z, labels))
    assert gan.fingerprint() == before


@alike
def test_statistics_are_accumulated_for_a_truncation(architecture):
    gan = small(architecture, statistics=1 if architecture == "biggan" else 11)
    before = gan.fingerprint()
    one = accumulate_statistics(gan, 0.3, batches=1, batch_size=6, seed=2)
    assert gan.fingerprint() == before
    rng = np.random.default_rng(2)
    z = gan.sample_latents(6, int(rng.integers(2**31)), 0.3)
    labels = rng.integers(4, size=6)
    # Normalised by the statistics of this batch, it is as in training.
    images = one.generate(z, labels, truncation=0.3)
    training = gan.clone().generator(z, labels, training=True)
    np.testing.assert_allclose(images, training, atol=1e-4)
    changed = {p for p, v in values(one).items() if not np.array_equal(v, values(gan)[p])}
    assert {p.rpartition("/")[2] for p in changed} == {"moving_mean", "moving_variance"}
    if architecture == "biggan_deep":
        for path in changed:
            same = (values(one)[path] == values(gan)[path]).all(axis=1)
            assert not same[3] and np.delete(same, 3).all()
        with pytest.raises(BackboneError, match=r"0, 0\.1, … 1, and 0\.33"):
            accumulate_statistics(gan, 0.33, batches=1)
    # More batches give the mean of what each alone gives.
    path, row = "generator/GBlock_0/norm0/moving_variance", values(one)[path_of(one)].shape[0]
    two = accumulate_statistics(gan, 0.3, batches=2, batch_size=6, seed=2)
    latents = gan.sample_latents(6, int(rng.integers(2**31)), 0.3)
    second = gan.clone()
    for norm in second.generator.norms:
        norm.momentum, norm.moved_row = 0.0, 3 if row > 1 else 0
    second.generator(latents, rng.integers(4, size=6), training=True)
    mean = (values(one)[path] + values(second)[path]) / 2
    np.testing.assert_allclose(values(two)[path], mean, atol=1e-5)
    assert accumulate_statistics(gan.with_one_class(), batches=1, batch_size=2).num_classes == 0


def path_of(gan: GAN) -> str:
    return next(p for p in gan.variables_by_path() if p.endswith("moving_mean"))


# Classes ----------------------------------------------------------------------------------


@alike
def test_one_class_is_a_vector_that_can_be_trained(architecture):
    gan = small(architecture)
    gan.source_metadata = {"name": "mine"}
    z, _ = drawn(gan)
    with pytest.raises(BackboneError, match="draws 4 classes: give it labels"):
        gan.generate(z)
    one = gan.with_one_class(2)
    assert one.num_classes == 0 and one.extension("one_class") and one.config["num_classes"] == 0
    expected = np.asarray(gan.generate(z, np.full(3, 2)))
    np.testing.assert_array_equal(one.generate(z), expected)
    np.testing.assert_array_equal(one.generate(z, np.zeros(3, np.int32)), expected)
    assert one.source_metadata == {"name": "mine"}
    vector = one.variables_by_path()["generator/class_vector"]
    assert vector.shape == (5,)
    assert any(v is vector for v in one.generator.trainable_weights)
    added = set(one.variables_by_path()) ^ set(gan.variables_by_path())
    assert added == {"generator/class_vector", "generator/class_table"}
    mean = gan.with_one_class().variables_by_path()["generator/class_vector"]
    table = gan.variables_by_path()["generator/class_table"]
    np.testing.assert_allclose(mean.numpy(), table.numpy().mean(0), atol=1e-6)
    # It stays through other copies.
    for twin in (one.clone(), one.with_scale_shift(), one.with_one_class(1)):
        np.testing.assert_array_equal(twin.generate(z), expected)
        assert twin.extension("one_class")
    for start in ("identity", True, 4, -1):
        with pytest.raises(BackboneError, match=r"'mean' or the number|classes 0 to 3"):
            gan.with_one_class(start)


# What every backbone keeps ----------------------------------------------------------------


@alike
def test_stages_hold_every_weight_once_and_reach_the_picture(architecture):
    gan = small(architecture).with_scale_shift()
    stages = gan.generator_stages()
    blocks = [f"GBlock_{i}" for i in range(2 if architecture == "biggan" else 4)]
    middle = len(blocks) // 2
    expected = ["G_linear", *blocks[:middle], "attention", *blocks[middle:], "to_rgb"]
    assert [stage.name for stage in stages] == expected
    staged = [v.path for stage in stages for v in stage.variables]
    assert sorted(staged) == sorted(v.path for v in gan.generator.weights)
    assert gan.discriminator_stages() == []
    z, labels = drawn(gan)
    before = np.asarray(gan.generate(z, labels))
    for stage in stages if architecture == "biggan" else stages[::3]:
        kept = [v.numpy() for v in stage.variables]
        for variable in stage.variables:
            if variable.trainable:
                variable.assign(variable.numpy() * 1.5 + 0.1)
        assert np.abs(np.asarray(gan.generate(z, labels)) - before).max() > 1e-3, stage.name
        for variable, value in zip(stage.variables, kept, strict=True):
            variable.assign(value)
    np.testing.assert_array_equal(gan.generate(z, labels), before)


@alike
def test_scale_and_shift_begin_as_the_identity(architecture):
    gan = small(architecture)
    with pytest.raises(BackboneError, match="with_scale_shift"):
        gan.scale_shift_roles()
    adapted = gan.with_scale_shift()
    z, labels = drawn(gan)
    before = np.asarray(gan.generate(z, labels))
    np.testing.assert_allclose(adapted.generate(z, labels), before, atol=1e-6)
    roles = adapted.scale_shift_roles()
    norms = len(adapted.generator.norms)
    assert [role.layer for role in roles[:2]] == ["G_linear", "GBlock_0/norm0"]
    # All but the last, and the first layer.
    assert len({role.layer for role in roles}) == len(roles) == norms
    held = {v.path for role in roles for v in (*role.gammas, *role.betas)}
    assert held == set(values(adapted)) - set(values(gan))
    # Each kind of place; the others are as the second.
    for role in (*roles[:3], roles[-1]):
        role.betas[0].assign(np.linspace(0.5, 1, role.betas[0].shape[0]))
        after = np.asarray(adapted.generate(z, labels))
        assert np.abs(after - before).max() > 1e-4, role.layer
        before = after


@both
def test_own_scale_and_shift_are_the_maps_that_compute_them(architecture):
    gan = small(architecture)
    roles = gan.own_scale_shift_roles()
    assert len(roles) == len(gan.generator.norms) - 1
    assert not any(role.direct for role in roles)
    width = 2 + 5 if architecture == "biggan" else 6 + 5
    assert roles[0].gammas[0].shape == (width, 16)
    paths = [v.path for role in roles for v in (*role.gammas, *role.betas)]
    assert paths[:2] == [f"generator/GBlock_0/norm0/{p}/kernel" for p in ("gamma", "beta")]
    assert len(set(paths)) == 2 * len(roles)
    assert "generator/G_linear/kernel" in gan.variables_by_path()


@alike
def test_a_miner_comes_before_everything(architecture):
    gan = small(architecture)
    mined, (z, labels) = gan.with_miner([7]), drawn(gan)
    stages = mined.generator_stages()
    assert stages[0].name == "miner" and len(mined.miner_variables()) == 4
    assert [s.name for s in mined.synthesis_stages()] == [s.name for s in stages[1:]]
    assert [s.name for s in gan.generator_stages()] == [s.name for s in stages[1:]]
    staged = [v.path for s in stages for v in s.variables]
    assert sorted(staged) == sorted(v.path for v in mined.generator.weights)
    # All of z is mined, before it is cut; what is not z is as it was.
    images = mined.generate(z, labels)
    np.testing.assert_array_equal(gan.generate(mined.generator.miner(z), labels), images)
    assert np.abs(images - gan.generate(z, labels)).max() > 1e-2
    one, other = mined.with_one_class(1), gan.with_one_class(1)
    assert [e.name for e in one.extensions] == ["miner", "one_class"]
    np.testing.assert_array_equal(one.generate(z), other.generate(mined.generator.miner(z)))


@both
def test_activations_run_from_latents_to_images(architecture):
    gan = small(architecture)
    z, labels = drawn(gan)
    features = gan.generator_features(z, labels)
    sizes = [4, 8, 16, 16] if architecture == "biggan" else [4, 4, 8, 8, 16, 16]
    assert [f.shape[1] for f in features] == sizes
    np.testing.assert_array_equal(features[-1], gan.generate(z, labels))


@alike
def test_a_new_discriminator_has_stages_and_activations(architecture):
    gan = small(architecture)
    with_classes = fresh_discriminator(gan)
    gan = gan.with_one_class()
    gan.discriminator = fresh_discriminator(gan)
    stages = gan.discriminator_stages()
    assert [stage.name for stage in stages] == ["FromRGB", "16x16", "8x8", "4x4"]
    staged = [v.path for stage in stages for v in stage.variables]
    assert sorted(staged) == sorted(v.path for v in gan.discriminator.weights)
    images = gan.generate(drawn(gan)[0])
    shown = gan.discriminator_features(images)
    assert [f.shape[:3] for f in shown] == [(3, size, size) for size in (16, 8, 4)]
    assert gan.clone().discriminator is None
    # One for classes is told them, and does not judge them alike.
    gan.discriminator = with_classes
    assert [stage.name for stage in gan.discriminator_stages()] == [
        "block1",
        "block2",
        "block3",
        "l4",
    ]
    assert [f.shape[:3] for f in gan.discriminator_features(images)] == [
        (3, size, size) for size in (8, 4, 2)
    ]
    one, other = (with_classes(images, np.full(3, label)) for label in (0, 1))
    assert np.abs(one - other).max() > 0
    with pytest.raises(BackboneError, match="give it labels"):
        with_classes(images)


def test_a_mapping_network_comes_before_latents_are_cut(tmp_path):
    """What the first layer and the blocks are told is that of NumPy, and differs by class."""
    gan = small("biggan", latent_dim=5, mapping=[7, 6])
    plain = small("biggan")
    weights, told = values(gan), {}
    for path, variable in plain.variables_by_path().items():
        variable.assign(weights[path])
    z = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    for label in (0, 2):
        x = np.concatenate([z, np.tile(weights["generator/class_table"][label], (3, 1))], 1)
        x = x @ weights["generator/mapping0/kernel"] + weights["generator/mapping0/bias"]
        x = np.where(x > 0, x, 0.2 * x)
        told[label] = x @ weights["generator/mapping1/kernel"] + weights["generator/mapping1/bias"]
        labels = np.full(3, label)
        expected = plain.generate(told[label].astype(np.float32), labels)
        np.testing.assert_allclose(gan.generate(z, labels), expected, atol=1e-4)
    assert np.abs(told[0] - told[2]).max() > 0.1
    staged = [v.path for stage in gan.generator_stages() for v in stage.variables]
    assert sorted(staged) == sorted(v.path for v in gan.generator.weights)
    save_gan(gan, tmp_path / "gan.npz")
    loaded = load_gan(tmp_path / "gan.npz")
    assert loaded.config["mapping"] == [7, 6]
    np.testing.assert_array_equal(loaded.generate(z, labels), gan.generate(z, labels))
    with pytest.raises(BackboneError, match=r"the last of mapping must be a multiple of 3 .*not 7"):
        small("biggan", mapping=[6, 7])
    with pytest.raises(BackboneError, match="widths of mapping must be 1 or more"):
        small("biggan", mapping=[0, 6])


def test_a_discriminator_of_its_own_goes_wherever_it_goes(tmp_path):
    gan = small("biggan", discriminator_widths=[4, 8, 8])
    assert gan.has_discriminator and not small("biggan").has_discriminator
    assert [f.shape[-1] for f in gan.discriminator_features(np.zeros((1, 16, 16, 3)))] == [4, 8, 8]
    images, labels = gan.generate(*drawn(gan)), drawn(gan)[1]
    expected = gan.discriminator(images, labels)
    save_gan(gan, tmp_path / "gan.npz")
    for copy in (load_gan(tmp_path / "gan.npz"), gan.clone(), accumulate_statistics(gan, None, 1)):
        np.testing.assert_allclose(copy.discriminator(images, labels), expected, atol=1e-5)
    # A new one is of the same size, with other weights.
    new = fresh_discriminator(gan)
    assert [v.shape for v in new.weights] == [v.shape for v in gan.discriminator.weights]
    assert np.abs(new(images, labels) - expected).max() > 1e-3
    # What is left out once does not come back.
    assert gan.without_discriminator().with_one_class().discriminator is None


def test_a_discriminator_of_its_own_can_be_extended():
    gan = small("biggan", discriminator_widths=[4, 8, 8])
    images, labels = gan.generate(*drawn(gan)), drawn(gan)[1]
    scaled = gan.with_discriminator_scale_shift()
    assert len(scaled.discriminator_scale_shift_roles()) == 6
    expected = gan.discriminator(images, labels)
    np.testing.assert_allclose(scaled.discriminator(images, labels), expected, atol=1e-4)
    with pytest.raises(BackboneError, match="cannot have scale and shift to judge with"):
        small("biggan").with_discriminator_scale_shift()


def test_a_discriminator_sees_how_a_group_differs():
    gan = small("biggan", discriminator_widths=[4, 32, 8], minibatch_group=2)
    assert gan.clone().discriminator.spread.group_size == 2
    images, labels = gan.generate(*drawn(gan, 4)), np.array([0, 1, 0, 1])
    # Groups are of the images 0 and 2, and of 1 and 3.
    alike = tf.gather(images, [0, 1, 0, 3])
    one, other = gan.discriminator(images, labels), gan.discriminator(alike, labels)
    changed = np.abs(one - other)[:, 0] > 1e-5
    np.testing.assert_array_equal(changed, [True, False, True, False])
    shown = gan.discriminator_features(images)
    assert [f.shape for f in shown] == [(4, 8, 8, 4), (4, 4, 4, 32), (4, 2, 2, 8)]


def test_one_class_is_judged_as_that_class_was():
    gan = small("biggan", discriminator_widths=[4, 8, 8])
    z, _ = drawn(gan)
    images = gan.generate(z, np.full(3, 2))
    one = gan.with_one_class(2)
    np.testing.assert_allclose(
        one.discriminator(images), gan.discriminator(images, np.full(3, 2)), atol=1e-4
    )
    # The logit is linear in the vector of the class.
    logits = [gan.discriminator(images, np.full(3, label)) for label in range(4)]
    mean = gan.with_one_class("mean").discriminator(images)
    np.testing.assert_allclose(mean, np.mean(logits, 0), atol=1e-4)


@saving
@both
def test_networks_survive_a_keras_file_and_our_own(architecture, tmp_path):
    from tf_fewshot.weights import load, save_gan

    gan = small(architecture, statistics=3).with_scale_shift().with_miner([7])
    z, labels = drawn(gan)
    gan.generator.save(tmp_path / "network.keras")
    back = keras.models.load_model(tmp_path / "network.keras")
    assert [v.path for v in back.weights] == [v.path for v in gan.generator.weights]
    images = gan.generator(z, labels)
    np.testing.assert_array_equal(back(z, labels), images)
    one = gan.with_one_class(1)
    save_gan(one, tmp_path / "gan.npz")
    again = load(tmp_path / "gan.npz")
    assert again.config == one.config and again.discriminator is None
    np.testing.assert_array_equal(again.generate(z), one.generate(z))


@both
def test_half_precision_stays_near(architecture):
    gan = small(architecture)
    half = gan.with_precision("mixed_bfloat16")
    z, labels = drawn(gan)
    images = half.generate(z, labels, truncation=0.51)
    assert images.dtype == tf.float32
    difference = np.abs(np.asarray(images) - gan.generate(z, labels, truncation=0.51))
    assert 0 < difference.mean() < 0.05
    assert half.generator(z, labels, training=True).dtype == tf.float32


@alike
def test_pictures_do_not_depend_on_their_batch_or_on_a_graph(architecture):
    gan = small(architecture)
    z, labels = drawn(gan)
    before = gan.fingerprint()
    together = np.asarray(gan.generate(z, labels, truncation=0.5))
    for i in range(3):
        alone = gan.generate(z[i : i + 1], labels[i : i + 1], truncation=0.5)
        np.testing.assert_allclose(alone[0], together[i], atol=2e-5)
    graph = tf.function(lambda z, labels: gan.generate(z, labels, truncation=0.5))
    np.testing.assert_allclose(graph(z, labels), together, atol=2e-5)
    np.testing.assert_array_equal(gan.synthesize(z, labels), gan.generate(z, labels))
    assert gan.fingerprint() == before
    cut = gan.sample_latents(50, seed=0, truncation=0.5)
    assert 0.4 < np.abs(cut).max() <= 0.5


def test_large_maps_attend_one_image_at_a_time(monkeypatch):
    from tf_fewshot.layers import attention

    gan = small("biggan")
    z, labels = drawn(gan)
    expected = gan.generate(z, labels)
    monkeypatch.setattr(attention, "_MOST_AT_ONCE", 1)
    np.testing.assert_allclose(gan.generate(z, labels), expected, atol=1e-5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(gan.generate(z, labels) ** 2)
    assert tape.gradient(loss, gan.generator.attention.theta.kernel.value) is not None


@alike
def test_new_kernels_are_drawn_and_copies_need_none(architecture):
    config = {**SMALL, "channels": [16, 8, 8]}
    gan = build(architecture, **config)
    assert all(np.std(v.numpy()) > 0 for p, v in gan.variables_by_path().items() if "kernel" in p)
    assert gan.clone().fingerprint() == gan.fingerprint()
    more = gan.rebuild(num_classes=9).generator.class_weight.numpy()
    assert more.shape == (9, 5) and 0.5 < more.std() < 1.5
    wider = gan.rebuild(channels=[24, 8, 8])
    assert np.all(np.isfinite(wider.generate(*drawn(wider))))
