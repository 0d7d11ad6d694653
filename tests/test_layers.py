"""Layers against NumPy and SciPy versions written from the definitions."""

from __future__ import annotations

import json
import math

import keras
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_fewshot.layers import (
    AdaIN,
    AddNoise,
    Blur,
    DoublingConv2D,
    EqualizedConv2D,
    EqualizedDense,
    LatentGaussian,
    LatentMap,
    LatentTable,
    MinibatchStdDev,
    PixelNorm,
    ScaleShift,
    SpectralConv2D,
    WholeBatchNormalization,
    downscale2d,
    upscale2d,
)
from tf_fewshot.layers.batch_norm import normalised_by_batch
from tf_fewshot.layers.resample import convolution, resampled
from tf_fewshot.losses.adversarial import r1_penalty

# keras.Model.save turns tensors into arrays in a way that NumPy 2 warns of.
saving = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def shaken(layer, seed: int = 7):
    """The layer with random weights, so that none of them can hide."""
    for i, variable in enumerate(layer.weights):
        variable.assign(drawn(*variable.shape, seed=seed + i))
    return layer


def filtered(x, kernel, correlate: bool = True):
    """``[N, H, W, C]`` with ``[k, k, C, F]``, zero padding, channel by channel in SciPy."""
    move = scipy.signal.correlate2d if correlate else scipy.signal.convolve2d
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    out = np.zeros((*x.shape[:3], kernel.shape[3]))
    for n in range(x.shape[0]):
        for f in range(kernel.shape[3]):
            for c in range(x.shape[3]):
                out[n, :, :, f] += move(x[n, :, :, c], kernel[:, :, c, f], mode="same")
    return out


def doubled(x):
    return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)


def halved(x):
    n, h, w, c = x.shape
    return np.asarray(x, np.float64).reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


# Equalized learning rate ---------------------------------------------------------------------


@pytest.mark.parametrize(("gain", "lrmul"), [(math.sqrt(2), 1.0), (1.0, 0.01), (1.7, 3.0)])
def test_equalized_dense_scales_at_run_time(gain, lrmul):
    layer = EqualizedDense(5, gain=gain, lrmul=lrmul)
    x = drawn(3, 7)
    layer(x)
    shaken(layer)
    weight, bias = layer.weight.numpy(), layer.bias.numpy()
    expected = x @ weight * (gain / math.sqrt(7) * lrmul) + bias * lrmul
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lrmul", [1.0, 0.01])
def test_equalized_weights_begin_where_he_would_put_them(lrmul):
    """Weights are stored with a deviation of 1 / lrmul and used with one of gain / sqrt(fan_in)."""
    dense, conv = EqualizedDense(200, lrmul=lrmul), EqualizedConv2D(200, 3, lrmul=lrmul)
    dense.build((None, 300))
    conv.build((None, 8, 8, 40))
    for layer, fan_in in ((dense, 300), (conv, 360)):
        weight = layer.weight.numpy()
        assert weight.std() * lrmul == pytest.approx(1, rel=0.02)
        used = weight * layer.runtime_scale
        assert used.std() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
        np.testing.assert_array_equal(layer.bias.numpy(), 0)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("kernel", "gain", "lrmul"), [(3, math.sqrt(2), 1.0), (1, 1.0, 0.5)])
def test_equalized_convolution(kernel, gain, lrmul, use_bias):
    layer = EqualizedConv2D(4, kernel, gain=gain, lrmul=lrmul, use_bias=use_bias)
    x = drawn(2, 6, 5, 3)
    layer(x)
    shaken(layer)
    weight = layer.weight.numpy() * (gain / math.sqrt(kernel**2 * 3) * lrmul)
    expected = filtered(x, weight)
    if use_bias:
        expected = expected + layer.bias.numpy() * lrmul
    assert len(layer.weights) == 1 + use_bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def resampler(resample, fused, kernel=3):
    layer = EqualizedConv2D(4, kernel, resample=resample, fused=fused)
    layer.build((None, 6, 8, 3))
    return shaken(layer)


