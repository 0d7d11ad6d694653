"""Progressive GAN as it was published: variables by their TensorFlow names, and what they compute.

Written from the paper in NumPy, float64 and NCHW: images are doubled and halved by their
definition, apart from the convolutions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.stylegan2_original import correlated, normalised, padded, scaled

WIDTHS = {4: 5, 8: 4, 16: 3}


def generator_variables(widths=None, latent: int = 6, fused: bool = True, seed: int = 0):
    rng, widths = np.random.default_rng(seed), WIDTHS if widths is None else widths
    v: dict[str, Any] = {"lod": np.float32(0)}

    def add(name, *shape, outputs=None):
        v[f"{name}/weight"] = rng.standard_normal(shape).astype(np.float32)
        v[f"{name}/bias"] = (0.3 * rng.standard_normal(outputs or shape[-1])).astype(np.float32)

    for r, c in widths.items():
        if r == 4:
            add("4x4/Dense", latent, 16 * c, outputs=c)
            add("4x4/Conv", 3, 3, c, c)
        else:
            before = widths[r // 2]
            if fused:
                add(f"{r}x{r}/Conv0_up", 3, 3, c, before, outputs=c)
            else:
                add(f"{r}x{r}/Conv0", 3, 3, before, c)
            add(f"{r}x{r}/Conv1", 3, 3, c, c)
        add(f"ToRGB_lod{int(np.log2(max(widths) // r))}", 1, 1, c, 3)
    return v


def discriminator_variables(widths=None, dense: int = 7, group: int = 4, fused=True, seed: int = 1):
    rng, widths = np.random.default_rng(seed), WIDTHS if widths is None else widths
    v: dict[str, Any] = {"lod": np.float32(0)}

    def add(name, *shape):
        v[f"{name}/weight"] = rng.standard_normal(shape).astype(np.float32)
        v[f"{name}/bias"] = (0.3 * rng.standard_normal(shape[-1])).astype(np.float32)

    for r, c in reversed(widths.items()):
        add(f"FromRGB_lod{int(np.log2(max(widths) // r))}", 1, 1, 3, c)
        if r > 4:
            add(f"{r}x{r}/Conv0", 3, 3, c, c)
            add(f"{r}x{r}/{'Conv1_down' if fused else 'Conv1'}", 3, 3, c, widths[r // 2])
    add("4x4/Conv", 3, 3, widths[4] + (group > 1), widths[4])
    add("4x4/Dense0", 16 * widths[4], dense)
    add("4x4/Dense1", dense, 1)
    return v


def _lrelu(x):
    return np.maximum(x, 0.2 * x)


def _biased(v, name, x):
    bias = v[f"{name}/bias"].astype(np.float64)
    return _lrelu(x + (bias[:, None, None] if x.ndim == 4 else bias))


def _conv(v, name, x):
    w = scaled(v[f"{name}/weight"]) * np.sqrt(2)
    return correlated(padded(x, len(w) // 2, len(w) // 2), w)


def _up(v, r, x):
    if f"{r}x{r}/Conv0/weight" in v:
        return _conv(v, f"{r}x{r}/Conv0", np.repeat(np.repeat(x, 2, 2), 2, 3))
    # A transposed convolution: each pixel puts its kernel, four times moved, into the output.
    w = v[f"{r}x{r}/Conv0_up/weight"].astype(np.float64)
    w = w * np.sqrt(2) / np.sqrt(9 * w.shape[3])
    size = x.shape[2]
    y = np.zeros((len(x), w.shape[2], 2 * size + 2, 2 * size + 2))
    for i in range(size):
        for j in range(size):
            stamp = np.einsum("nc,abfc->nfab", x[:, :, i, j], w)
            for a in (0, 1):
                for b in (0, 1):
                    y[:, :, 2 * i + a : 2 * i + a + 3, 2 * j + b : 2 * j + b + 3] += stamp
    return y[:, :, 1:-1, 1:-1]


def drawn(v, free):
    """Images NHWC of latents that are divided already."""
    w = v["4x4/Dense/weight"].astype(np.float64) * np.sqrt(2) / 4 / np.sqrt(free.shape[1])
    x = (free @ w).reshape(len(free), -1, 4, 4)
    x = normalised(_biased(v, "4x4/Dense", x))
    x = normalised(_biased(v, "4x4/Conv", _conv(v, "4x4/Conv", x)))
    r = 8
    while f"{r}x{r}/Conv1/weight" in v:
        first = "Conv0" if f"{r}x{r}/Conv0/bias" in v else "Conv0_up"
        x = normalised(_biased(v, f"{r}x{r}/{first}", _up(v, r, x)))
        x = normalised(_biased(v, f"{r}x{r}/Conv1", _conv(v, f"{r}x{r}/Conv1", x)))
        r *= 2
    pixels = correlated(x, scaled(v["ToRGB_lod0/weight"])) + v["ToRGB_lod0/bias"][:, None, None]
    return pixels.transpose(0, 2, 3, 1)


def generated(v, z):
    return drawn(v, normalised(np.asarray(z, np.float64)))


def judged(v, images, group: int = 4):
    """Scores [N, 1]."""
    x = np.asarray(images, np.float64).transpose(0, 3, 1, 2)
    r = x.shape[2]
    x = _biased(v, "FromRGB_lod0", _conv(v, "FromRGB_lod0", x))
    while r > 4:
        x = _biased(v, f"{r}x{r}/Conv0", _conv(v, f"{r}x{r}/Conv0", x))
        name = f"{r}x{r}/Conv1_down" if f"{r}x{r}/Conv1_down/bias" in v else f"{r}x{r}/Conv1"
        if name.endswith("down"):  # Halved before the bias, or after the activation.
            y = _conv(v, name, x)
            x = _biased(v, name, y.reshape(*y.shape[:2], r // 2, 2, r // 2, 2).mean((3, 5)))
        else:
            y = _biased(v, name, _conv(v, name, x))
            x = y.reshape(*y.shape[:2], r // 2, 2, r // 2, 2).mean((3, 5))
        r //= 2
    n = len(x)
    if group > 1:
        size = min(group, n)
        y = np.sqrt(x.reshape(size, n // size, -1).var(0) + 1e-8).mean(1)
        x = np.concatenate([x, np.tile(y, size)[:, None, None, None] * np.ones((1, 1, 4, 4))], 1)
    x = _biased(v, "4x4/Conv", _conv(v, "4x4/Conv", x)).reshape(n, -1)
    x = _biased(v, "4x4/Dense0", x @ scaled(v["4x4/Dense0/weight"]) * np.sqrt(2))
    return x @ scaled(v["4x4/Dense1/weight"]) + v["4x4/Dense1/bias"]
