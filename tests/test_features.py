"""Frozen networks against NumPy versions written from the papers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import features
from tf_fewshot.errors import UserError
from tf_fewshot.features.efficientnet_lite0 import efficientnet_lite0
from tf_fewshot.features.lpips import LPIPS, lpips_alexnet
from tf_fewshot.features.trunk import preprocessed
from tf_fewshot.features.vgg16 import lpips_vgg16

download = pytest.mark.download


def images(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth coloured noise in [-1, 1]."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (n, size // 4, size // 4, 3))
    return np.kron(noise, np.ones((1, 4, 4, 1))).astype(np.float32)


def convolved(x, layer, stride=1, pad=1):
    kernel, bias = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    k = kernel.shape[0]
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))[:, ::stride, ::stride]
    return np.maximum(np.einsum("nhwcij,ijco->nhwo", windows, kernel, optimize=True) + bias, 0)


def pooled(x, size):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return windows[:, ::2, ::2].max((-1, -2))


def imagenet(x):
    """torchvision's normalisation of RGB in [0, 1]."""
    return ((x.astype(np.float64) + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]


def numpy_alexnet(x):
    w = lpips_alexnet()["AlexNet_0"]
    out = [convolved(imagenet(x), w["Conv_0"], 4, 2)]
    out.append(convolved(pooled(out[-1], 3), w["Conv_1"], 1, 2))
    out.append(convolved(pooled(out[-1], 3), w["Conv_2"]))
    out.append(convolved(out[-1], w["Conv_3"]))
    return [*out, convolved(out[-1], w["Conv_4"])]


def numpy_vgg16(x):
    w, out, i = lpips_vgg16()["VGG16_0"], [], 0
    for block, n in enumerate((2, 2, 3, 3, 3)):
        x = pooled(x, 2) if block else x
        for _ in range(n):
            x = convolved(x, w[f"Conv_{i}"])
            i += 1
            out.append(x)
    return out


def numpy_lpips(net, a, b):
    if net == "alex":
        stored, layers = lpips_alexnet(), (numpy_alexnet(a), numpy_alexnet(b))
    else:
        picked = (1, 3, 6, 9, 12)
        stored = lpips_vgg16()
        layers = tuple([numpy_vgg16(imagenet(x))[i] for i in picked] for x in (a, b))
    total = np.zeros(len(a))
    for i, (x, y) in enumerate(zip(*layers, strict=True)):
        head = stored[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].reshape(-1)
        x = x / (np.sqrt((x**2).sum(-1, keepdims=True)) + 1e-10)
        y = y / (np.sqrt((y**2).sum(-1, keepdims=True)) + 1e-10)
        total += (((x - y) ** 2) @ head).mean((1, 2))
    return total


# Preprocessing ---------------------------------------------------------------------------


def test_preprocessing():
    x = images(2, 8)
    np.testing.assert_allclose(preprocessed(x, "torchvision"), imagenet(x), atol=1e-5)
    white = np.asarray(preprocessed(np.ones((1, 1, 1, 3)), "bsa")).ravel()
    np.testing.assert_allclose(white, [255 - 103.939, 255 - 116.779, 255 - 123.68], atol=1e-4)
    black = np.asarray(preprocessed(-np.ones((1, 1, 1, 3)), "bsa")).ravel()
    np.testing.assert_allclose(black, [-103.939, -116.779, -123.68], atol=1e-4)
    with pytest.raises(UserError, match="Did you mean 'torchvision'"):
        preprocessed(x, "torchvison")  # pyright: ignore[reportArgumentType]


# VGG16 -------------------------------------------------------------------------------------


@download
@pytest.mark.parametrize("preprocess", ["torchvision", "bsa"])
def test_vgg16_equals_numpy(preprocess):
    x = images(2, 16)
    ready = np.asarray(preprocessed(x, preprocess), np.float64)
    expected = numpy_vgg16(ready)
    layers = ["conv5_3", "conv1_1", "conv3_2"]
    activations = features.VGG16Features(layers, preprocess=preprocess)(x)
    for layer, value in zip(layers, activations, strict=True):
        wanted = expected[features.VGG16_LAYERS.index(layer)]
        assert value.shape == wanted.shape
        np.testing.assert_allclose(value, wanted, atol=2e-5 * wanted.max())


@download
def test_vgg16_is_frozen_but_passes_gradients():
    network = features.VGG16Features(features.BSA_LAYERS)
    assert features.BSA_LAYERS[0] == "conv1_1"
    assert features.BSA_LAYERS[-1] == "conv4_3"
    assert len(features.BSA_LAYERS) == 10
    assert network.trainable_variables == []
    assert len(network.weights) == 20
    x = tf.constant(images(1, 16))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.add_n([tf.reduce_mean(tf.square(y)) for y in network(x)])
    gradient = tape.gradient(loss, x)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@download
def test_vgg16_in_bfloat16_is_near():
    x = images(2, 32)
    full = features.VGG16Features(["conv3_3"])(x)[0]
    half = features.VGG16Features(["conv3_3"], dtype="mixed_bfloat16")(x)[0]
    assert half.dtype == tf.bfloat16
    error = np.abs(np.asarray(tf.cast(half, tf.float32)) - full).mean() / np.mean(full)
    assert 0 < error < 0.03


@download
def test_vgg16_is_rebuilt_from_its_config():
    network = features.VGG16Features(["conv2_1"], preprocess="bsa", dtype="mixed_bfloat16")
    config = keras.saving.serialize_keras_object(network)
    back = keras.saving.deserialize_keras_object(config)
    x = images(1, 16)
    assert back.trainable_variables == []
    np.testing.assert_array_equal(*(tf.cast(n(x)[0], tf.float32) for n in (network, back)))


@download
def test_what_vgg16_refuses():
    with pytest.raises(UserError, match="Did you mean 'conv1_1'"):
        features.VGG16Features(["conv1-1"])
    with pytest.raises(UserError, match="at least one"):
        features.VGG16Features([])
    network = features.VGG16Features(["conv1_1"])
    with pytest.raises(UserError, match="at least 16 px"):
        network(np.zeros((1, 8, 16, 3), np.float32))
    with pytest.raises(UserError, match="RGB"):
        network(np.zeros((1, 16, 16, 2), np.float32))
    # Grey is seen as RGB.
    grey = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(network(grey)[0], network(grey.repeat(3, -1))[0])


# LPIPS -------------------------------------------------------------------------------------


@download
@pytest.mark.parametrize(("net", "size"), [("alex", 32), ("alex", 64), ("vgg", 16)])
def test_lpips_equals_numpy(net, size):
    a, b = images(3, size), images(3, size, seed=1)
    distance = np.asarray(features.lpips(net)(a, b))
    assert distance.shape == (3,)
    np.testing.assert_allclose(distance, numpy_lpips(net, a, b), rtol=1e-4)


@download
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_is_a_distance(net):
    measure = features.lpips(net)
    a, b = images(4, 32), images(4, 32, seed=1)
    np.testing.assert_array_equal(measure(a, a), np.zeros(4))
    np.testing.assert_allclose(measure(a, b), measure(b, a), rtol=1e-6)
    assert np.min(measure(a, b)) > 0.05
    # More noise is farther.
    far = [float(np.mean(measure(a, a + s * images(4, 32, seed=2)))) for s in (0.05, 0.2, 0.8)]
    assert far == sorted(far)


@download
@pytest.mark.parametrize(("net", "batch_size"), [("alex", 2), ("vgg", 32)])
def test_embeddings_have_lpips_as_squared_distance(net, batch_size):
    measure, x = features.lpips(net), images(5, 32)
    vectors = measure.embed(x, batch_size=batch_size)
    assert vectors.dtype == np.float32
    i, j = np.triu_indices(5, 1)
    squared = ((vectors[i] - vectors[j]) ** 2).sum(1)
    np.testing.assert_allclose(squared, measure(x[i], x[j]), rtol=1e-4)
    assert measure.embed(x[:0]).shape[0] == 0


@download
def test_lpips_has_finite_gradients_even_where_nothing_is_active():
    x = tf.constant(np.concatenate([images(1, 32), -np.ones((1, 32, 32, 3), np.float32)]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(features.lpips("alex")(x, x[::-1]))
    gradient = tape.gradient(loss, x)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@download
def test_the_size_of_embeddings_is_as_documented():
    assert features.lpips("alex").embed(images(1, 64)).shape == (1, 31_872)
    assert features.lpips("vgg").embed(images(1, 64)).shape == (1, 499_712)


@download
def test_what_lpips_refuses():
    with pytest.raises(UserError, match="Did you mean 'vgg'"):
        LPIPS("vgg16")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="at least 31 px"):
        features.lpips("alex")(images(1, 28), images(1, 28))
    assert features.lpips("alex") is features.lpips("alex")


@download
def test_lpips_of_avatars_is_what_it_was():
    """Pairs of the avatars that are drawn for training lie 0.34 apart on average."""
    pytest.importorskip("resvg_py")
    pytest.importorskip("dicebear")
    import io

    from PIL import Image

    from tf_fewshot.data.avatars import draw

    drawn = [draw("avataaars", seed, 64) for seed in range(80)]
    pictures = np.stack([np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in drawn])
    vectors = features.lpips("alex").embed(pictures / np.float32(127.5) - 1)
    i, j = np.triu_indices(80, 1)
    mean = np.mean([((vectors[a] - vectors[b]) ** 2).sum() for a, b in zip(i, j, strict=True)])
    assert mean == pytest.approx(0.34, abs=0.02)


# EfficientNet-Lite0 --------------------------------------------------------------------------


@download
def test_efficientnet_knows_what_is_on_photos():
    datasets = pytest.importorskip("sklearn.datasets")
    network = efficientnet_lite0()
    palace, daisy = 698, 985
    for name, label in (("china.jpg", palace), ("flower.jpg", daisy)):
        photo = datasets.load_sample_image(name)
        left = (photo.shape[1] - photo.shape[0]) // 2
        square = photo[None, :, left : left + photo.shape[0]]
        vector = network(square)
        assert network.logits(vector).argmax() == label


@download
def test_efficientnet_equals_numpy_at_the_first_layers():
    """The folded stem and first block against batch norm as it is written."""
    from tf_fewshot.downloads.packages import EFFICIENTNET_LITE0
    from tf_fewshot.unpickling.torch_legacy import read_torch_legacy

    network, w = efficientnet_lite0(), read_torch_legacy(EFFICIENTNET_LITE0.fetch())

    def norm(x, name):
        mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
        return (x - mean) / np.sqrt(var + 1e-3) * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = images(1, 16).astype(np.float64)
    # 'same' padding of a 3 × 3 kernel at stride 2 and even size: one, at the end.
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)]), (3, 3), (1, 2)
    )[:, ::2, ::2]
    y = np.einsum("nhwcij,ocij->nhwo", windows, w["_conv_stem.weight"])
    y = np.clip(norm(y, "_bn0"), 0, 6)
    actual = tf.nn.conv2d(x.astype(np.float32), network.stem[0], 2, "SAME") + network.stem[1]
    np.testing.assert_allclose(tf.nn.relu6(actual), y, atol=1e-4)

    padded = np.pad(y, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    z = np.einsum("nhwcij,cij->nhwc", windows, w["_blocks.0._depthwise_conv.weight"][:, 0])
    kernel, bias = network.blocks[0]["depthwise"]
    actual = tf.nn.depthwise_conv2d(y.astype(np.float32), kernel, [1, 1, 1, 1], "SAME") + bias
    np.testing.assert_allclose(actual, norm(z, "_blocks.0._bn1"), atol=1e-3)


@download
def test_features_do_not_depend_on_the_batch():
    extract = features.extractor()
    assert (extract.dims, extract.resize, len(extract.version)) == (1280, 224, 64)
    pictures = ((images(5, 32) + 1) * 127.5).astype(np.uint8)
    vectors = extract(pictures)
    assert vectors.shape == (5, 1280)
    assert vectors.dtype == np.float32
    alone = efficientnet_lite0()(pictures, batch_size=2)
    np.testing.assert_allclose(vectors, alone, atol=1e-4)
    assert extract.load() is extract.load()
    assert extract(pictures[:0]).shape == (0, 1280)


@download
def test_pooled_features_of_vgg16_equal_numpy():
    extract = features.extractor("vgg16")
    assert (extract.dims, extract.resize, len(extract.version)) == (512, 112, 64)
    # Of their own size, so that resizing changes nothing.
    pixels = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    expected = numpy_vgg16(imagenet(pixels / 127.5 - 1.0))[-1].mean((1, 2))
    vectors = extract(pixels)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-4 * expected.max())
    resized = tf.image.resize(pixels[:, ::2, ::2], (112, 112), antialias=True).numpy()
    expected = extract.load()._pooled(tf.constant(resized))  # pyright: ignore
    np.testing.assert_allclose(extract(pixels[:, ::2, ::2]), expected, atol=1e-3)
    assert extract(pixels[:0]).shape == (0, 512)


