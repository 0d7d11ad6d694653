"""DCGAN against a NumPy network written from the definition of its layers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.backbones import BackboneError, build
from tf_fewshot.backbones.dcgan.config import default_widths

from .network_checks import check_keras_files, saving


def up(x, kernel, stride, pad):
    """Transposed convolution by its definition: every input pixel paints a kernel."""
    n, h, w, _ = x.shape
    k = kernel.shape[0]
    out = np.zeros((n, stride * (h - 1) + k, stride * (w - 1) + k, kernel.shape[2]))
    for i in range(h):
        for j in range(w):
            patch = np.einsum("nc,hwoc->nhwo", x[:, i, j], kernel)
            out[:, stride * i : stride * i + k, stride * j : stride * j + k] += patch
    return out[:, pad : out.shape[1] - pad, pad : out.shape[2] - pad]


def down(x, kernel, stride, pad):
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    k = kernel.shape[0]
    size = (x.shape[1] - k) // stride + 1
    out = np.zeros((len(x), size, size, kernel.shape[3]))
    for i in range(size):
        for j in range(size):
            patch = x[:, stride * i : stride * i + k, stride * j : stride * j + k]
            out[:, i, j] = np.einsum("nhwc,hwco->no", patch, kernel)
    return out


def norm(x, w, path, training):
    mean, var = w[f"{path}/moving_mean"], w[f"{path}/moving_variance"]
    if training:
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(var + 1e-5) * w[f"{path}/gamma"] + w[f"{path}/beta"]


def numpy_generator(w, z, layers, training=False):
    x = np.asarray(z, np.float64)[:, None, None]
    for i in range(1, layers + 1):
        first, path = i == 1, f"generator/layer{i}"
        x = up(x, w[f"{path}/conv/kernel"], 1 if first else 2, 0 if first else 1)
        if i == layers:
            return np.tanh(x)
        x = norm(x, w, f"{path}/norm", training)
        if f"{path}/scale_shift/gamma" in w:
            x = x * w[f"{path}/scale_shift/gamma"] + w[f"{path}/scale_shift/beta"]
        x = np.maximum(x, 0)
    raise AssertionError


def numpy_discriminator(w, x, layers, training=False):
    for i in range(1, layers + 1):
        last, path = i == layers, f"discriminator/layer{i}"
        x = down(x, w[f"{path}/conv/kernel"], 1 if last else 2, 0 if last else 1)
        if last:
            return x.reshape(-1, 1)
        if i > 1:
            x = norm(x, w, f"{path}/norm", training)
        x = np.where(x > 0, x, 0.2 * x)
    raise AssertionError


def shaken(gan):
    """The GAN with weights at which no term of it can hide, and the weights by path."""
    rng = np.random.default_rng(5)
    for path, variable in gan.variables_by_path().items():
        if path.endswith(("gamma", "moving_variance")):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        elif path.endswith(("beta", "moving_mean")):
            variable.assign(rng.normal(0, 0.5, variable.shape))
        else:
            variable.assign(rng.normal(0, 0.15, variable.shape))
    return gan, {p: np.asarray(v.numpy(), np.float64) for p, v in gan.variables_by_path().items()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("scale_shift", [False, True])
def test_networks_equal_numpy(training, scale_shift):
    gan, w = shaken(build("dcgan", resolution=32, latent_dim=5, widths=[7, 6, 4],
                          discriminator_widths=[3, 5, 8], scale_shift=scale_shift))  # fmt: skip
    z = gan.sample_latents(3, seed=1)
    images = np.asarray(gan.generator(z, training=training))
    assert images.dtype == np.float32
    assert images.shape == (3, 32, 32, 3)
    assert np.abs(images).max() < 1
    np.testing.assert_allclose(images, numpy_generator(w, z, 4, training), atol=2e-5)

    logits = np.asarray(gan.discriminator(images, training=training))
    assert logits.shape == (3, 1)
    expected = numpy_discriminator(w, images.astype(np.float64), 4, training)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_training_moves_the_statistics_by_a_tenth(tiny_dcgan):
    gan, w = shaken(tiny_dcgan)
    z = gan.sample_latents(6, seed=2)
    x = up(np.asarray(z, np.float64)[:, None, None], w["generator/layer1/conv/kernel"], 1, 0)
    gan.generator(z, training=True)
    after = gan.variables_by_path()
    for name, batch in (("moving_mean", x.mean((0, 1, 2))), ("moving_variance", x.var((0, 1, 2)))):
        path = f"generator/layer1/norm/{name}"
        expected = 0.9 * w[path] + 0.1 * batch
        np.testing.assert_allclose(after[path].numpy(), expected, rtol=1e-4, atol=1e-5)
    frozen = gan.fingerprint()
    gan.generator(z)
    assert gan.fingerprint() == frozen


@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_every_power_of_two(resolution):
    widths = [4] * (len(default_widths(resolution)))
    gan = build("dcgan", resolution=resolution, latent_dim=3, widths=widths, channels=1)
    images = gan.generate(gan.sample_latents(2, seed=0))
    assert images.shape == (2, resolution, resolution, 1) == (2, *gan.image_shape)
    assert gan.discriminator(images).shape == (2, 1)


def test_widths_double_towards_the_latent():
    assert default_widths(64) == [512, 256, 128, 64]
    assert default_widths(16) == [128, 64]
    assert default_widths(256) == [512, 512, 512, 256, 128, 64]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 48}, "power of two"),
        ({"resolution": 8}, "power of two"),
        ({"resolution": 32, "widths": [4, 4]}, "3 entries in widths"),
        ({"resolution": 16, "widths": [4, 4], "discriminator_widths": [4]}, "discriminator_widths"),
    ],
)
def test_what_does_not_fit_is_said(config, message):
    with pytest.raises(BackboneError, match=message):
        build("dcgan", **config)


def test_stages_hold_every_weight_once(tiny_dcgan):
    gan = tiny_dcgan.with_scale_shift()
    for network, stages in (
        (gan.generator, gan.generator_stages()),
        (gan.discriminator, gan.discriminator_stages()),
    ):
        assert [stage.name for stage in stages] == ["layer1", "layer2", "layer3"]
        staged = [v.path for stage in stages for v in stage.variables]
        assert sorted(staged) == sorted(v.path for v in network.weights)
    assert len(gan.variables_by_path()) == len(set(gan.variables_by_path()))


def test_scale_and_shift_begin_as_the_identity(tiny_dcgan):
    with pytest.raises(BackboneError, match="with_scale_shift"):
        tiny_dcgan.scale_shift_roles()
    gan = build("dcgan", resolution=32, latent_dim=4, widths=[4, 5, 6])
    adapted = gan.with_scale_shift()
    z = gan.sample_latents(2, seed=0)
    np.testing.assert_array_equal(adapted.generate(z), gan.generate(z))
    roles = adapted.scale_shift_roles()
    assert [(r.layer, r.gammas[0].shape, r.direct) for r in roles] == [
        ("layer1", (4,), True),
        ("layer2", (5,), True),
    ]
    roles[1].betas[0].assign(tf.ones(5))
    assert np.abs(np.asarray(adapted.generate(z)) - gan.generate(z)).max() > 1e-6


def test_truncation_is_a_threshold_of_the_latents(tiny_dcgan):
    gan, _ = shaken(tiny_dcgan)
    z = gan.sample_latents(4, seed=0)
    cut = gan.sample_latents(4, seed=0, truncation=0.5)
    assert np.abs(cut).max() <= 0.5 < np.abs(z).max()
    # Not twice: the network itself truncates nothing.
    np.testing.assert_array_equal(gan.generate(cut, truncation=0.5), gan.generate(cut))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_near(tiny_dcgan, dtype):
    gan, _ = shaken(tiny_dcgan)
    half = gan.with_precision(dtype)
    z = gan.sample_latents(4, seed=0)
    images = half.generate(z)
    assert images.dtype == tf.float32
    assert half.discriminator(images).dtype == tf.float32
    difference = np.abs(np.asarray(images) - gan.generate(z))
    assert 0 < difference.max() < 0.15


@saving
def test_networks_survive_a_keras_file(tiny_dcgan, tmp_path):
    gan, _ = shaken(tiny_dcgan.with_scale_shift())
    check_keras_files(gan, tmp_path)


@pytest.mark.download
def test_the_preset_draws_what_torch_draws():
    from tf_fewshot.weights import load

    gan = load("dcgan-faces64")
    assert gan.discriminator is None
    assert gan.discriminator_stages() == []
    assert gan.clone().discriminator is None
    assert gan.source_metadata["name"] == "dcgan-faces64"
    images = np.asarray(gan.generate(gan.sample_latents(4, seed=0)))
    # Computed with torch 2 from the same file: one row and one column of pixels.
    red_of_row = [0.2139, 0.2355, -0.6783, -0.5064, -0.2167, -0.1552, -0.1184, 0.5284]
    blue_of_column = [-0.8677, -0.8122, -0.7972, -0.8281, -0.7518, -0.6354, -0.5567, -0.5135]
    np.testing.assert_allclose(images[0, 32, ::8, 0], red_of_row, atol=1e-4)
    np.testing.assert_allclose(images[3, ::8, 32, 2], blue_of_column, atol=1e-4)


@pytest.mark.download
def test_the_preset_draws_faces_that_differ_but_are_smooth():
    from tf_fewshot.weights import load

    gan = load("dcgan-faces64")
    images = np.asarray(gan.generate(gan.sample_latents(64, seed=3)))
    assert -0.5 < images.mean() < -0.1
    assert images.std(0).mean() > 0.3
    # Pictures are smooth where noise is not: neighbours are alike.
    neighbours = np.corrcoef(images[:, :, 1:].ravel(), images[:, :, :-1].ravel())[0, 1]
    assert neighbours > 0.9
    # In most faces skin in the middle is brighter in red than in blue.
    middle = images[:, 24:44, 24:40].mean((1, 2))
    assert np.mean(middle[:, 0] > middle[:, 2]) > 0.75
