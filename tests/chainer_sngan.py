"""SNGAN's arrays in Chainer's names, and its networks in NumPy: NCHW, float64.

Written from the layers of the original, apart from the code under test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import tf_fewshot as tff

Arrays = dict[str, np.ndarray]


class Draw:
    """Random arrays at which no term of a network can hide."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.arrays: Arrays = {}

    def put(self, name, shape, scale=1.0, mean=0.0):
        value = mean + scale * self.rng.standard_normal(shape)
        self.arrays[name] = value.astype(np.float32)

    def kernel(self, name, out, *fan_in):
        self.put(f"{name}/W", (out, *fan_in), 1.3 / np.sqrt(np.prod(fan_in)))
        self.put(f"{name}/b", (out,), 0.2)

    def norm(self, name, width, classes=0):
        if classes:
            self.put(f"{name}/gammas/W", (classes, width), 0.3, 1)
            self.put(f"{name}/betas/W", (classes, width), 0.3)
        else:
            self.put(f"{name}/gamma", (width,), 0.3, 1)
            self.put(f"{name}/beta", (width,), 0.3)
        self.put(f"{name}/avg_mean", (width,), 0.3)
        self.arrays[f"{name}/avg_var"] = self.rng.uniform(0.5, 2, width).astype(np.float32)
        self.arrays[f"{name}/N"] = np.asarray(0)

    def spectral(self, name, out, *fan_in):
        self.kernel(name, out, *fan_in)
        self.put(f"{name}/u", (1, out))


def generator_arrays(widths, dim=5, classes=0, channels=3, last="l", seed=0) -> Arrays:
    draw = Draw(seed)
    draw.kernel("l1", 16 * widths[0], dim)
    for n in range(2, len(widths) + 1):
        width, filters = widths[n - 2 : n]
        draw.kernel(f"block{n}/c1", filters, width, 3, 3)
        draw.kernel(f"block{n}/c2", filters, filters, 3, 3)
        draw.norm(f"block{n}/b1", width, classes)
        draw.norm(f"block{n}/b2", filters, classes)
        draw.kernel(f"block{n}/c_sc", filters, width, 1, 1)
    n = len(widths) + 1
    draw.norm(f"b{n}", widths[-1])
    draw.kernel(f"{last}{n}", channels, widths[-1], 3, 3)
    return draw.arrays


def discriminator_arrays(widths, halvings, classes=0, channels=3, bias=True, seed=1) -> Arrays:
    draw = Draw(seed)
    for n, (width, filters) in enumerate(zip([channels, *widths], widths, strict=False), 1):
        hidden = filters if n == 1 else width
        draw.spectral(f"block{n}/c1", hidden, width, 3, 3)
        draw.spectral(f"block{n}/c2", filters, hidden, 3, 3)
        if n <= halvings or width != filters:
            draw.spectral(f"block{n}/c_sc", filters, width, 1, 1)
    n = len(widths) + 1
    draw.spectral(f"l{n}", 1, widths[-1])
    if not bias:
        del draw.arrays[f"l{n}/b"]
    if classes:
        draw.put("l_y/W", (classes, widths[-1]))
        draw.put("l_y/u", (1, classes))
    return draw.arrays


def written(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def settled(arrays: Arrays) -> Arrays:
    """The same with every ``u`` the singular vector that it strives for."""
    arrays = dict(arrays)
    for name in [n for n in arrays if n.endswith("/u")]:
        w = arrays[name[:-1] + "W"]
        u = np.linalg.svd(w.reshape(len(w), -1).astype(np.float64))[0][:, 0]
        arrays[name] = u[None].astype(np.float32)
    return arrays


# Layouts and files ---------------------------------------------------------------------------

GENERATOR, DISCRIMINATOR = "ResNetGenerator_7.npz", "SNResNetProjectionDiscriminator_7.npz"
SMALL: dict[str, Any] = {"widths": [6, 5, 4], "judges": [4, 5, 6], "halvings": 3, "classes": 3}
# The released layouts, narrow.
LAYOUTS: dict[str, dict[str, Any]] = {
    "16": SMALL,
    "16, no classes": {**SMALL, "classes": 0},
    "32": {"widths": [4] * 4, "judges": [4] * 4, "halvings": 2, "classes": 0, "last": "c"},
    "64": {"widths": [5, 4, 3, 2, 2], "judges": [2, 2, 3, 4, 5], "halvings": 5, "classes": 3},
    "128": {
        "widths": [4, 4, 3, 3, 2, 2],
        "judges": [2, 2, 3, 3, 4, 4],
        "halvings": 5,
        "classes": 4,
    },
}


def arrays_of_both(layout=SMALL):
    last = layout.get("last", "l")
    g = generator_arrays(layout["widths"], classes=layout["classes"], last=last)
    d = discriminator_arrays(
        layout["judges"], layout["halvings"], layout["classes"], bias=last == "l"
    )
    return g, d


def files(folder, g, d=None):
    """Writes what a training leaves, and gives the generator's file."""
    if d is not None:
        written(folder / DISCRIMINATOR, d)
    return written(folder / GENERATOR, g)


def loaded(folder, layout=SMALL):
    g, d = arrays_of_both(layout)
    return g, d, tff.load(files(folder, g, d))


def labels_of(layout, n=3):
    return np.arange(n) % layout["classes"] if layout["classes"] else None


# Layers -------------------------------------------------------------------------------------


def conv(x, w, b):
    pad = w.shape[2] // 2
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    y = np.tensordot(windows, w, ([1, 4, 5], [1, 2, 3]))
    return y.transpose(0, 3, 1, 2) + b[:, None, None]


def up(x):
    return x.repeat(2, 2).repeat(2, 3)


def down(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))