@download
def test_what_features_refuse():
    with pytest.raises(UserError, match="uint8"):
        features.extractor()(images(1, 32))
    with pytest.raises(UserError, match="Did you mean 'efficientnet_lite0'"):
        features.extractor("efficientnet")


@download
def test_activations_of_efficientnet_lead_to_its_features():
    network = efficientnet_lite0()
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (2, 28, 28, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    shown = tf.constant(pixels / 127.5 - 1.0, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(shown)
        maps = network.activations(shown)
        total = tf.reduce_mean(tf.square(maps[-1]))
    assert [m.shape for m in maps] == [
        (2, 56, 56, 24),
        (2, 28, 28, 40),
        (2, 14, 14, 112),
        (2, 7, 7, 320),
    ]
    assert np.abs(tape.gradient(total, shown)).max() > 0
    kernel, bias = (np.asarray(part, np.float64) for part in network.head)
    hidden = np.einsum("nhwc,co->nhwo", np.asarray(maps[-1], np.float64), kernel[0, 0]) + bias
    pooled_features = np.clip(hidden, 0.0, 6.0).mean((1, 2))
    np.testing.assert_allclose(network(pixels), pooled_features, atol=2e-4)
    # The first scale: two blocks of stride 2 in all, of smaller images, too.
    small = network.activations(shown[:, :33, :64])
    assert small[0].shape == (2, 9, 16, 24) and small[3].shape == (2, 2, 2, 320)
