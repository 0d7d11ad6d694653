"""StyleGAN2 as it was published: variables by their TensorFlow names, and what they compute.

The networks are written from the papers in NumPy, float64 and NCHW, with a kernel of its
own for each image and resampling by its definition, apart from the code under test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Variables ------------------------------------------------------------------------------------


def generator_variables(
    widths: dict[int, int],
    form: str = "skip",
    labels: str = "",
    noise: bool = True,
    latent: int = 5,
    w_dim: int = 6,
    layers: int = 3,
    const: int | None = None,
    hidden: int | None = None,
    seed: int = 0,
    base: tuple[int, int] = (4, 4),
    colours: int = 3,
) -> dict[str, np.ndarray]:
    """Variables by name; ``labels`` is "concat", "embed" or "" for none, of three classes."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    variables: dict[str, Any] = {"dlatent_avg": draw(w_dim)}
    size = latent
    if labels == "concat":
        variables["mapping/LabelConcat/weight"] = draw(3, latent)
        size += latent
    elif labels == "embed":
        variables["mapping/LabelEmbed/weight"] = draw(3, 4)
        variables["mapping/LabelEmbed/bias"] = 0.3 * draw(4)
        size += 4
    for i in range(layers):
        out = w_dim if i == layers - 1 else hidden or w_dim
        variables[f"mapping/Dense{i}/weight"] = 100 * draw(size, out)
        variables[f"mapping/Dense{i}/bias"] = 30 * draw(out)
        size = out

    def layer(scope, k, fan_in, fan_out):
        variables[f"{scope}/weight"] = draw(k, k, fan_in, fan_out)
        variables[f"{scope}/bias"] = 0.3 * draw(fan_out)
        variables[f"{scope}/mod_weight"] = draw(w_dim, fan_in)
        variables[f"{scope}/mod_bias"] = 0.3 * draw(fan_in)
        if noise and k == 3:
            variables[f"{scope}/noise_strength"] = np.float32(rng.normal() * 0.3)

    before = const or widths[4]
    variables["synthesis/4x4/Const/const"] = draw(1, before, *base)
    for r, c in widths.items():
        scope = f"synthesis/{r}x{r}"
        if r == 4:
            layer(f"{scope}/Conv", 3, before, c)
        else:
            layer(f"{scope}/Conv0_up", 3, before, c)
            layer(f"{scope}/Conv1", 3, c, c)
            if form == "resnet":
                variables[f"{scope}/Skip/weight"] = draw(1, 1, before, c)
        if form == "skip" or r == max(widths):
            layer(f"{scope}/ToRGB", 1, c, colours)
        before = c
    for i in range(2 * len(widths) - 1 if noise else 0):
        times = 2 ** ((i + 1) // 2)
        variables[f"synthesis/noise{i}"] = draw(1, 1, *(times * size for size in base))
    return variables


def discriminator_variables(
    widths: dict[int, int],
    form: str = "resnet",
    labels: str = "",
    features: int = 1,
    dense: int | None = None,
    label_layers: int = 0,
    label_dim: int = 4,
    seed: int = 1,
    base: tuple[int, int] = (4, 4),
    colours: int = 3,
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    variables: dict[str, Any] = {}

    def add(name, *shape, bias=True, lrmul=1.0):
        variables[f"{name}/weight"] = (rng.standard_normal(shape) / lrmul).astype(np.float32)
        if bias:
            value = 0.3 * rng.standard_normal(shape[-1]) / lrmul
            variables[f"{name}/bias"] = value.astype(np.float32)

    for r in sorted(widths, reverse=True):
        c = widths[r]
        if form == "skip" or r == max(widths):
            add(f"{r}x{r}/FromRGB", 1, 1, colours, c)
        if r > 4:
            add(f"{r}x{r}/Conv0", 3, 3, c, c)
            add(f"{r}x{r}/Conv1_down", 3, 3, c, widths[r // 2])
            if form == "resnet":
                add(f"{r}x{r}/Skip", 1, 1, c, widths[r // 2], bias=False)
    c = widths[4]
    dense = dense or c
    add("4x4/Conv", 3, 3, c + features, c)
    add("4x4/Dense0", base[0] * base[1] * c, dense)
    add("Output", dense, {"": 1, "concat": 3, "embed": label_dim}[labels])
    if labels == "embed":
        add("LabelEmbed", 3, label_dim)
        for i in range(label_layers):
            add(f"Mapping{i}", label_dim, label_dim, lrmul=0.1)
    return variables


# What they compute --------------------------------------------------------------------------


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)


def clamped(x, limit):
    return x if limit is None else np.clip(x, -limit, limit)


def normalised(x):
    return x / np.sqrt(np.mean(np.square(x), 1, keepdims=True) + 1e-8)


def scaled(w, lrmul=1.0):
    w = np.asarray(w, np.float64)
    return w * lrmul / np.sqrt(np.prod(w.shape[:-1]))


def dense(v, name, x, lrmul=1.0):
    return x @ scaled(v[f"{name}/weight"], lrmul) + v[f"{name}/bias"].astype(np.float64) * lrmul


def correlated(x, w):
    """[N, C, H, W] with [k, k, C, F], without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], (2, 3))
    return np.einsum("nchwij,ijcf->nfhw", windows, w, optimize=True)


def padded(x, before, after):
    return np.pad(x, [(0, 0), (0, 0), (before, after), (before, after)])


def filtered(x, taps, gain=1.0):
    """Convolution of every channel with the normalised outer product of taps."""
    k = np.outer(taps, taps) / np.sum(taps) ** 2 * gain
    n = len(taps)
    y = np.zeros((*x.shape[:2], x.shape[2] - n + 1, x.shape[3] - n + 1))
    for i in range(n):
        for j in range(n):
            part = x[:, :, n - 1 - i : x.shape[2] - i, n - 1 - j : x.shape[3] - j]
            y += k[i, j] * part
    return y


def stuffed(x):
    y = np.zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
    y[:, :, ::2, ::2] = x
    return y


def doubled(x, taps, more=0):
    """Twice the size, and ``more`` pixels beyond each border."""
    n = len(taps)
    return filtered(padded(stuffed(x), (n + 1) // 2 + more, (n - 2) // 2 + more), taps, 4.0)


def halved(x, taps, w=None):
    n = len(taps)
    more = 0 if w is None else len(w) // 2
    x = padded(x, (n - 1) // 2 + more, (n - 2) // 2 + more)
    return filtered(x if w is None else correlated(x, w), taps)[:, :, ::2, ::2]


def modulated(v, scope, x, w, taps, up=False, demodulate=True):
    """Image by image, each with its own kernel."""
    weight = scaled(v[f"{scope}/weight"])
    style = w @ scaled(v[f"{scope}/mod_weight"]) + v[f"{scope}/mod_bias"] + 1
    images = []
    for one, s in zip(x, style, strict=True):
        kernel = weight * s[:, None]
        if demodulate:
            kernel = kernel / np.sqrt(np.square(kernel).sum((0, 1, 2)) + 1e-8)
        k = len(weight) // 2
        one = doubled(one[None], taps, k) if up else padded(one[None], k, k)
        images.append(correlated(one, kernel))
    return np.concatenate(images)


def styles(v, z, label=None, lrmul=0.01):
    x = np.asarray(z, np.float64)
    if "mapping/LabelConcat/weight" in v:
        x = normalised(np.concatenate([x, v["mapping/LabelConcat/weight"][label]], 1))
    else:
        x = normalised(x)
    if "mapping/LabelEmbed/weight" in v:
        y = normalised(dense(v, "mapping/LabelEmbed", np.eye(3)[label]))
        x = np.concatenate([x, y], 1)
    i = 0
    while f"mapping/Dense{i}/weight" in v:
        x = lrelu(dense(v, f"mapping/Dense{i}", x, lrmul))
        i += 1
    return x


def synthesised(v, ws, clamp=None, taps=(1, 3, 3, 1), noise=True, extra=None):
    """Images NHWC of styles [N, layers, w_dim]; ``extra`` are scales and shifts by layer."""
    v = {k.removeprefix("synthesis/"): a for k, a in v.items() if k.startswith("synthesis/")}
    index = 0

    def layer(scope, x, up=False):
        nonlocal index
        x = modulated(v, scope, x, ws[:, index], taps, up)
        if noise and "noise0" in v:
            x = x + v[f"noise{index}"] * np.float64(v[f"{scope}/noise_strength"])
        x = clamped(lrelu(x + v[f"{scope}/bias"][:, None, None]), clamp)
        if extra and scope in extra:
            gamma, beta = extra[scope]
            x = x * gamma[:, None, None] + beta[:, None, None]
        index += 1
        return x

    x, image, r = v["4x4/Const/const"].astype(np.float64), None, 4
    x = np.repeat(x, len(ws), 0)
    while f"{r}x{r}/Conv1/weight" in v or r == 4:
        before = x
        if r == 4:
            x = layer("4x4/Conv", x)
        else:
            x = layer(f"{r}x{r}/Conv1", layer(f"{r}x{r}/Conv0_up", x, up=True))
        if f"{r}x{r}/Skip/weight" in v:
            skip = correlated(before, scaled(v[f"{r}x{r}/Skip/weight"]))
            x = (x + doubled(skip, taps)) / np.sqrt(2)
        if f"{r}x{r}/ToRGB/weight" in v:
            pixels = modulated(v, f"{r}x{r}/ToRGB", x, ws[:, index], taps, demodulate=False)
            pixels = clamped(pixels + v[f"{r}x{r}/ToRGB/bias"][:, None, None], clamp)
            image = pixels if image is None else doubled(image, taps) + pixels
        r *= 2
    assert image is not None
    return image.transpose(0, 2, 3, 1)


def generated(v, z, label=None, psi=1.0, cutoff=None, lrmul=0.01, **options):
    w = styles(v, z, label, lrmul)
    layers = 2 * sum(k.startswith("synthesis/") and k.endswith(("/Conv/bias", "Conv1/bias"))
                     for k in v)  # fmt: skip
    ws = np.repeat(w[:, None], layers, 1)
    mean = v["dlatent_avg"].astype(np.float64)
    ws[:, :cutoff] = mean + (ws[:, :cutoff] - mean) * psi
    return synthesised(v, ws, **options)


def judged(
    v,
    images,
    label=None,
    group=4,
    features=1,
    clamp=None,
    last_clamp=True,
    taps=(1, 3, 3, 1),
    lrmul=0.1,
    base=4,
):
    """Scores [N, 1]; a group of None is the whole batch."""
    image = np.asarray(images, np.float64).transpose(0, 3, 1, 2)
    x, r = None, image.shape[2] * 4 // base

    def biased(x, name, limit=clamp):
        return clamped(lrelu(x + v[f"{name}/bias"][:, None, None]), limit)

    def from_rgb(x, limit=clamp):
        y = correlated(image, scaled(v[f"{r}x{r}/FromRGB/weight"]))
        y = biased(y, f"{r}x{r}/FromRGB", limit)
        return y if x is None else x + y

    while r > 4:
        if f"{r}x{r}/FromRGB/weight" in v:
            x = from_rgb(x)
        scope = f"{r}x{r}"
        y = biased(
            correlated(padded(x, 1, 1), scaled(v[f"{scope}/Conv0/weight"])), f"{scope}/Conv0"
        )
        y = biased(halved(y, taps, scaled(v[f"{scope}/Conv1_down/weight"])), f"{scope}/Conv1_down")
        if f"{scope}/Skip/weight" in v:
            y = (y + correlated(halved(x, taps), scaled(v[f"{scope}/Skip/weight"]))) / np.sqrt(2)
        x, image, r = y, halved(image, taps), r // 2
    if "4x4/FromRGB/weight" in v:
        x = from_rgb(x, clamp if last_clamp else None)
    n, c = x.shape[:2]
    if features:
        size = n if group is None else min(group, n)
        y = x.reshape(size, n // size, features, c // features, *x.shape[2:])
        y = np.sqrt(y.var(0) + 1e-8).mean((2, 3, 4))
        y = np.tile(y, (size, 1))[:, :, None, None] * np.ones((1, 1, *x.shape[2:]))
        x = np.concatenate([x, y], 1)
    x = biased(correlated(padded(x, 1, 1), scaled(v["4x4/Conv/weight"])), "4x4/Conv")
    x = dense(v, "Output", lrelu(dense(v, "4x4/Dense0", x.reshape(n, -1))))
    if "LabelEmbed/weight" in v:
        y, i = normalised(dense(v, "LabelEmbed", np.eye(3)[label])), 0
        while f"Mapping{i}/weight" in v:
            y = lrelu(dense(v, f"Mapping{i}", y, lrmul))
            i += 1
        return (x * y).sum(1, keepdims=True) / np.sqrt(y.shape[1])
    if x.shape[1] > 1:
        return (x * np.eye(x.shape[1])[label]).sum(1, keepdims=True)
    return x