def used(layer):
    return layer.weight.numpy() * np.float64(math.sqrt(2 / math.prod(layer.weight.shape[:3])))


def painted(x, kernel, pad):
    """Transposed convolution of stride 2 by its definition: every input pixel paints a kernel."""
    n, h, w, _ = x.shape
    k = kernel.shape[0]
    out = np.zeros((n, 2 * (h - 1) + k, 2 * (w - 1) + k, kernel.shape[3]))
    for i in range(h):
        for j in range(w):
            patch = np.einsum("nc,ijcf->nijf", x[:, i, j], kernel)
            out[:, 2 * i : 2 * i + k, 2 * j : 2 * j + k] += patch
    return out[:, pad : pad + 2 * h, pad : pad + 2 * w]


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_up_sampling_convolution(kernel):
    """The fused layer is StyleGAN's transposed convolution: the unfused one, its kernel flipped."""
    x = drawn(2, 6, 8, 3)
    plain, fused = resampler("up", False, kernel), resampler("up", True, kernel)
    w, bias = used(plain), plain.bias.numpy()
    np.testing.assert_array_equal(used(fused), w)
    np.testing.assert_allclose(plain(x), filtered(doubled(x), w) + bias, atol=2e-5)
    expected = filtered(doubled(x), w, correlate=False) + bias
    np.testing.assert_allclose(fused(x), expected, atol=2e-5)
    wide = sum(np.pad(w, [(i, 1 - i), (j, 1 - j), (0, 0), (0, 0)]) for i in (0, 1) for j in (0, 1))
    np.testing.assert_allclose(fused(x), painted(x, wide, (kernel - 1) // 2) + bias, atol=2e-5)
    flipped = EqualizedConv2D(4, kernel, resample="up")
    flipped.build((None, 6, 8, 3))
    flipped.set_weights([plain.weight.numpy()[::-1, ::-1], bias])
    np.testing.assert_allclose(fused(x), flipped(x), atol=2e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_down_sampling_convolution(kernel):
    x = drawn(2, 6, 8, 3)
    plain, fused = resampler("down", False, kernel), resampler("down", True, kernel)
    expected = halved(filtered(x, used(plain))) + plain.bias.numpy()
    np.testing.assert_allclose(plain(x), expected, atol=1e-5)
    np.testing.assert_allclose(fused(x), expected, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("resample", [None, "up", "down"])
def test_convolution_of_images_of_unknown_size(resample, fused):
    layer = resampler(resample, fused)
    call = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 3])])
    for shape in ((1, 4, 6, 3), (2, 8, 2, 3)):
        x = drawn(*shape)
        np.testing.assert_allclose(call(x), layer(x), atol=1e-6)
        assert layer.compute_output_shape(shape) == tuple(layer(x).shape)
    assert layer.compute_output_shape((None, None, 4, 3))[:2] == (None, None)


def test_an_unknown_resampling_is_refused():
    with pytest.raises(ValueError, match="sideways"):
        EqualizedConv2D(4, resample="sideways")


# Resampling ----------------------------------------------------------------------------------


def test_upscale_and_downscale():
    x = drawn(2, 4, 6, 3)
    np.testing.assert_array_equal(upscale2d(x), doubled(x))
    np.testing.assert_allclose(downscale2d(x), halved(x), atol=1e-6)
    np.testing.assert_array_equal(downscale2d(x, 1), x)
    square = drawn(2, 8, 8, 3)
    np.testing.assert_allclose(downscale2d(square, 4), halved(halved(square)), atol=1e-6)
    np.testing.assert_allclose(downscale2d(upscale2d(x)), x, atol=1e-6)


