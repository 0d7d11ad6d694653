"""Files of BigGAN in PyTorch's names and layout, and what the published networks compute of them.

Everything here is NumPy, channels first, in float64: an account of the architectures apart from the
networks under test. The first half is BigGAN-PyTorch's, the second pytorch-pretrained-biggan's.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from tests.chainer_sngan import conv, down, relu, up
from tests.torch_files import Tensor, legacy, safetensors, zipped

Arrays = dict[str, np.ndarray]


class Draw:
    """Draws arrays by name; a spectral layer has a raw weight, and vectors."""

    def __init__(self, seed: int = 0):
        self.rng, self.arrays = np.random.default_rng(seed), {}

    def put(self, name: str, *shape: int, scale: float = 1.0, offset: float = 0.0) -> None:
        value = offset + scale * self.rng.standard_normal(shape)
        self.arrays[name] = np.asarray(value, np.float32)

    def spectral(self, name: str, *shape: int, bias: bool = True, values: bool = True) -> None:
        self.put(f"{name}.weight", *shape, scale=0.3)
        self.put(f"{name}.u0", 1, shape[0])
        if values:
            self.put(f"{name}.sv0", 1)
        if bias:
            self.put(f"{name}.bias", shape[0], scale=0.2)

    def attention(self, name: str, width: int, **options: Any) -> None:
        narrow, middle = max(width // 8, 1), width // 2
        for part, out, inputs in (
            ("theta", narrow, width),
            ("phi", narrow, width),
            ("g", middle, width),
            ("o", width, middle),
        ):
            self.spectral(f"{name}.{part}", out, inputs, 1, 1, bias=False, **options)
        self.put(f"{name}.gamma", scale=0.1, offset=0.8)

    def statistics(self, name: str, width: int, mean: str = "mean", var: str = "var") -> None:
        self.put(f"{name}_{mean}", width, scale=0.3)
        self.arrays[f"{name}_{var}"] = self.rng.uniform(0.5, 1.5, width).astype(np.float32)


# ajbrock/BigGAN-PyTorch ------------------------------------------------------------------------

SMALL: dict[str, Any] = {
    "channels": [16, 8, 8],
    "classes": 3,
    "class_dim": 5,
    "chunk": 2,
    "attention": 0,
    "form": "hier",
    "sv": True,
    "stored": "stored",
}


def generator(seed: int = 0, deep: bool = False, **options: Any) -> Arrays:
    """A state dict of a generator.

    ``form`` is "hier", "shared" (blocks are told the class alone) or "tables" (scale and shift are
    rows of tables); ``attention`` is a block's number, or None.
    """
    o = {**SMALL, **options}
    channels, draw = o["channels"], Draw(seed)
    values = {"values": o["sv"]}
    if o["form"] != "tables":
        draw.put("shared.weight", o["classes"], o["class_dim"])
    whole = o["form"] != "hier" or deep
    first = o["chunk"] * (len(channels) if whole else 1) + (o["class_dim"] if deep else 0)
    told = o["class_dim"] + (0 if o["form"] == "shared" else o["chunk"])
    told = first if deep else told
    draw.spectral("linear", 16 * channels[0], first, **values)
    sizes = list(itertools.pairwise(channels))
    if deep:
        sizes = [pair for a, b in sizes for pair in ((a, a), (a, b))]

    def norm(name, width):
        for part in ("gain", "bias"):
            if o["form"] == "tables":
                draw.put(f"{name}.{part}.weight", o["classes"], width, scale=0.3)
            else:
                draw.spectral(f"{name}.{part}", width, told, bias=False, **values)
        draw.statistics(f"{name}.{o['stored']}", width)

    for i, (before, after) in enumerate(sizes):
        block, narrow = f"blocks.{i}.0", max(before // 4, 1)
        steps = [(before, after, 3), (after, after, 3)]
        if deep:
            steps = [(before, narrow, 1), *2 * [(narrow, narrow, 3)], (narrow, after, 1)]
        for k, (inputs, out, size) in enumerate(steps, 1):
            norm(f"{block}.bn{k}", inputs)
            draw.spectral(f"{block}.conv{k}", out, inputs, size, size, **values)
        if not deep:
            draw.spectral(f"{block}.conv_sc", after, before, 1, 1, **values)
        if i == o["attention"]:
            draw.attention(f"blocks.{i}.1", after, **values)
    width = channels[-1]
    draw.put("output_layer.0.gain", width, scale=0.1, offset=0.7)
    draw.put("output_layer.0.bias", width, scale=0.2)
    draw.statistics(f"output_layer.0.{o['stored']}", width)
    draw.spectral("output_layer.2", width if deep else 3, width, 3, 3, **values)
    return draw.arrays


def discriminator(
    widths=(6, 8, 8), halvings: int = 2, classes: int = 3, attention=0, wide=True, seed: int = 1
) -> Arrays:
    draw, before = Draw(seed), 3
    for i, width in enumerate(widths):
        hidden = width if wide or i == 0 else before
        draw.spectral(f"blocks.{i}.0.conv1", hidden, before, 3, 3)
        draw.spectral(f"blocks.{i}.0.conv2", width, hidden, 3, 3)
        if i < halvings:
            draw.spectral(f"blocks.{i}.0.conv_sc", width, before, 1, 1)
        if i == attention:
            draw.attention(f"blocks.{i}.1", width)
        before = width
    draw.spectral("linear", 1, before)
    draw.spectral("embed", classes, before, bias=False)
    return draw.arrays


def unit(x, epsilon):
    return x / max(np.sqrt((x**2).sum()), epsilon)


def spectral(v, name, epsilon):
    w = v[f"{name}.weight"]
    if f"{name}.u0" not in v:
        return w
    matrix = w.reshape(len(w), -1)
    right = unit(v[f"{name}.u0"] @ matrix, epsilon)
    left = unit(right @ matrix.T, epsilon)
    return w / (right @ matrix.T @ left.T).item()


def doubles(arrays: Arrays) -> Arrays:
    return {name: np.asarray(value, np.float64) for name, value in arrays.items()}


def attended(x, kernels, gamma):
    """The map with what it sees of itself by four 1 × 1 kernels."""
    theta, phi, g, o = kernels
    n, c, height, width = x.shape

    def seen(kernel, halved=True):
        y = conv(x, kernel, np.zeros(len(kernel)))
        if halved:
            y = y.reshape(n, len(kernel), height // 2, 2, width // 2, 2).max((3, 5))
        return y.reshape(n, len(kernel), -1)

    weights = np.einsum("ncq,nck->nqk", seen(theta, False), seen(phi))
    weights = np.exp(weights - weights.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    values = np.einsum("nqk,nck->ncq", weights, seen(g)).reshape(n, -1, height, width)
    return x + gamma * conv(values, o, np.zeros(c))


def draws(
    arrays: Arrays, z, label, sn: float = 1e-8, bn: float = 1e-5, last: float = 1e-5
) -> np.ndarray:
    """The images NHWC of a state dict of a generator."""
    v, z = doubles(arrays), np.asarray(z, np.float64)
    deep = "blocks.0.0.conv4.weight" in v
    count = sum(name.endswith(".0.conv1.weight") for name in v)
    y = v["shared.weight"][label] if "shared.weight" in v else None
    told = [y] * count
    first = z
    if deep and y is not None:
        first = np.concatenate([z, y], 1)
        told = [first] * count
    elif y is not None and v["blocks.0.0.bn1.gain.weight"].shape[1] > y.shape[1]:
        first, *chunks = np.split(z, count + 1, 1)
        told = [np.concatenate([y, chunk], 1) for chunk in chunks]

    def convolved(name, x):
        return conv(x, spectral(v, name, sn), v[f"{name}.bias"])

    def normal(name, x, epsilon):
        kinds = ("stored_{}", "bn.stored_{}", "bn.running_{}")
        stored = next(f"{name}.{k}" for k in kinds if f"{name}.{k.format('mean')}" in v)
        mean, var = (v[stored.format(what)][:, None, None] for what in ("mean", "var"))
        return (x - mean) / np.sqrt(var + epsilon)

    def norm(name, x, condition):
        maps = []
        for part in ("gain", "bias"):
            w = spectral(v, f"{name}.{part}", sn)
            maps.append((w[label] if condition is None else condition @ w.T)[:, :, None, None])
        return normal(name, x, bn) * (1 + maps[0]) + maps[1]

    h = first @ spectral(v, "linear", sn).T + v["linear.bias"]
    h = h.reshape(len(h), -1, 4, 4)
    for i in range(count):
        block, x, steps = f"blocks.{i}.0", h, 4 if deep else 2
        grows = not deep or i % 2 == 1
        for k in range(1, steps + 1):
            h = relu(norm(f"{block}.bn{k}", h, told[i]))
            h = up(h) if grows and k == (2 if deep else 1) else h
            h = convolved(f"{block}.conv{k}", h)
        x = up(x[:, : h.shape[1]] if deep else x) if grows else x
        h = h + (x if deep else convolved(f"{block}.conv_sc", x))
        if f"blocks.{i}.1.gamma" in v:
            parts = [spectral(v, f"blocks.{i}.1.{p}", sn) for p in ("theta", "phi", "g", "o")]
            h = attended(h, parts, v[f"blocks.{i}.1.gamma"])
    gain, bias = (v[f"output_layer.0.{part}"][:, None, None] for part in ("gain", "bias"))
    h = relu(normal("output_layer.0", h, last) * gain + bias)
    return np.tanh(convolved("output_layer.2", h)[:, :3]).transpose(0, 2, 3, 1)


def judges(arrays: Arrays, images, label, halvings: int = 2, sn: float = 1e-8) -> np.ndarray:
    """The logits ``[N, 1]`` of a state dict of a discriminator."""
    v = doubles(arrays)

    def convolved(name, x):
        return conv(x, spectral(v, name, sn), v[f"{name}.bias"])

    h, i = np.asarray(images, np.float64).transpose(0, 3, 1, 2), 0
    while f"blocks.{i}.0.conv1.weight" in v:
        block, x = f"blocks.{i}.0", h
        h = convolved(f"{block}.conv1", relu(h) if i else h)
        h = convolved(f"{block}.conv2", relu(h))
        if f"{block}.conv_sc.weight" in v:
            x = convolved(f"{block}.conv_sc", x)
        h = down(h) + down(x) if i < halvings else h + x
        if f"blocks.{i}.1.gamma" in v:
            parts = [spectral(v, f"blocks.{i}.1.{p}", sn) for p in ("theta", "phi", "g", "o")]
            h = attended(h, parts, v[f"blocks.{i}.1.gamma"])
        i += 1
    h = relu(h).sum((2, 3))
    logits = h @ spectral(v, "linear", sn).T + v["linear.bias"]
    return logits + (spectral(v, "embed", sn)[label] * h).sum(1, keepdims=True)


# huggingface/pytorch-pretrained-BigGAN ---------------------------------------------------------


def deep_generator(
    channels=(16, 8, 4), attention: int = 2, classes: int = 3, class_dim: int = 4, latent: int = 5,
    rows: int = 6, epsilon: float = 1e-4, kernels: float = 0.3, seed: int = 0,
) -> Arrays:  # fmt: skip
    """A state dict whose vectors are one step from random ones, as those of the weights are."""
    draw, told = Draw(seed), class_dim + latent

    def layer(name, *shape, bias=True):
        draw.put(f"{name}.weight_orig", *shape, scale=kernels)
        matrix = draw.arrays[f"{name}.weight_orig"].reshape(shape[0], -1).astype(np.float64)
        right = unit(draw.rng.standard_normal(shape[0]) @ matrix, epsilon)
        left = unit(matrix @ right, epsilon)
        draw.arrays |= {
            f"{name}.weight_u": left.astype(np.float32),
            f"{name}.weight_v": right.astype(np.float32),
        }
        if bias:
            draw.put(f"{name}.bias", shape[0], scale=0.2)

    def norm(name, width):
        for part in ("scale", "offset"):
            layer(f"{name}.{part}", width, told, bias=False)
        statistics(name, width)

    def statistics(name, width):
        draw.put(f"{name}.running_means", rows, width, scale=0.3)
        variances = draw.rng.uniform(0.5, 1.5, (rows, width))
        draw.arrays[f"{name}.running_vars"] = variances.astype(np.float32)

    draw.put("embeddings.weight", class_dim, classes)
    layer("generator.gen_z", 16 * channels[0], told)
    place = 0
    for a, b in itertools.pairwise(channels):
        for before, after in ((a, a), (a, b)):
            if place == attention:
                scope, narrow = f"generator.layers.{place}", max(before // 8, 1)
                for part, out, inputs in (
                    ("theta", narrow, before),
                    ("phi", narrow, before),
                    ("g", before // 2, before),
                    ("o_conv", before, before // 2),
                ):
                    layer(f"{scope}.snconv1x1_{part}", out, inputs, 1, 1, bias=False)
                draw.put(f"{scope}.gamma", 1, scale=0.1, offset=0.8)
                place += 1
            scope, narrow = f"generator.layers.{place}", before // 4
            widths = [(before, narrow, 1), *2 * [(narrow, narrow, 3)], (narrow, after, 1)]
            for k, (inputs, out, size) in enumerate(widths):
                norm(f"{scope}.bn_{k}", inputs)
                layer(f"{scope}.conv_{k}", out, inputs, size, size)
            place += 1
    draw.put("generator.bn.weight", channels[-1], scale=0.1, offset=0.7)
    draw.put("generator.bn.bias", channels[-1], scale=0.2)
    statistics("generator.bn", channels[-1])
    layer("generator.conv_to_rgb", channels[-1], channels[-1], 3, 3)
    return draw.arrays


def deep_draws(arrays: Arrays, z, label, row: int, epsilon: float = 1e-4) -> np.ndarray:
    """The images NHWC at a truncation whose statistics are a row of the tables."""
    v = doubles(arrays)
    told = np.concatenate([np.asarray(z, np.float64), v["embeddings.weight"].T[label]], 1)

    def weight(name):
        w = v[f"{name}.weight_orig"]
        sigma = v[f"{name}.weight_u"] @ w.reshape(len(w), -1) @ v[f"{name}.weight_v"]
        return w / sigma

    def convolved(name, x):
        return conv(x, weight(name), v[f"{name}.bias"])

    def normal(name, x):
        mean, var = (v[f"{name}.running_{p}"][row][:, None, None] for p in ("means", "vars"))
        return (x - mean) / np.sqrt(var + epsilon)

    def norm(name, x):
        scale, shift = (
            (told @ weight(f"{name}.{part}").T)[:, :, None, None] for part in ("scale", "offset")
        )
        return normal(name, x) * (1 + scale) + shift

    h = told @ weight("generator.gen_z").T + v["generator.gen_z.bias"]
    h = h.reshape(len(h), 4, 4, -1).transpose(0, 3, 1, 2)
    place = blocks = 0
    while any(name.startswith(f"generator.layers.{place}.") for name in v):
        scope = f"generator.layers.{place}"
        place += 1
        if f"{scope}.gamma" in v:
            parts = [weight(f"{scope}.snconv1x1_{p}") for p in ("theta", "phi", "g", "o_conv")]
            h = attended(h, parts, v[f"{scope}.gamma"][0])
            continue
        x, grows = h, blocks % 2 == 1
        for k in range(4):
            h = relu(norm(f"{scope}.bn_{k}", h))
            h = up(h) if grows and k == 1 else h
            h = convolved(f"{scope}.conv_{k}", h)
        x = x[:, : h.shape[1]]
        h, blocks = h + (up(x) if grows else x), blocks + 1
    gain, bias = (v[f"generator.bn.{p}"][:, None, None] for p in ("weight", "bias"))
    h = relu(normal("generator.bn", h) * gain + bias)
    return np.tanh(convolved("generator.conv_to_rgb", h)[:, :3]).transpose(0, 2, 3, 1)


# Files -----------------------------------------------------------------------------------------


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: Tensor(array) for name, array in arrays.items()}


def written(path: Path, arrays: Arrays, kind: str = "zip", prefix: str = "") -> Path:
    arrays = {prefix + name: value for name, value in arrays.items()}
    if kind == "safetensors":
        path.write_bytes(safetensors(arrays))
    else:
        path.write_bytes({"zip": zipped, "legacy": legacy}[kind](tensors(arrays)))
    return path
