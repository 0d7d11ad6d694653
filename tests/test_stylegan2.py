"""StyleGAN2 against a NumPy network written from the papers, and what it adds to the contract."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.network_checks import (
    check_discriminator_gradient,
    check_generator_gradients,
    check_keras_files,
    check_stages,
    saving,
)
from tests.stylegan2_original import (
    doubled,
    filtered,
    generated,
    halved,
    judged,
    stuffed,
    styles,
    synthesised,
)
from tests.stylegan2_original import modulated as modulated_original
from tf_fewshot.backbones import BackboneError
from tf_fewshot.backbones.stylegan2 import gan as stylegan2
from tf_fewshot.backbones.stylegan2.discriminator_layers import (
    FromRGB,
    StyleGAN2DiscriminatorBlock,
    StyleGAN2Head,
)
from tf_fewshot.backbones.stylegan2.layers import PixelConv2D, StyledConv2D, StyleGAN2Block, ToRGB
from tf_fewshot.backbones.stylegan2.mapping import LabelMapping, StyleGAN2Mapping
from tf_fewshot.layers import (
    FilteredConv2D,
    ModulatedConv2D,
    downsample2d,
    upfirdn2d,
    upsample2d,
)

LABELS = {"num_classes": 3, "conditioning": "embed", "d_mapping_layers": 2, "d_label_dim": 5}


def small(**changes):
    config = {"resolution": 16, "latent_dim": 5, "w_dim": 7, "mapping_layers": 3}
    return stylegan2.StyleGAN2(**{**config, "channels": [8, 6, 4], **changes})


def shaken(gan, seed: int = 5):
    """The GAN with weights at which no term of it can hide, and the weights by path."""
    rng = np.random.default_rng(seed)
    for path, variable in gan.variables_by_path().items():
        value = rng.standard_normal(variable.shape)
        if "/mapping/Dense" in path:
            # Stored large, for a learning rate of a hundredth or a tenth.
            value *= 100 if path.startswith("generator") else 10
        elif path.endswith(("bias", "noise_strength")):
            value = 0.5 * value
        elif path.endswith("gamma"):
            value = rng.uniform(0.5, 2, variable.shape)
        variable.assign(value)
    return gan, {p: np.asarray(v.numpy(), np.float64) for p, v in gan.variables_by_path().items()}


def original(w, network: str):
    """The weights under the names and in the layout of the published network."""
    renamed = {}
    for path, value in w.items():
        owner, *parts = path.split("/")
        if owner != network or "ScaleShift" in path:
            continue
        if parts[0] in ("ToRGB", "FromRGB"):
            parts[:2] = parts[1], parts[0]
        name = "/".join(parts).replace("Modulation/", "mod_")
        if network == "discriminator":
            name = name.replace("mapping/Dense", "Mapping").replace("mapping/", "")
            name = name.replace("4x4/Output", "Output")
            if name == "4x4/Dense0/weight":
                value = value.reshape(4, 4, -1, value.shape[1]).transpose(2, 0, 1, 3)
                value = value.reshape(-1, value.shape[-1])
        elif name == "w_avg":
            name = "dlatent_avg"
        elif name == "4x4/const":
            name, value = "synthesis/4x4/Const/const", value.transpose(0, 3, 1, 2)
        elif not name.startswith("mapping/"):
            name = f"synthesis/{name}"
            if name.startswith("synthesis/noise"):
                value = value.transpose(0, 3, 1, 2)
        renamed[name] = value
    return renamed


CASES = {
    "plain": {},
    "orig": {"g_architecture": "orig", "d_architecture": "skip"},
    "resnet": {"g_architecture": "resnet", "d_architecture": "orig", "mbstd_group": None},
    "labels": LABELS,
    "concat": {"num_classes": 3, "conditioning": "concat"},
    "clamp": {"g_clamp": 0.5, "d_clamp": 0.4, "d_architecture": "skip", "mbstd_features": 2},
    "sizes": {
        "resolution": 32,
        "channels": [4, 3, 3, 2],
        "discriminator_channels": [6, 5, 4, 3],
        "const_channels": 5,
        "dense_channels": 9,
        "mapping_width": 6,
        "taps": [1, 2, 4],
        "use_noise": False,
        "mbstd_features": 0,
    },
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_networks_equal_numpy(changes):
    gan, w = shaken(small(**changes))
    g, d = original(w, "generator"), original(w, "discriminator")
    z = gan.sample_latents(4, seed=1)
    label = [0, 2, 1, 2] if gan.num_classes else None
    given = None if label is None else np.array(label, np.int32)
    options = {"taps": gan.config["taps"], "clamp": gan.config["g_clamp"]}
    images = np.asarray(gan.generate(z, given))
    assert images.shape == (4, *gan.image_shape)
    assert images.dtype == np.float32
    expected = generated(g, z, label, **options)
    assert expected.std() > 0.2
    np.testing.assert_allclose(images, expected, atol=1e-4)
    np.testing.assert_array_equal(gan.generator(z, given), images)
    silent = generated(g, z, label, noise=False, **options)
    np.testing.assert_allclose(gan.generate(z, given, noise="none"), silent, atol=1e-4)
    assert (np.abs(silent - expected).max() > 0.05) == gan.config["use_noise"]
    options["clamp"] = gan.config["d_clamp"]
    group, features = gan.config["mbstd_group"], gan.config["mbstd_features"]
    for n in (1, 4):
        own = None if label is None else label[:n]
        scores = judged(d, images[:n], own, group=group, features=features, **options)
        logits = gan.discriminator(images[:n], None if label is None else given[:n])
        assert logits.shape == (n, 1)
        np.testing.assert_allclose(logits, scores, atol=1e-4)


def test_gradients_equal_finite_differences():
    gan, w = shaken(small(g_architecture="skip"))
    paths = [
        "generator/mapping/Dense1/weight",
        "generator/4x4/const",
        "generator/8x8/Conv0_up/weight",
        "generator/8x8/Conv1/noise_strength",
        "generator/16x16/Conv0_up/Modulation/weight",
        "generator/ToRGB/8x8/weight",
    ]
    check_generator_gradients(
        gan, w, paths, lambda w, z: generated(original(w, "generator"), z), atol=1e-2
    )


def test_discriminator_gradient_equals_finite_differences():
    gan, w = shaken(small(d_architecture="resnet"))
    d = original(w, "discriminator")
    check_discriminator_gradient(gan, lambda images: judged(d, images))


# Resampling and modulation ---------------------------------------------------------------------


@pytest.mark.parametrize("taps", [[1, 1], [1, 2, 4], [1, 3, 3, 1], [1, 2, 3, 4, 0]])
def test_resampling_by_its_definition(taps):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 8))
    seen = x.transpose(0, 2, 3, 1).astype(np.float32)

    def same(resampled, expected):
        np.testing.assert_allclose(np.transpose(resampled, (0, 3, 1, 2)), expected, atol=1e-5)

    same(upsample2d(seen, taps), doubled(x, taps))
    same(downsample2d(seen, taps), halved(x, taps))
    wide = np.pad(stuffed(x), [(0, 0), (0, 0), (3, 2), (3, 2)])
    same(upfirdn2d(seen, taps, 2, 2, (3, 2), 1.5), filtered(wide, taps, 1.5)[:, :, ::2, ::2])
    assert upsample2d(seen, taps).shape == (2, 12, 16, 3)
    inside = np.asarray(upsample2d(tf.ones((1, 8, 8, 1)), [1, 3, 3, 1]))[0, 2:-2, 2:-2]
    np.testing.assert_allclose(inside, 1, atol=1e-6)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution_is_one_kernel_for_each_image(up, demodulate):
    layer = ModulatedConv2D(5, up=up, demodulate=demodulate)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 6, 6, 4)), rng.standard_normal((3, 7))
    layer.build(x.shape, w.shape)
    for variable in layer.weights:
        variable.assign(rng.standard_normal(variable.shape))
    v = {"l/weight": layer.weight.numpy()}
    v |= {f"l/mod_{part}": getattr(layer.modulation, part).numpy() for part in ("weight", "bias")}
    expected = modulated_original(v, "l", x.transpose(0, 3, 1, 2), w, (1, 3, 3, 1), up, demodulate)
    convolved = layer(tf.constant(x, tf.float32), tf.constant(w, tf.float32))
    np.testing.assert_allclose(np.transpose(convolved, (0, 3, 1, 2)), expected, atol=1e-5)


def test_new_networks_keep_the_variance():
    gan = small(resolution=32, channels=[64, 64, 64, 64], latent_dim=32, w_dim=32)
    z = gan.sample_latents(16, seed=0)
    w = np.asarray(gan.generator.styles(z))
    assert 0.6 < np.sqrt(np.mean(w**2)) < 1.6
    for x in gan.generator_features(z)[:-1]:
        # Below 1 where the filter smooths what was doubled.
        assert 0.45 < np.sqrt(np.mean(np.square(x))) < 1.4
    images = np.random.default_rng(0).standard_normal((16, 32, 32, 3)).astype(np.float32)
    for x in gan.discriminator_features(images):
        assert 0.3 < np.sqrt(np.mean(np.square(x))) < 1.6


# Truncation, free latents, training --------------------------------------------------------------


def test_truncation_acts_on_all_layers_unless_told_otherwise():
    gan, w = shaken(small())
    g, z = original(w, "generator"), gan.sample_latents(3, seed=0)
    for psi in (0.0, 0.7):
        expected = generated(g, z, psi=psi)
        np.testing.assert_allclose(gan.generate(z, truncation=psi), expected, atol=1e-4)
    np.testing.assert_allclose(gan.generate(z, truncation=1.0), gan.generate(z), atol=1e-5)
    part = gan.rebuild(truncation_layers=2)
    expected = generated(g, z, psi=0.3, cutoff=2)
    np.testing.assert_allclose(part.generate(z, truncation=0.3), expected, atol=1e-4)
    rows = np.array([[0.0], [0.5], [1.0]], np.float32)
    together = np.asarray(gan.generate(z, truncation=rows))
    for i in range(3):
        alone = gan.generate(z[i : i + 1], truncation=float(rows[i, 0]))
        np.testing.assert_allclose(together[i : i + 1], alone, atol=1e-5)
    np.testing.assert_array_equal(gan.truncate_latents(z, 0.5), z)


def test_noise_is_of_three_kinds():
    gan, _ = shaken(small())
    z = gan.sample_latents(2, seed=0)
    const, none = (np.asarray(gan.generate(z, noise=n)) for n in ("const", "none"))
    random = [np.asarray(gan.generate(z, noise="random")) for _ in (0, 1)]
    assert min(np.abs(a - b).max() for a, b in ((const, none), (const, random[0]), random)) > 0.05
    with pytest.raises(BackboneError, match="'const', 'random' or 'none', not 'white'"):
        gan.generate(z, noise="white")


def test_free_latents_are_normalised_styles():
    gan, w = shaken(small(**LABELS))
    z, label = gan.sample_latents(3000, seed=1), np.arange(3000) % 3
    free = np.asarray(gan.free_latents(z, label))
    reference_styles = styles(original(w, "generator"), z, label)
    np.testing.assert_allclose(free.std(0), 1, atol=0.1)
    centred = np.tile((reference_styles - w["generator/w_avg"]) / reference_styles.std(0), (1, 6))
    np.testing.assert_allclose(free, centred, rtol=0.1, atol=0.1 * np.abs(centred).max())
    images = gan.synthesize(free[:3], label[:3])
    np.testing.assert_allclose(images, gan.generate(z[:3], label[:3]), atol=1e-4)
    centre = np.repeat(w["generator/w_avg"][None, None], 6, 1)
    expected = synthesised(original(w, "generator"), centre)
    np.testing.assert_allclose(
        gan.synthesize(np.zeros((1, 6 * 7), np.float32)), expected, atol=1e-4
    )


def test_training_moves_the_mean_of_the_styles_and_mixes():
    gan, w = shaken(small(**LABELS))
    z, label = gan.sample_latents(6, seed=0), np.arange(6) % 3
    gan.generator(z, label, training=True)
    mean = styles(original(w, "generator"), z, label).mean(0)
    expected = w["generator/w_avg"] * 0.995 + mean * 0.005
    np.testing.assert_allclose(gan.generator.w_avg, expected, rtol=1e-5, atol=1e-6)
    gan.generator.trainable = False
    before = gan.generator.w_avg.numpy()
    gan.generator(z, label, training=True)
    np.testing.assert_array_equal(gan.generator.w_avg, before)

    ones = tf.ones((400, 6, 7))
    mixed = np.asarray(gan.generator._mixed(ones, np.arange(400) % 3))[:, :, 0] == 1
    cuts = mixed.sum(1)
    assert set(cuts) == {1, 2, 3, 4, 5, 6}
    # The first styles stay, the rest is of another latent.
    np.testing.assert_array_equal(mixed, np.arange(6)[None] < cuts[:, None])
    assert 0.04 < np.mean(cuts == 6) < 0.17
    plain = small(mixing=0.0).generator
    np.testing.assert_array_equal(plain._mixed(ones, None), ones)


# Classes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditioning", ["concat", "embed"])
def test_one_class_of_many(conditioning):
    gan, w = shaken(small(**{**LABELS, "conditioning": conditioning}))
    assert gan.num_classes == 3
    z = gan.sample_latents(2, seed=0)
    second = np.array([1, 1], np.int32)
    images = np.asarray(gan.generate(z, second, truncation=0.7))
    with pytest.raises(BackboneError, match="3 classes: say which"):
        gan.generate(z)
    one = gan.with_one_class(1)
    assert one.num_classes == 0
    assert one.with_one_class() is one
    np.testing.assert_allclose(one.generate(z, truncation=0.7), images, atol=1e-5)
    np.testing.assert_allclose(
        one.discriminator(images), gan.discriminator(images, second), atol=1e-5
    )
    trainable = {v.path for v in one.generator.trainable_weights}
    assert any("Label" in path for path in trainable)
    np.testing.assert_array_equal(one.clone().generate(z), one.generate(z))
    # The mean of all: of the vectors that the classes have, not of the pictures.
    mean = gan.with_one_class()
    layer = "LabelConcat" if conditioning == "concat" else "LabelEmbed"
    path = f"generator/mapping/{layer}/weight"
    scale = 1 if conditioning == "concat" else 3**0.5
    mean_vector = mean.variables_by_path()[path].numpy()
    np.testing.assert_allclose(mean_vector[0], w[path].mean(0) / scale, rtol=1e-5)
    if conditioning == "concat":
        scores = [gan.discriminator(images, 0 * second + k) for k in range(3)]
        np.testing.assert_allclose(mean.discriminator(images), np.mean(scores, 0), atol=1e-5)
    for start in ("identity", 3, -1):
        with pytest.raises(BackboneError, match=r"'mean' or the number|classes 0 to 2"):
            gan.with_one_class(start)


def test_without_classes_it_is_one_already():
    gan = small()
    assert gan.with_one_class() is gan


# Parts ---------------------------------------------------------------------------------------


def test_every_part_of_all_forms_has_its_stage():
    gan = small(**LABELS, g_architecture="resnet", d_architecture="skip", miner=[4])
    gan = gan.with_scale_shift().with_discriminator_scale_shift()
    names = [s.name for s in gan.generator_stages()]
    assert names == ["mapping", "4x4", "8x8", "16x16", "ToRGB"]
    assert [s.name for s in gan.discriminator_stages()] == ["FromRGB", "16x16", "8x8", "4x4"]
    check_stages(gan)
    gan.discriminator = None
    assert gan.discriminator_stages() == []


def test_scale_and_shift_stand_after_the_activations():
    gan, _ = shaken(small().with_scale_shift())
    hidden = ["4x4/Conv", "8x8/Conv0_up", "8x8/Conv1", "16x16/Conv0_up", "16x16/Conv1"]
    roles = gan.scale_shift_roles()
    assert [r.layer for r in roles] == hidden[:-1]
    rng = np.random.default_rng(1)
    extra = {}
    for role in roles:
        for variable in (*role.gammas, *role.betas):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        extra[role.layer] = [v.numpy() for v in (*role.gammas, *role.betas)]
    w = {p: v.numpy() for p, v in gan.variables_by_path().items()}
    z = gan.sample_latents(2, seed=0)
    expected = generated(original(w, "generator"), z, extra=extra)
    np.testing.assert_allclose(gan.generate(z), expected, atol=1e-4)
    own = gan.own_scale_shift_roles()
    assert [r.layer for r in own] == hidden
    assert not any(r.direct for r in own)
    paths = [v.path for v in own[1].gammas]
    assert paths == [f"generator/8x8/Conv0_up/Modulation/{p}" for p in ("weight", "bias")]


def test_scale_and_shift_of_the_discriminator():
    gan, _ = shaken(small(d_architecture="skip"))
    with pytest.raises(BackboneError, match="with_discriminator_scale_shift"):
        gan.discriminator_scale_shift_roles()
    judge = gan.with_discriminator_scale_shift()
    images = gan.generate(gan.sample_latents(4, seed=0))
    scores = np.asarray(gan.discriminator(images))
    np.testing.assert_allclose(judge.discriminator(images), scores, atol=1e-5)
    roles = judge.discriminator_scale_shift_roles()
    assert len(roles) == 6
    for role in roles:
        before = np.asarray(judge.discriminator(images))
        role.betas[0].assign(np.linspace(0.5, 1, role.betas[0].shape[0]))
        assert np.abs(np.asarray(judge.discriminator(images)) - before).max() > 1e-4, role.layer


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 48}, "power of two from 8, not 48"),
        ({"resolution": 4}, "power of two from 8, not 4"),
        ({"resolution": 32}, "32 px need 4 entries in channels"),
        ({"discriminator_channels": [4]}, "3 entries in discriminator_channels"),
        ({"g_architecture": "plain"}, "g_architecture must be 'orig', 'skip' or 'resnet'"),
        ({"conditioning": "both"}, "'concat' or 'embed', not 'both'"),
        ({"taps": [1]}, "at least two numbers"),
        ({"num_classes": 3, "one_class": True}, "num_classes must be 0 with one_class, not 3"),
        ({"mbstd_features": 3}, "mbstd_features=3 does not divide the 8"),
    ],
)
def test_what_does_not_fit_is_said(config, message):
    with pytest.raises(BackboneError, match=message):
        small(**config)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_near(dtype):
    gan, _ = shaken(small(g_architecture="resnet", d_architecture="skip"))
    half = gan.with_precision(dtype)
    z = gan.sample_latents(4, seed=0)
    images, full = half.generate(z), np.asarray(gan.generate(z))
    assert images.dtype == tf.float32
    assert 0 < np.abs(np.asarray(images) - full).max() < 0.1 * np.abs(full).max()
    scores, whole = half.discriminator(full), np.asarray(gan.discriminator(full))
    assert scores.dtype == tf.float32
    assert 0 < np.abs(np.asarray(scores) - whole).max() < 0.1 * np.abs(whole).max()


@saving
@pytest.mark.parametrize("labels", [{}, LABELS], ids=["plain", "labels"])
def test_networks_of_all_forms_survive_a_keras_file(labels, tmp_path):
    gan = small(**labels, g_architecture="resnet", d_architecture="skip", g_clamp=1.0, d_clamp=1.0)
    gan, _ = shaken(gan.with_scale_shift().with_discriminator_scale_shift())
    check_keras_files(gan, tmp_path, np.array([2, 0], np.int32))


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (FilteredConv2D, (3, 3, "up", (1, 2, 1))),
        (ModulatedConv2D, (3, 1, True, False)),
        (StyledConv2D, (3, 3, False, 2.0, [{"name": "scale_shift"}], "8x8/Conv1")),
        (PixelConv2D, (3, 2.0)),
        (StyleGAN2Block, (8, 3, True, (1, 3, 3, 1))),
        (ToRGB, ((4, 8), 3, None, (1, 3, 3, 1))),
        (StyleGAN2Mapping, (4, 5, 2)),
        (LabelMapping, (3, 4, 2, 0.1)),
        (StyleGAN2DiscriminatorBlock, (8, 3, 4, True, (1, 3, 3, 1), None)),
        (StyleGAN2Head, (3, 4, 1, None, 1, None)),
        (FromRGB, ({8: 3}, {8: None})),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_layers_come_back_from_their_config(cls, arguments):
    config = cls(*arguments).get_config()
    assert cls.from_config(config).get_config() == config


@pytest.mark.large
@pytest.mark.parametrize(
    ("resolution", "generator", "discriminator"),
    [(256, 30_034_338, 28_864_129), (1024, 30_370_060, 29_012_513)],
)
def test_full_sizes(resolution, generator, discriminator):
    """Config F's widths, and the numbers of weights that its code counts."""
    gan = stylegan2.StyleGAN2(resolution=resolution)
    assert gan.config["channels"][-1] == 16384 * 2 // resolution
    for network, expected in zip(gan.networks(), (generator, discriminator), strict=True):
        assert sum(int(np.prod(v.shape)) for v in network.trainable_weights) == expected
    images = gan.generate(gan.sample_latents(1, seed=0))
    assert images.shape == (1, resolution, resolution, 3)
    assert np.isfinite(images).all()
    assert np.isfinite(gan.discriminator(images)).all()