def test_gradients_of_upscaling():
    """Each pixel gathers from the four that it became; what follows from that is linear."""
    x, weights = tf.constant(drawn(2, 4, 6, 3)), drawn(2, 8, 12, 3, seed=1)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.square(upscale2d(x)) * weights)
        gradient = tape.gradient(y, x)
    summed = 4.0 * halved(weights)
    np.testing.assert_allclose(gradient, 2.0 * x * summed, atol=1e-5)
    np.testing.assert_allclose(outer.gradient(gradient, x), 2.0 * summed, atol=1e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("resample", [None, "up", "down"])
def test_resampling_convolutions_and_their_gradients(resample, kernel):
    """In one operation, the same as resampling and convolution one after the other."""
    x, w = tf.constant(drawn(2, 6, 8, 3)), tf.constant(drawn(kernel, kernel, 3, 4, seed=1))

    def in_two(x, w):
        y = tf.nn.conv2d(upscale2d(x) if resample == "up" else x, w, 1, "SAME")
        return downscale2d(y) if resample == "down" else y

    before = filtered(doubled(x) if resample == "up" else x, w)
    expected = halved(before) if resample == "down" else before
    fused = convolution(resample)
    np.testing.assert_allclose(fused(x, w), expected, atol=3e-5)
    assert resampled((6, 8), resample) == expected.shape[1:3]
    weights = drawn(*expected.shape, seed=2)
    for expected_gradient, gradient in zip(
        gradients_of(in_two, (x, w), weights), gradients_of(fused, (x, w), weights), strict=True
    ):
        np.testing.assert_allclose(gradient, expected_gradient, atol=2e-4)


def gradients_of(function, arguments, weights):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        total = tf.reduce_sum(function(*arguments) * weights)
    return tape.gradient(total, arguments)


def test_an_unknown_resampling_of_a_convolution_is_refused():
    with pytest.raises(ValueError, match="sideways"):
        SpectralConv2D(4, resample="sideways")


@pytest.mark.parametrize("other", [{"padding": "valid"}, {"strides": 2}, {"groups": 2}])
def test_a_doubling_convolution_refuses_what_it_would_not_do(other):
    with pytest.raises(ValueError, match="padding 'same', no strides, dilation or groups"):
        DoublingConv2D(4, **other)


@pytest.mark.parametrize("shape", [(3, 4, 6, 5), (1, 1, 1, 2), (2, 1, 3, 1)])
def test_normalisation_by_the_batch(shape):
    x = drawn(*shape) * 3.0 + 2.0
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y, *statistics = normalised_by_batch(x, 1e-4)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-4), atol=1e-4)
    np.testing.assert_allclose(statistics[0], mean, atol=1e-5)
    np.testing.assert_allclose(statistics[1], variance, atol=1e-4)
    assert float(statistics[2]) == np.prod(shape[:3])


def test_the_gradient_of_normalisation_by_the_batch():
    x, weights = drawn(3, 2, 4, 2), drawn(3, 2, 4, 2, seed=1)
    gradient = gradients_of(lambda x: normalised_by_batch(x, 1e-2)[0], (tf.constant(x),), weights)

    def loss(x):
        centred = x - x.mean((0, 1, 2))
        return (centred / np.sqrt((centred**2).mean((0, 1, 2)) + 1e-2) * weights).sum()

    for place in [(0, 0, 0, 0), (1, 1, 2, 1), (2, 0, 3, 0)]:
        moved = np.zeros(x.shape)
        moved[place] = 1e-5
        slope = (loss(x + moved) - loss(x - moved)) / 2e-5
        np.testing.assert_allclose(gradient[0].numpy()[place], slope, atol=1e-3)


def test_gradients_of_gradients_of_batch_normalisation():
    images = np.random.default_rng(0).normal(size=(5, 1, 1, 2))
    layer = WholeBatchNormalization(dtype="float64")
    layer.build(images.shape)

    def penalty(x):
        def scores(x, label, training):
            return layer(tf.tanh(x), training=training) ** 3

        return tf.cast(r1_penalty(scores, x), tf.float64)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x)
        return tape.gradient(value, x)

    shift = np.random.default_rng(1).normal(size=images.shape)
    # Float32 is what penalties are in: steps are large, and of second order.
    step = 1e-2
    ends = [float(penalty(tf.constant(images + sign * step * shift))) for sign in (1, -1)]
    along = float(tf.reduce_sum(gradient(tf.constant(images)) * shift))
    np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * step), rtol=2e-3)