def relu(x):
    return np.maximum(x, 0)


def norm(v, name, x, label, training):
    mean, var = v[f"{name}/avg_mean"], v[f"{name}/avg_var"]
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    x = (x - mean[:, None, None]) / np.sqrt(var + 2e-5)[:, None, None]
    if f"{name}/gammas/W" in v:
        gamma, beta = v[f"{name}/gammas/W"][label], v[f"{name}/betas/W"][label]
        return gamma[:, :, None, None] * x + beta[:, :, None, None]
    return v[f"{name}/gamma"][:, None, None] * x + v[f"{name}/beta"][:, None, None]


def normalised(x):
    return x / (np.sqrt((x**2).sum()) + 1e-12)


def power_step(v, name):
    """The singular value that divides the weight, and the next ``u``."""
    w = v[f"{name}/W"]
    w = w.reshape(len(w), -1)
    right = normalised(v[f"{name}/u"] @ w)
    u = normalised(right @ w.T)
    return float(np.sum((u @ w) * right)), u


def weight(v, name):
    return v[f"{name}/W"] / power_step(v, name)[0]


# Networks -----------------------------------------------------------------------------------


def as_double(arrays: Arrays) -> Arrays:
    return {name: np.asarray(value, np.float64) for name, value in arrays.items()}


def oracle_generator(arrays: Arrays, z, label=None, training=False, scale_shift=None):
    """Images NHWC. ``scale_shift`` holds BSA's pairs by the name of what they follow."""
    v = as_double(arrays)

    def after(name, x):
        gamma, beta = (scale_shift or {}).get(name, (np.ones(1), np.zeros(1)))
        return x * gamma[:, None, None] + beta[:, None, None]

    def convolved(name, x):
        return conv(x, v[f"{name}/W"], v[f"{name}/b"])

    h = np.asarray(z, np.float64) @ v["l1/W"].T + v["l1/b"]
    h = after("l1", h.reshape(len(h), -1, 4, 4))
    n = 2
    while f"block{n}/c1/W" in v:
        x, b1, b2 = h, f"block{n}/b1", f"block{n}/b2"
        h = relu(after(b1, norm(v, b1, h, label, training)))
        h = convolved(f"block{n}/c1", up(h))
        h = relu(after(b2, norm(v, b2, h, label, training)))
        h = convolved(f"block{n}/c2", h) + convolved(f"block{n}/c_sc", up(x))
        n += 1
    h = relu(norm(v, f"b{n}", h, None, training))
    last = f"c{n}" if f"c{n}/W" in v else f"l{n}"
    return np.tanh(convolved(last, h)).transpose(0, 2, 3, 1)


def oracle_discriminator(arrays: Arrays, images, halvings, label=None, scale_shift=None):
    v = as_double(arrays)
    h = np.asarray(images, np.float64).transpose(0, 3, 1, 2)

    def convolved(name, x):
        x = conv(x, weight(v, name), v[f"{name}/b"])
        gamma, beta = (scale_shift or {}).get(name, (np.ones(1), np.zeros(1)))
        return x * (gamma / np.abs(gamma).max())[:, None, None] + beta[:, None, None]

    n = 1
    while f"block{n}/c1/W" in v:
        x, shrink = h, down if n <= halvings else lambda x: x
        h = convolved(f"block{n}/c1", h if n == 1 else relu(h))
        h = shrink(convolved(f"block{n}/c2", relu(h)))
        if n == 1:
            x = convolved("block1/c_sc", shrink(x))
        elif f"block{n}/c_sc/W" in v:
            x = shrink(convolved(f"block{n}/c_sc", x))
        h, n = h + x, n + 1
    h = relu(h).sum((2, 3))
    logits = h @ weight(v, f"l{n}").T + v.get(f"l{n}/b", 0)
    if label is not None and "l_y/W" in v:
        logits += (weight(v, "l_y")[label] * h).sum(1, keepdims=True)
    return logits
