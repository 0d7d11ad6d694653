"""StyleGAN against a NumPy network written from the paper, and what every backbone keeps."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.conftest import TINY
from tests.network_checks import (
    check_discriminator_gradient,
    check_generator_gradients,
    check_keras_files,
    check_stages,
    saving,
)
from tf_fewshot import backbones
from tf_fewshot.backbones import BackboneError, registry, truncation
from tf_fewshot.backbones.stylegan import discriminator as stylegan_discriminator
from tf_fewshot.backbones.stylegan import gan as stylegan
from tf_fewshot.backbones.stylegan import layers as stylegan_layers
from tf_fewshot.backbones.stylegan import widening
from tf_fewshot.backbones.stylegan.config import (
    GeneratorConfig,
    MappingConfig,
    StyleGANConfig,
    default_channels,
)

# StyleGAN v1 in NumPy: float64 and NCHW, as published ---------------------------------------------


def lrelu(x):
    return np.maximum(x, 0.2 * x)


def dense(x, w, path, gain=math.sqrt(2), lrmul=1.0):
    weight, bias = w[f"{path}/weight"], w[f"{path}/bias"]
    return x @ (weight * gain / np.sqrt(len(weight)) * lrmul) + bias * lrmul


def convolved(x, weight):
    """``[N, C, H, W]`` with ``[k, k, C, F]``, zero padding, stride 1."""
    k = len(weight)
    pad = k // 2
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))
    return np.einsum("nchwij,ijcf->nfhw", windows, weight, optimize=True)


def conv(x, w, path, gain=math.sqrt(2), flip=False):
    weight = w[f"{path}/weight"]
    weight = weight * gain / np.sqrt(np.prod(weight.shape[:3]))
    y = convolved(x, weight[::-1, ::-1] if flip else weight)
    bias = w.get(f"{path}/bias")
    return y if bias is None else y + bias[:, None, None]


def up(x):
    return x.repeat(2, axis=2).repeat(2, axis=3)


def down(x):
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def blur(x):
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    return convolved(x, kernel[:, :, None, None] * np.eye(x.shape[1]))


def epilogue(x, style, noise, w, path):
    if noise is not None:
        x = x + noise * w[f"{path}/Noise/weight"][:, None, None]
    x = lrelu(x + w[f"{path}/bias"][:, None, None])
    x = x - x.mean((2, 3), keepdims=True)
    x = x / np.sqrt((x**2).mean((2, 3), keepdims=True) + 1e-8)
    style = dense(style, w, f"{path}/AdaIN/StyleMod", gain=1.0)
    style = style.reshape(len(style), 2, -1, 1, 1)
    x = x * (style[:, 0] + 1) + style[:, 1]
    if f"{path}/ScaleShift/gamma" in w:
        gamma, beta = w[f"{path}/ScaleShift/gamma"], w[f"{path}/ScaleShift/beta"]
        x = x * gamma[:, None, None] + beta[:, None, None]
    return x


def numpy_styles(w, z):
    x = np.asarray(z, np.float64)
    x = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)
    layers = sum(p.startswith("generator/mapping/") and p.endswith("/weight") for p in w)
    for i in range(layers):
        x = lrelu(dense(x, w, f"generator/mapping/Dense{i}", lrmul=0.01))
    return x


def numpy_synthesis(w, styles, resolution, fused=False, noise="const"):
    """Images NHWC of styles, one for each layer."""
    x, rgb = None, {}
    for i in range(int(np.log2(resolution)) - 1):
        r = 4 * 2**i
        path = f"generator/{r}x{r}"
        maps = [
            w[f"generator/noise{2 * i + k}"].reshape(1, 1, r, r) if noise == "const" else None
            for k in (0, 1)
        ]
        if i == 0:
            const = np.transpose(w[f"{path}/const"], (0, 3, 1, 2))
            x = np.repeat(const, len(styles[0]), axis=0)
        else:
            # The transposed convolution is the plain one with its kernel turned round.
            x = blur(conv(up(x), w, f"{path}/Conv0_up", flip=fused))
        x = epilogue(x, styles[2 * i], maps[0], w, f"{path}/Epilogue0")
        x = conv(x, w, f"{path}/Conv1")
        x = epilogue(x, styles[2 * i + 1], maps[1], w, f"{path}/Epilogue1")
        if f"generator/ToRGB_{r}x{r}/weight" in w:
            rgb[r] = conv(x, w, f"generator/ToRGB_{r}x{r}", gain=1.0)
    image = rgb[resolution]
    if "generator/lod" in w:
        lod = w["generator/lod"]
        image = (1 - lod) * image + lod * up(rgb[resolution // 2])
    return np.transpose(image, (0, 2, 3, 1))


def numpy_generator(w, z, resolution, fused=False, noise="const"):
    layers = 2 * (int(np.log2(resolution)) - 1)
    return numpy_synthesis(w, [numpy_styles(w, z)] * layers, resolution, fused, noise)


def numpy_discriminator(w, images, group_size=4):
    image = np.transpose(np.asarray(images, np.float64), (0, 3, 1, 2))
    resolution = image.shape[2]
    x = lrelu(conv(image, w, f"discriminator/FromRGB_{resolution}x{resolution}"))
    r = resolution
    while r > 4:
        path = f"discriminator/{r}x{r}"
        x = lrelu(conv(x, w, f"{path}/Conv0"))
        y = convolved(blur(x), w[f"{path}/Conv1_down/weight"])
        y = down(y * np.sqrt(2 / np.prod(w[f"{path}/Conv1_down/weight"].shape[:3])))
        x = lrelu(y + w[f"{path}/Conv1_down/bias"][:, None, None])
        if r == resolution and "discriminator/lod" in w:
            small = lrelu(conv(down(image), w, f"discriminator/FromRGB_{r // 2}x{r // 2}"))
            lod = w["discriminator/lod"]
            x = (1 - lod) * x + lod * small
        r //= 2
    if group_size > 1:
        n = len(x)
        group = max(g for g in range(1, group_size + 1) if n % g == 0)
        y = x.reshape(group, n // group, *x.shape[1:])
        y = np.sqrt(y.var(0) + 1e-8).mean((1, 2, 3))
        y = np.broadcast_to(np.tile(y, group)[:, None, None, None], (n, 1, 4, 4))
        x = np.concatenate([x, y], 1)
    x = lrelu(conv(x, w, "discriminator/4x4/Conv"))
    # The published layer reads channels first, this one channels last.
    x = np.transpose(x, (0, 2, 3, 1)).reshape(len(x), -1)
    x = lrelu(dense(x, w, "discriminator/4x4/Dense0"))
    return dense(x, w, "discriminator/4x4/Dense1", gain=1.0)


def shaken(gan, seed: int = 5):
    """The GAN with weights at which no term of it can hide, and the weights by path."""
    rng = np.random.default_rng(seed)
    for path, variable in gan.variables_by_path().items():
        value = rng.standard_normal(variable.shape)
        if path.endswith("/lod"):
            value = 0.3
        elif "/mapping/" in path:
            value = value * 100  # stored large, for a learning rate of a hundredth
        elif path.endswith(("StyleMod/bias", "Noise/weight", "/bias")):
            value = value * 0.5
        elif path.endswith(("gamma", "moving_variance", "magnitude_ema")):
            value = rng.uniform(0.5, 2, variable.shape)
        elif path.endswith("/kernel"):  # not scaled at run time
            value = value / np.sqrt(np.prod(variable.shape[:-1]))
        variable.assign(value)
    return gan, {p: np.asarray(v.numpy(), np.float64) for p, v in gan.variables_by_path().items()}


def small(**changes):
    config = {"resolution": 16, "latent_dim": 5, "w_dim": 7, "mapping_layers": 3}
    return stylegan.StyleGAN(**{**config, "channels": [8, 6, 4], **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fused": True},
        {"fading": True},
        {"scale_shift": True},
        {"mbstd_group": 1},
        {"resolution": 32, "channels": [8, 7, 6, 4], "fused": True, "fading": True},
    ],
    ids=lambda changes: "-".join(changes) or "plain",
)
def test_networks_equal_numpy(changes):
    gan, w = shaken(small(**changes))
    z = gan.sample_latents(6, seed=1)
    images = np.asarray(gan.generate(z))
    resolution, fused = gan.config["resolution"], gan.config["fused"] is True
    assert images.shape == (6, resolution, resolution, 3) == (6, *gan.image_shape)
    assert images.dtype == np.float32
    expected = numpy_generator(w, z, resolution, fused)
    assert expected.std() > 0.3
    np.testing.assert_allclose(images, expected, atol=1e-4)
    np.testing.assert_array_equal(gan.generator(z), images)

    silent = numpy_generator(w, z, resolution, fused, noise="none")
    assert np.abs(silent - expected).max() > 0.1
    np.testing.assert_allclose(gan.generate(z, noise="none"), silent, atol=1e-4)

    for n in (1, 2, 6):
        logits = np.asarray(gan.discriminator(images[:n]))
        assert logits.shape == (n, 1)
        scores = numpy_discriminator(w, images[:n], gan.config["mbstd_group"])
        np.testing.assert_allclose(logits, scores, atol=1e-4)


def test_large_convolutions_are_fused_by_themselves():
    gan, w = shaken(small(resolution=128, channels=[4, 4, 3, 3, 2, 2]))
    assert [b.conv0.fused for b in gan.generator.blocks[1:]] == [False] * 4 + [True]
    assert [b.conv1.fused for b in gan.discriminator.blocks] == [True] + [False] * 4
    images = np.asarray(gan.generate(gan.sample_latents(1, seed=0)))
    np.testing.assert_allclose(gan.discriminator(images), numpy_discriminator(w, images), atol=1e-4)


def test_gradients_equal_finite_differences():
    gan, w = shaken(small(fused=True, fading=True))
    paths = [
        "generator/mapping/Dense1/weight",
        "generator/4x4/const",
        "generator/8x8/Conv0_up/weight",
        "generator/8x8/Epilogue1/Noise/weight",
        "generator/16x16/Epilogue0/AdaIN/StyleMod/weight",
    ]
    check_generator_gradients(
        gan, w, paths, lambda w, z: numpy_generator(w, z, 16, fused=True), atol=1e-3
    )


def test_discriminator_gradient_equals_finite_differences():
    gan, w = shaken(small(fading=True))
    check_discriminator_gradient(gan, lambda images: numpy_discriminator(w, images))


# Truncation and free latents ------------------------------------------------------------------


def test_truncation_acts_on_the_first_eight_layers():
    gan, w = shaken(small(resolution=64, channels=[4] * 5))
    z = gan.sample_latents(3, seed=0)
    styles, mean = numpy_styles(w, z), w["generator/w_avg"]
    for psi in (0.0, 0.7):
        moved = mean + psi * (styles - mean)
        expected = numpy_synthesis(w, [moved] * 8 + [styles] * 2, 64)
        np.testing.assert_allclose(gan.generate(z, truncation=psi), expected, atol=1e-4)
    np.testing.assert_allclose(gan.generate(z, truncation=1.0), gan.generate(z), atol=1e-4)
    ws = gan.generator.broadcast(styles.astype(np.float32))
    ws = np.asarray(gan.generator.truncate(ws, 0.0))
    np.testing.assert_allclose(ws[:, :8], np.broadcast_to(mean, (3, 8, 7)), atol=1e-6)
    np.testing.assert_allclose(ws[:, 8:], np.stack([styles] * 2, 1), atol=1e-6)
    # Here every layer is among the first eight: ψ = 0 leaves one picture.
    narrow, _ = shaken(small())
    pictures = np.asarray(narrow.generate(z, truncation=0.0))
    np.testing.assert_allclose(pictures, pictures[:1].repeat(3, 0), atol=1e-5)
    assert np.abs(pictures - narrow.generate(z)).max() > 0.1


def test_truncation_for_each_row():
    gan, _ = shaken(small(truncation_layers=2))
    z = gan.sample_latents(3, seed=0)
    psi = np.array([[0.0], [0.5], [1.0]], np.float32)
    together = gan.generate(z, truncation=psi)
    for i in range(3):
        alone = gan.generate(z[i : i + 1], truncation=float(psi[i, 0]))
        np.testing.assert_allclose(together[i : i + 1], alone, atol=1e-5)


def test_latents_of_stylegan_are_not_truncated(tiny_stylegan):
    z = tiny_stylegan.sample_latents(4, seed=0)
    np.testing.assert_array_equal(tiny_stylegan.sample_latents(4, seed=0, truncation=0.5), z)
    np.testing.assert_array_equal(tiny_stylegan.truncate_latents(z, 0.5), z)


def test_free_latents_of_stylegan_are_centred_and_of_unit_variance():
    gan, w = shaken(small())
    draws = gan.sample_latents(4096, seed=11)
    gan.generator.w_avg.assign(numpy_styles(w, draws).mean(0))
    free = np.asarray(gan.free_latents(draws))
    assert free.shape == (4096, 6 * 7) == (4096, gan.free_latent_dim)
    assert gan.free_latent_layers == 6
    np.testing.assert_allclose(free.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(free.std(0), 1, atol=0.08)
    middle = numpy_synthesis(w, [gan.generator.w_avg.numpy()[None]] * 6, 16)
    np.testing.assert_allclose(gan.synthesize(np.zeros((1, 42), np.float32)), middle, atol=1e-4)
    # Those of a layer are its own.
    one = np.zeros((1, 6, 7), np.float32)
    one[0, 3, 2] = 1.5
    styles = [gan.generator.w_avg.numpy()[None] for _ in range(6)]
    styles[3] = styles[3] + one[0, 3] * numpy_styles(w, gan.sample_latents(4096, 0)).std(0)
    expected = numpy_synthesis(w, styles, 16)
    assert np.abs(expected - middle).max() > 1e-3
    np.testing.assert_allclose(gan.synthesize(one.reshape(1, 42)), expected, atol=1e-4)


def test_free_latents_work_inside_a_graph(tiny_stylegan):
    """The scale of free latents is measured once, and never as part of a graph that is traced."""
    z = tiny_stylegan.sample_latents(2, seed=0)
    traced = tf.function(tiny_stylegan.free_latents)(tf.constant(z))
    np.testing.assert_allclose(traced, tiny_stylegan.free_latents(z), atol=1e-5)


# Training ---------------------------------------------------------------------------------------


def test_training_draws_noise_and_follows_the_mean_style():
    gan, w = shaken(small())
    z = gan.sample_latents(4, seed=0)
    first = np.asarray(gan.generator(z, training=True))
    mean = w["generator/w_avg"]
    expected = mean + 0.005 * (numpy_styles(w, z).mean(0) - mean)
    np.testing.assert_allclose(gan.generator.w_avg.numpy(), expected, atol=1e-5)
    second = np.asarray(gan.generator(z, training=True))
    assert np.abs(first - second).max() > 0.1
    state = gan.fingerprint()
    np.testing.assert_array_equal(gan.generator(z), gan.generator(z))
    assert gan.fingerprint() == state


def test_random_noise_differs_from_call_to_call_and_from_row_to_row():
    gan, _ = shaken(small())
    z = np.repeat(gan.sample_latents(1, seed=0), 2, axis=0)
    one, two = (np.asarray(gan.generate(z, noise="random")) for _ in range(2))
    assert np.abs(one - two).max() > 0.1
    assert np.abs(one[0] - one[1]).max() > 0.1
    const = np.asarray(gan.generate(z))
    np.testing.assert_allclose(const[0], const[1], atol=1e-5)
    with pytest.raises(BackboneError, match="'loud'"):
        gan.generate(z, noise="loud")


def test_a_network_without_noise_is_the_other_one_with_none():
    gan, _ = shaken(small())
    flat = gan.rebuild(use_noise=False)
    z = gan.sample_latents(3, seed=0)
    without = np.asarray(flat.generate(z))
    np.testing.assert_array_equal(without, gan.generate(z, noise="none"))
    np.testing.assert_array_equal(without, flat.generate(z, noise="random"))
    assert not [path for path in flat.variables_by_path() if "noise" in path.lower()]
    staged = [v.path for stage in flat.generator_stages() for v in stage.variables]
    assert sorted(staged) == sorted(v.path for v in flat.generator.weights)
    with pytest.raises(BackboneError, match="'loud'"):
        flat.generate(z, noise="loud")


def test_styles_are_mixed_in_nine_rows_of_ten():
    """A mixed row keeps its own style up to a layer from 1 on, and has one other after it."""
    gan, _ = shaken(small())
    w = gan.generator.mapping(gan.sample_latents(2000, seed=0))
    ws = gan.generator.broadcast(w)
    own = np.isclose(gan.generator._mixed(ws), np.asarray(ws), atol=1e-5).all(-1)
    cuts = own.sum(1)
    assert own[:, 0].all()
    assert (np.diff(own.astype(int), axis=1) <= 0).all()
    counts = np.bincount(cuts, minlength=7)
    expected = np.array([0.18] * 5 + [0.1])
    assert scipy.stats.chisquare(counts[1:], expected * 2000).pvalue > 0.01
    parts = {"mapping": MappingConfig(1), "generator": GeneratorConfig(mixing=0.0)}
    config = StyleGANConfig(resolution=8, latent_dim=3, w_dim=3, channels=[2, 2], **parts)
    plain = stylegan.StyleGANGenerator(config.resolved())
    plain(np.zeros((1, 3), np.float32))
    ws = plain.broadcast(plain.mapping(np.eye(3, dtype=np.float32)))
    np.testing.assert_array_equal(plain._mixed(ws), ws)


# Growing ----------------------------------------------------------------------------------------


def test_a_grown_network_begins_as_the_smaller_one():
    gan, w = shaken(small())
    grown = gan.rebuild(resolution=32, channels=[8, 6, 4, 3], fading=True)
    after = grown.variables_by_path()
    assert set(w) <= set(after)
    for path, value in w.items():
        np.testing.assert_array_equal(after[path].numpy(), value.astype(np.float32))
    z = gan.sample_latents(2, seed=0)
    grown.generator.lod.assign(1.0)
    grown.discriminator.lod.assign(1.0)
    images = np.asarray(gan.generate(z))
    expected = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(grown.generate(z), expected, atol=1e-5)
    np.testing.assert_allclose(grown.discriminator(expected), gan.discriminator(images), atol=1e-4)
    grown.generator.lod.assign(0.0)
    assert np.abs(np.asarray(grown.generate(z)) - expected).max() > 0.01
    # Once faded in, the smaller outputs go.
    whole = grown.rebuild(fading=False)
    assert "generator/ToRGB_16x16/weight" not in whole.variables_by_path()
    np.testing.assert_allclose(whole.generate(z), grown.generate(z), atol=1e-6)


@pytest.mark.parametrize("fading", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_a_wider_network_begins_as_the_narrower_one(fading, fused):
    gan, _ = shaken(small(fading=fading, fused=fused))
    wide = widening.widened(gan, [8, 9, 7])
    assert wide.config["channels"] == [8, 9, 7]
    z = gan.sample_latents(5, seed=2)
    images = np.asarray(gan.generate(z))
    np.testing.assert_allclose(wide.generate(z), images, atol=1e-4)
    np.testing.assert_allclose(wide.discriminator(images), gan.discriminator(images), atol=1e-4)
    # What is new is at zero only where it can leave it.
    last = wide.generator.to_rgb["16"].weight
    assert not np.any(last.numpy()[:, :, 4:])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(wide.discriminator(wide.generate(z)))
    assert np.all(tape.gradient(loss, last.value).numpy()[:, :, 4:])


@pytest.mark.parametrize("channels", [[8, 6], [9, 6, 4], [8, 5, 4]])
def test_channels_that_are_not_wider_are_refused(channels):
    with pytest.raises(BackboneError, match="cannot be widened"):
        widening.widened(small(), channels)


def test_released_widths():
    assert default_channels(1024) == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert default_channels(64) == [512, 512, 512, 512, 256]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 48}, "power of two from 8, not 48"),
        ({"resolution": 4}, "power of two from 8, not 4"),
        ({"resolution": 32, "channels": [4, 4]}, "32 px need 4 entries in channels"),
    ],
)
def test_what_does_not_fit_is_said(config, message):
    with pytest.raises(BackboneError, match=message):
        small(**config)


def test_half_precision_stays_near(tiny_stylegan):
    gan, _ = shaken(tiny_stylegan)
    half = gan.with_precision("mixed_bfloat16")
    z = gan.sample_latents(4, seed=0)
    images, full = half.generate(z), np.asarray(gan.generate(z))
    assert images.dtype == tf.float32
    assert half.precision == "mixed_bfloat16"
    assert 0 < np.abs(np.asarray(images) - full).max() < 0.1 * np.abs(full).max()
    scores, whole = half.discriminator(full), np.asarray(gan.discriminator(full))
    assert scores.dtype == tf.float32
    assert 0 < np.abs(np.asarray(scores) - whole).max() < 0.1 * np.abs(whole).max()


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (stylegan_layers.SynthesisBlock, (8, 3, 4, True, {"use_noise": True}, [1, 2, 1])),
        (stylegan_discriminator.DiscriminatorBlock, (8, 3, 4, "auto", [1, 2, 1])),
        (stylegan_discriminator.DiscriminatorHead, (3, {"mbstd_group": 2})),
        (stylegan_layers.Epilogue, ({"pixel_norm": True},)),
        (stylegan_layers.Mapping, (4, {"mapping_layers": 2})),
    ],
)
def test_blocks_come_back_from_their_config(cls, arguments):
    config = cls(*arguments).get_config()
    assert cls.from_config(config).get_config() == config


# What every backbone keeps ------------------------------------------------------------------------


def test_every_registered_backbone_has_a_tiny_one():
    # Those without discriminator and with classes only have contract tests of their own.
    assert {*TINY, "biggan", "biggan_deep"} == set(registry._REGISTRY)
    with pytest.raises(ValueError, match="Did you mean 'stylegan'"):
        backbones.build("stylegun")


def test_stages_hold_every_weight_once(tiny_gan):
    check_stages(tiny_gan.with_scale_shift())


def test_stages_of_a_fading_stylegan_hold_every_weight_once(build_tiny):
    gan = build_tiny("stylegan", fading=True)
    names = [s.name for s in gan.generator_stages()]
    assert names == ["mapping", "4x4", "8x8", "16x16", "ToRGB"]
    assert [s.name for s in gan.discriminator_stages()] == ["FromRGB", "16x16", "8x8", "4x4"]
    check_stages(gan)


def test_stages_run_from_input_to_output(tiny_gan):
    """A picture depends on every stage; the last one comes after all others."""
    gan, _ = shaken(tiny_gan)
    z = gan.sample_latents(2, seed=0)
    before = np.asarray(gan.generate(z))
    for stage in gan.generator_stages():
        kept = [v.numpy() for v in stage.variables]
        for variable in stage.variables:
            if variable.trainable:
                variable.assign(variable.numpy() * 1.5 + 0.1)
        assert np.abs(np.asarray(gan.generate(z)) - before).max() > 1e-3, stage.name
        for variable, value in zip(stage.variables, kept, strict=True):
            variable.assign(value)
    np.testing.assert_array_equal(gan.generate(z), before)


def test_paths_are_stable_and_unique(tiny_gan, build_tiny):
    paths = list(tiny_gan.variables_by_path())
    assert len(set(paths)) == len(paths)
    assert {p.split("/")[0] for p in paths} == {"generator", "discriminator"}
    assert list(build_tiny(tiny_gan.architecture).variables_by_path()) == paths
    with_more = list(tiny_gan.with_scale_shift().variables_by_path())
    assert [p for p in with_more if p in set(paths)] == paths


def test_a_clone_is_equal_and_apart(tiny_gan):
    gan, w = shaken(tiny_gan)
    gan.source_metadata["name"] = "mine"
    twin = gan.clone()
    assert type(twin) is type(gan)
    assert twin.config == gan.config
    assert twin.source_metadata == {"name": "mine"}
    z = gan.sample_latents(2, seed=0)
    np.testing.assert_array_equal(twin.generate(z), gan.generate(z))
    for network in ("generator", "discriminator"):
        assert twin.fingerprint(network) == gan.fingerprint(network)
    for variable in twin.variables_by_path().values():
        variable.assign(variable.numpy() + 1)
    twin.source_metadata["name"] = "other"
    assert gan.source_metadata == {"name": "mine"}
    for path, variable in gan.variables_by_path().items():
        np.testing.assert_array_equal(variable.numpy(), w[path].astype(np.float32))
    assert twin.fingerprint() != gan.fingerprint()


def test_scale_and_shift_begin_as_the_identity(tiny_gan):
    gan, _ = shaken(tiny_gan)
    with pytest.raises(BackboneError, match="with_scale_shift"):
        gan.scale_shift_roles()
    adapted = gan.with_scale_shift()
    z = gan.sample_latents(2, seed=0)
    np.testing.assert_allclose(adapted.generate(z), gan.generate(z), atol=1e-6)
    roles = adapted.scale_shift_roles()
    held = [v.path for r in roles for v in (*r.gammas, *r.betas)]
    added = set(adapted.variables_by_path()) - set(gan.variables_by_path())
    assert sorted(held) == sorted(added)
    assert len({r.layer for r in roles}) == len(roles)
    for role in roles:
        assert role.direct
        (gamma,), (beta,) = role.gammas, role.betas
        np.testing.assert_array_equal(gamma.numpy(), 1)
        np.testing.assert_array_equal(beta.numpy(), 0)
        before = np.asarray(adapted.generate(z))
        beta.assign(np.linspace(0.5, 1, beta.shape[0]))
        assert np.abs(np.asarray(adapted.generate(z)) - before).max() > 1e-4, role.layer


def test_every_hidden_layer_but_the_last_has_scale_and_shift(build_tiny):
    roles = build_tiny("stylegan").with_scale_shift().scale_shift_roles()
    hidden = [f"{r}x{r}/Epilogue{i}" for r in (4, 8, 16) for i in (0, 1)]
    assert [r.layer for r in roles] == hidden[:-1]
    roles = build_tiny("dcgan").with_scale_shift().scale_shift_roles()
    assert [r.layer for r in roles] == ["layer1"]


@saving
def test_networks_survive_a_keras_file(tiny_gan, tmp_path):
    gan, _ = shaken(tiny_gan.with_scale_shift())
    check_keras_files(gan, tmp_path)


@saving
def test_a_fading_network_survives_a_keras_file(tmp_path):
    gan, _ = shaken(small(fading=True, fused=True, dtype="mixed_bfloat16"))
    z = gan.sample_latents(2, seed=0)
    gan.generator.save(tmp_path / "network.keras")
    back = keras.models.load_model(tmp_path / "network.keras")
    assert back.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_array_equal(back(z), gan.generator(z))


def test_inference_is_deterministic_and_moves_nothing(tiny_gan):
    gan, _ = shaken(tiny_gan)
    z = gan.sample_latents(3, seed=0)
    before = gan.fingerprint(), gan.fingerprint("discriminator")
    images = gan.generator(z, training=False)
    np.testing.assert_array_equal(gan.generator(z), images)
    np.testing.assert_array_equal(gan.generate(z), images)
    np.testing.assert_array_equal(gan.discriminator(images), gan.discriminator(images))
    assert before == (gan.fingerprint(), gan.fingerprint("discriminator"))
    gan.generator(z, training=True)
    # Only what has statistics of batches or of styles moves in training.
    assert (gan.fingerprint() != before[0]) == (gan.architecture != "progan")


def test_training_moves_no_trainable_weight(tiny_gan):
    gan, w = shaken(tiny_gan)
    images = gan.generator(gan.sample_latents(3, seed=0), training=True)
    gan.discriminator(images, training=True)
    for network in gan.networks():
        for variable in network.trainable_weights:
            expected = w[variable.path].astype(np.float32)
            np.testing.assert_array_equal(variable.numpy(), expected)


@pytest.mark.parametrize("training", [False, True])
def test_a_batch_of_one(tiny_gan, training):
    gan, _ = shaken(tiny_gan)
    images = gan.generator(gan.sample_latents(1, seed=0), training=training)
    assert images.shape == (1, *gan.image_shape)
    scores = gan.discriminator(images, training=training)
    assert scores.shape == (1, 1)
    assert np.isfinite(images).all() and np.isfinite(scores).all()


def test_pictures_do_not_depend_on_their_batch(tiny_gan):
    gan, _ = shaken(tiny_gan)
    z = gan.sample_latents(3, seed=0)
    together = np.asarray(gan.generate(z))
    for i in range(3):
        np.testing.assert_allclose(gan.generate(z[i : i + 1])[0], together[i], atol=2e-5, rtol=1e-5)


def test_free_latents_draw_the_same_pictures(tiny_gan):
    gan, _ = shaken(tiny_gan)
    z = gan.sample_latents(3, seed=0)
    free = np.asarray(gan.free_latents(z))
    assert free.shape == (3, gan.free_latent_dim)
    np.testing.assert_allclose(gan.synthesize(free), gan.generate(z), atol=1e-4)
    training = gan.synthesize(free, training=True)
    assert training.shape == (3, *gan.image_shape)


def test_latents_are_normal_and_follow_their_seed(tiny_gan):
    z = tiny_gan.sample_latents(4000, seed=3)
    assert z.dtype == np.float32
    assert z.shape == (4000, tiny_gan.latent_dim)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 0.01
    np.testing.assert_array_equal(tiny_gan.sample_latents(4000, seed=3), z)
    np.testing.assert_array_equal(tiny_gan.sample_latents(9, seed=3), z[:9])
    assert not np.array_equal(tiny_gan.sample_latents(4000, seed=4), z)
    assert not np.array_equal(tiny_gan.sample_latents(9), tiny_gan.sample_latents(9))


# Truncated latents ----------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0, 2.5])
def test_truncated_latents_have_the_law_of_drawing_again(tiny_dcgan, threshold):
    z = tiny_dcgan.sample_latents(4000, seed=3, truncation=threshold)
    assert z.dtype == np.float32
    assert np.abs(z).max() <= np.float32(threshold)
    law = scipy.stats.truncnorm(-threshold, threshold)
    assert scipy.stats.kstest(z.ravel(), law.cdf).pvalue > 0.01
    np.testing.assert_array_equal(tiny_dcgan.sample_latents(4000, seed=3, truncation=threshold), z)


def test_truncation_keeps_the_rank_of_every_component():
    z = np.sort(np.random.default_rng(0).standard_normal((500, 1)), axis=0).astype(np.float32)
    values = [np.asarray(truncation.truncated_normal(z, t)) for t in (0.3, 0.5, 1.0, 2.0, 4.0)]
    for value in values:
        assert (np.diff(value[:, 0]) >= 0).all()
        np.testing.assert_array_equal(np.sign(value), np.sign(z))
    for nearer, farther in zip(values, [*values[1:], z], strict=True):
        assert (np.abs(nearer) <= np.abs(farther)).all()
    exact = scipy.stats.truncnorm(-0.5, 0.5).ppf(scipy.stats.norm.cdf(z.astype(np.float64)))
    np.testing.assert_allclose(values[1], exact, atol=1e-6)


def test_thresholds_at_their_ends_and_for_each_row():
    z = np.array([[-9.0, 0.5], [7.0, -0.5], [0.1, 30.0]], np.float32)
    np.testing.assert_array_equal(truncation.truncated_normal(z, 0.0), 0)
    np.testing.assert_array_equal(truncation.truncated_normal(z, -1.0), 0)
    assert np.isfinite(truncation.truncated_normal(z, 100.0)).all()
    assert (np.abs(truncation.truncated_normal(z, 100.0)) <= np.abs(z)).all()
    np.testing.assert_allclose(
        truncation.truncated_normal(z[:, 1:2] % 1, 9.0), z[:, 1:2] % 1, atol=1e-6
    )
    rows = np.array([0.2, 0.7, 2.0], np.float32)
    together = truncation.truncated_normal(z, rows)
    for i in range(3):
        alone = truncation.truncated_normal(z[i : i + 1], float(rows[i]))
        np.testing.assert_array_equal(together[i : i + 1], alone)