def test_batch_normalisation_and_its_gradients_are_those_of_keras():
    images = tf.constant(np.random.default_rng(0).normal(size=(4, 3, 3, 2)), tf.float32)
    results = []
    for layer in (WholeBatchNormalization(), keras.layers.BatchNormalization()):
        layer.build(images.shape)
        with tf.GradientTape() as tape:
            tape.watch(images)
            y = layer(images, training=True)
            score = tf.reduce_sum(y**3)
        values = [y, *tape.gradient(score, [images, layer.gamma.value]), *layer.weights]
        results.append([np.asarray(value) for value in values])
    for own, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(own, theirs)


@pytest.mark.parametrize("spec", [[None, None, None, 3], [2, None, 6, 3], [None, 4, 6, 3]])
def test_upscale_of_unknown_sizes(spec):
    x = drawn(2, 4, 6, 3)
    call = tf.function(upscale2d, input_signature=[tf.TensorSpec(spec)])
    np.testing.assert_array_equal(call(x), doubled(x))


@pytest.mark.parametrize("taps", [(1, 2, 1), (1, 3, 3, 1, 0), (1, 2, 4)])
def test_blur(taps):
    x = drawn(2, 7, 6, 3)
    kernel = np.outer(taps, taps) / np.outer(taps, taps).sum()
    each = kernel[:, :, None, None] * np.eye(3)
    np.testing.assert_allclose(Blur(taps)(x), filtered(x, each), atol=1e-6)


# Noise, styles and norms ---------------------------------------------------------------------


@pytest.mark.parametrize("maps", [1, 3])
def test_noise_is_scaled_by_channel(maps):
    layer = AddNoise()
    x, noise = drawn(3, 4, 5, 2), drawn(maps, 4, 5, 1, seed=1)
    np.testing.assert_array_equal(layer(x, noise), x)
    shaken(layer)
    expected = x + noise * layer.weight.numpy()
    np.testing.assert_allclose(layer(x, noise), expected, atol=1e-6)


def test_pixel_norm():
    x = drawn(4, 3, 6)
    norm = np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(PixelNorm()(x), x / norm, rtol=1e-5)
    np.testing.assert_array_equal(PixelNorm()(np.zeros((1, 4), np.float32)), 0)
    assert np.asarray(PixelNorm(epsilon=3.0)(np.ones((1, 4), np.float32)))[0, 0] == 0.5


@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 4, 5)])
def test_scale_and_shift(shape):
    layer = ScaleShift()
    x = drawn(*shape)
    np.testing.assert_array_equal(layer(x), x)
    shaken(layer)
    expected = x * layer.gamma.numpy() + layer.beta.numpy()
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    assert [v.shape for v in layer.trainable_weights] == [(5,), (5,)]


def test_latents_of_a_table_begin_at_zero_and_learn_alone():
    layer = LatentTable(6, 4)
    indices = tf.constant([5, 0, 5])
    np.testing.assert_array_equal(layer(indices), np.zeros((3, 4)))
    shaken(layer)
    np.testing.assert_array_equal(layer(indices), layer.latents.numpy()[[5, 0, 5]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(indices))
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.latents.value)).numpy()
    np.testing.assert_array_equal(gradient[:, 0], [1, 0, 0, 0, 0, 2])
    assert layer.compute_output_shape((7,)) == (7, 4)


def test_a_latent_map_begins_as_copies_and_gives_each_layer_a_map_of_its_own():
    layer = LatentMap(3, lrmul=0.5, bias_lrmul=0.25)
    x = drawn(2, 4)
    np.testing.assert_array_equal(layer(x), np.concatenate([x, x, x], 1))
    shaken(layer)
    kernel, bias = (v.numpy().reshape(-1, 3, 4) for v in (layer.kernel, layer.bias))
    expected = [x + 0.5 * x @ kernel[:, i] + 0.25 * bias[0, i] for i in range(3)]
    np.testing.assert_allclose(layer(x), np.concatenate(expected, 1), atol=1e-6)
    assert layer.compute_output_shape((7, 4)) == (7, 12)
    with pytest.raises(ValueError, match="not 0"):
        LatentMap(0)


@pytest.mark.parametrize(("size", "dim"), [(0, 4), (3, 0)])
def test_an_empty_table_is_refused(size, dim):
    with pytest.raises(ValueError, match=f"not {size} and {dim}"):
        LatentTable(size, dim)


def grouped_deviation(x, group_size):
    """Progressive GAN's statistic: groups are interleaved, image i is in group i mod M."""
    n = len(x)
    group = max(g for g in range(1, group_size + 1) if n % g == 0)
    out = np.zeros(n)
    for m in range(n // group):
        members = x[m :: n // group].astype(np.float64)
        assert len(members) == group
        out[m :: n // group] = np.sqrt(members.var(0) + 1e-8).mean()
    return out


@settings(max_examples=20)
@given(n=st.integers(1, 13), group_size=st.integers(1, 5))
def test_minibatch_deviation(n, group_size):
    x = drawn(n, 3, 2, 4, seed=n)
    y = np.asarray(MinibatchStdDev(group_size)(x))
    assert y.shape == (n, 3, 2, 5)
    np.testing.assert_array_equal(y[..., :4], x)
    expected = np.broadcast_to(grouped_deviation(x, group_size)[:, None, None], (n, 3, 2))
    np.testing.assert_allclose(y[..., 4], expected, atol=1e-5)


def test_minibatch_deviation_of_an_unknown_batch():
    layer = MinibatchStdDev(4)
    call = tf.function(layer, input_signature=[tf.TensorSpec([None, 2, 2, 3])])
    for n in (1, 4, 6):
        x = drawn(n, 2, 2, 3)
        np.testing.assert_allclose(call(x)[:, 0, 0, 3], grouped_deviation(x, 4), atol=1e-5)
    gradient = tf.constant(drawn(1, 2, 2, 3))
    with tf.GradientTape() as tape:
        tape.watch(gradient)
        loss = tf.reduce_sum(layer(gradient))
    assert np.isfinite(tape.gradient(loss, gradient)).all()


# AdaIN and its written-out gradient ------------------------------------------------------------


def numpy_adain(x, w, weight, bias, epsilon=1e-8):
    x, w, weight, bias = (np.asarray(a, np.float64) for a in (x, w, weight, bias))
    style = w @ weight / np.sqrt(w.shape[1]) + bias
    scale, shift = np.split(style[:, None, None], 2, axis=-1)
    mean = x.mean((1, 2), keepdims=True)
    deviation = np.sqrt(x.var((1, 2), keepdims=True) + epsilon)
    return (x - mean) / deviation * (scale + 1) + shift


def plain_adain(x, w, weight, bias, epsilon=1e-8):
    """AdaIN in operations of TensorFlow that are differentiated automatically, in float64."""
    style = w @ weight / np.sqrt(w.shape[1]) + bias
    scale, shift = tf.split(style[:, None, None], 2, axis=-1)
    centred = x - tf.reduce_mean(x, [1, 2], keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(centred**2, [1, 2], keepdims=True) + epsilon)
    return centred / deviation * (scale + 1) + shift


@pytest.fixture
def adain():
    layer = AdaIN()
    layer.build((None, 5, 4, 3), (None, 6))
    return shaken(layer)


STYLED = {"x": (2, 5, 4, 3), "w": (2, 6), "weight": (6, 6), "bias": (6,)}


def styled_inputs(layer, mean=0.0, deviation=1.0):
    x = drawn(2, 5, 4, 3, seed=1) * deviation + mean
    return [x, drawn(2, 6, seed=2), *(v.numpy() for v in layer.style_mod.weights)]


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (5, 0.1), (-300, 20)])
def test_adain_equals_numpy(adain, mean, deviation):
    x, w, weight, bias = styled_inputs(adain, mean, deviation)
    assert weight.shape == STYLED["weight"]
    expected = numpy_adain(x, w, weight, bias)
    np.testing.assert_allclose(adain(x, w), expected, rtol=1e-4, atol=1e-4)


def test_adain_epsilon():
    layer = AdaIN(epsilon=0.5)
    x, w = drawn(2, 5, 4, 3), drawn(2, 6, seed=1)
    layer(x, w)
    expected = numpy_adain(x, w, *(v.numpy() for v in layer.style_mod.weights), epsilon=0.5)
    np.testing.assert_allclose(layer(x, w), expected, atol=1e-5)


def adain_gradients(layer, inputs):
    x, w = (tf.constant(a) for a in inputs[:2])
    pull = drawn(*x.shape, seed=9)
    sources = [x, w, *(v.value for v in layer.style_mod.weights)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        loss = tf.reduce_sum(tf.sin(layer(x, w)) * pull)
    return [g.numpy() for g in tape.gradient(loss, sources)]


@pytest.mark.parametrize("source", range(4), ids=list(STYLED))
def test_adain_gradient_equals_finite_differences(adain, source):
    """Differences of the NumPy version in float64: the step costs no digits that count."""
    inputs = [a.astype(np.float64) for a in styled_inputs(adain)]
    pull = drawn(*inputs[0].shape, seed=9).astype(np.float64)
    expected, step = np.zeros_like(inputs[source]), 1e-6
    for at in np.ndindex(expected.shape):
        sides = []
        for sign in (1, -1):
            moved = [a.copy() for a in inputs]
            moved[source][at] += sign * step
            sides.append((np.sin(numpy_adain(*moved)) * pull).sum())
        expected[at] = (sides[0] - sides[1]) / (2 * step)
    gradient = adain_gradients(adain, styled_inputs(adain))[source]
    np.testing.assert_allclose(gradient, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (5, 0.1), (-300, 20)])
def test_adain_gradient_equals_automatic_differentiation(adain, mean, deviation):
    inputs = styled_inputs(adain, mean, deviation)
    wide = [tf.constant(a, tf.float64) for a in inputs]
    pull = drawn(*inputs[0].shape, seed=9)
    with tf.GradientTape() as tape:
        tape.watch(wide)
        loss = tf.reduce_sum(tf.sin(plain_adain(*wide)) * pull)
    for gradient, expected in zip(
        adain_gradients(adain, inputs), tape.gradient(loss, wide), strict=True
    ):
        expected = expected.numpy()
        np.testing.assert_allclose(gradient, expected, atol=1e-3 * np.abs(expected).max())


def test_adain_second_order_gradient(adain):
    """The gradient of a squared gradient norm, as gradient penalties take it."""
    inputs = styled_inputs(adain)
    pull = drawn(*inputs[0].shape, seed=9)

    def penalised(function, sources):
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(sources)
                loss = tf.reduce_sum(tf.sin(function(*sources)) * pull)
            gradients = inner.gradient(loss, sources)
            norm = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients])
        return [g.numpy() for g in outer.gradient(norm, sources)]

    expected = penalised(plain_adain, [tf.constant(a, tf.float64) for a in inputs])
    sources = [*map(tf.constant, inputs[:2]), *(v.value for v in adain.style_mod.weights)]
    second_order = penalised(lambda x, w, *_: adain(x, w), sources)
    for ours, wanted in zip(second_order, expected, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-4 * np.abs(wanted).max())


def test_adain_of_a_flat_channel(adain):
    """A channel of one value, as in StyleGAN's new constant, has no deviation to divide by."""
    x, w, weight, bias = styled_inputs(adain)
    x[:, :, :, 0] = 0.7
    x[:, :, :, 1] = 0.0
    y = np.asarray(adain(x, w))
    np.testing.assert_allclose(y, numpy_adain(x, w, weight, bias), atol=2e-3)
    assert all(np.isfinite(g).all() for g in adain_gradients(adain, [x, w, weight, bias]))


# Every layer as a Keras layer --------------------------------------------------------------------

LAYERS = {
    "dense": (EqualizedDense, {"units": 5, "gain": 1.3, "lrmul": 0.1}, [(7,)]),
    "dense_without_bias": (EqualizedDense, {"units": 5, "use_bias": False}, [(7,)]),
    "conv": (EqualizedConv2D, {"filters": 4, "kernel_size": 1, "gain": 1.0}, [(6, 4, 3)]),
    "conv_up": (EqualizedConv2D, {"filters": 4, "resample": "up"}, [(6, 4, 3)]),
    "conv_up_fused": (
        EqualizedConv2D,
        {"filters": 4, "resample": "up", "fused": True},
        [(6, 4, 3)],
    ),
    "conv_down_fused": (
        EqualizedConv2D,
        {"filters": 4, "resample": "down", "fused": True, "lrmul": 2.0},
        [(6, 4, 3)],
    ),
    "conv_doubling": (
        DoublingConv2D,
        {"filters": 4, "kernel_size": (3, 3), "padding": "same"},
        [(6, 4, 3)],
    ),
    "conv_spectral_up": (SpectralConv2D, {"filters": 4, "resample": "up"}, [(6, 4, 3)]),
    "conv_spectral_down": (SpectralConv2D, {"filters": 4, "resample": "down"}, [(6, 4, 3)]),
    "blur": (Blur, {"taps": [1.0, 3.0, 1.0]}, [(6, 4, 3)]),
    "noise": (AddNoise, {}, [(6, 4, 3), (6, 4, 1)]),
    "adain": (AdaIN, {"epsilon": 0.01}, [(6, 4, 3), (5,)]),
    "pixel_norm": (PixelNorm, {"epsilon": 0.1}, [(7,)]),
    "minibatch": (MinibatchStdDev, {"group_size": 3}, [(6, 4, 3)]),
    "scale_shift": (ScaleShift, {}, [(6, 4, 3)]),
    "latents": (LatentTable, {"size": 6, "dim": 4}, [()]),
    "latent_map": (LatentMap, {"layers": 3, "lrmul": 0.1}, [(4,)]),
}


def inputs_of(shapes, n=6):
    if shapes == [()]:
        return [np.arange(n, dtype=np.int32)[::-1].copy()]
    return [drawn(n, *shape, seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("case", LAYERS)
def test_layer_comes_back_from_its_config(case):
    cls, arguments, shapes = LAYERS[case]
    layer = cls(name="mine", **arguments)
    xs = inputs_of(shapes)
    layer(*xs)
    shaken(layer)
    config = json.loads(json.dumps(layer.get_config()))
    assert json.loads(json.dumps(arguments)).items() <= config.items()
    back = cls.from_config(config)
    assert back.name == "mine"
    back(*xs)
    back.set_weights(layer.get_weights())
    np.testing.assert_array_equal(back(*xs), layer(*xs))


@saving
@pytest.mark.parametrize("case", LAYERS)
def test_layer_survives_a_keras_file(case, tmp_path):
    cls, arguments, shapes = LAYERS[case]
    dtype = "int32" if case == "latents" else "float32"
    inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
    layer = cls(name="mine", **arguments)
    model = keras.Model(inputs, layer(*inputs))
    shaken(layer)
    model.save(tmp_path / "model.keras")
    back = keras.models.load_model(tmp_path / "model.keras")
    xs = inputs_of(shapes)
    expected = np.asarray(model(xs))
    assert model.output_shape[1:] == expected.shape[1:]
    assert [v.path for v in back.weights] == [v.path for v in model.weights]
    np.testing.assert_array_equal(back(xs), expected)


@pytest.mark.parametrize("case", [c for c in LAYERS if c not in ("latents", "latent_map")])
def test_layer_in_half_precision(case):
    cls, arguments, shapes = LAYERS[case]
    full, half = cls(**arguments), cls(**arguments, dtype="mixed_bfloat16")
    xs = inputs_of(shapes)
    full(*xs)
    shaken(full)
    # As inside a network of that policy, whose activations are halves already.
    halves = [tf.cast(x, tf.bfloat16) for x in xs]
    y = half(*halves)
    half.set_weights(full.get_weights())
    y = half(*halves)
    assert y.dtype == tf.bfloat16
    assert all(v.dtype == "float32" for v in half.weights)
    rounded = [np.asarray(tf.cast(x, tf.float32)) for x in halves]
    expected = np.asarray(full(*rounded))
    error = np.abs(np.asarray(tf.cast(y, tf.float32)) - expected)
    assert error.max() <= 0.03 * np.abs(expected).max()


def test_latents_stay_whole_in_half_precision():
    layer = LatentTable(3, 2, dtype="mixed_bfloat16")
    layer(tf.constant([0]))
    layer.latents.assign(np.full((3, 2), 1 + 2.0**-12))
    y = layer(tf.constant([1]))
    assert y.dtype == tf.float32
    assert np.asarray(y)[0, 0] == 1 + 2.0**-12


def test_latent_gaussian_is_not_there_until_it_is_fitted():
    layer = LatentGaussian(2, 4)
    rng = np.random.default_rng(0)
    x, otherwise = (rng.standard_normal((5, n)).astype(np.float32) for n in (3, 4))
    np.testing.assert_array_equal(layer(x, otherwise), otherwise)
    np.testing.assert_array_equal(layer.centre(otherwise[0]), otherwise[0])
    assert not layer.trainable_variables
    twin = LatentGaussian.from_config(layer.get_config())
    np.testing.assert_array_equal(twin(x, otherwise), otherwise)
    layer.fit(rng.standard_normal((3, 4)))
    assert (np.abs(layer(x, otherwise) - otherwise).max(1) > 0).all()
    layer.reset()
    np.testing.assert_array_equal(layer(x, otherwise), otherwise)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_latent_gaussian_has_the_mean_and_covariance_of_latents(count):
    rng = np.random.default_rng(count)
    latents = rng.standard_normal((count, 6)) * [1, 2, 0.5, 1, 3, 1] + rng.standard_normal(6)
    layer = LatentGaussian(max(1, min(count - 1, 6)), 6)
    layer.build()
    layer.fit(latents)
    drawn = layer(rng.standard_normal((200_000, 7)), np.zeros(6)).numpy()
    covariance = np.cov(latents.T) if count > 1 else np.zeros((6, 6))
    np.testing.assert_allclose(drawn.mean(0), latents.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.15)
    np.testing.assert_allclose(layer.centre(np.zeros(6)), latents.mean(0), rtol=1e-6)
    places = layer.coordinates(latents, 7)
    assert places.shape == (count, 7)
    np.testing.assert_allclose(layer(places, np.zeros(6)), latents, atol=4e-3)


def test_latent_gaussian_of_few_axes_keeps_the_longest():
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((30, 4)) * [0.1, 5.0, 0.2, 2.0]
    layer = LatentGaussian(2, 4)
    layer.build()
    layer.fit(latents)
    values, axes = np.linalg.eigh(np.cov(latents.T))
    expected = (axes[:, -2:] * values[-2:]) @ axes[:, -2:].T
    drawn = layer(rng.standard_normal((200_000, 2)), np.zeros(4)).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), expected, atol=0.2)
