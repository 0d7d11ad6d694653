"""StyleGAN3 as it was published: tensors by their PyTorch names, and what they compute.

Written from the paper in NumPy and SciPy, float64 and NCHW, apart from the code under test: filters
are SciPy's, every image has a kernel of its own, styles are divided by the mean over the batch,
resampling goes by its definition, and transformations are matrices of homogeneous coordinates.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.signal
import scipy.special

from tests.stylegan2_original import correlated, lrelu, normalised, padded


@dataclasses.dataclass(frozen=True)
class Form:
    """The arguments of a generator; the defaults are small and have a layer that goes up by 4."""

    resolution: int = 16
    layers: int = 3
    critical: int = 1
    first_cutoff: float = 1.0
    first_stopband: float = 2.0
    last_stopband_rel: float = 2**0.3
    margin: int = 2
    kernel: int = 3
    filter_size: int = 6
    lrelu_up: int = 2
    radial: bool = False
    clamp: float | None = 256.0
    scale: float = 0.25
    channels: tuple[int, ...] = (6, 5, 4)
    lrmul: float = 0.01

    def maps(self) -> list[dict[str, Any]]:
        """Cutoff, stopband, rate, half width and size of each layer, one after the other."""
        maps = []
        for i in range(self.layers + 1):
            e = min(i / (self.layers - self.critical), 1)
            fc = self.first_cutoff ** (1 - e) * (self.resolution / 2) ** e
            end = self.resolution / 2 * self.last_stopband_rel
            ft = self.first_stopband ** (1 - e) * end**e
            s = 1
            while s < min(2 * ft, self.resolution) * (1 - 1e-12):
                s *= 2
            n = self.resolution if i >= self.layers - 1 else s + 2 * self.margin
            maps.append({"fc": fc, "fh": max(ft, s / 2) - fc, "s": s, "n": n})
        return maps

    def names(self) -> list[str]:
        widths = (*self.channels, 3)
        return [f"L{i}_{m['n']}_{c}" for i, (m, c) in enumerate(zip(self.maps(), widths))]  # noqa: B905

    def filters(self, i: int) -> tuple[Any, Any, int, int]:
        """The filters of a layer, None where there is none, and what it goes up and down by."""
        maps = self.maps()
        a, b = maps[max(i - 1, 0)], maps[i]
        if i == self.layers:
            return None, None, 1, 1
        rate = max(a["s"], b["s"]) * self.lrelu_up
        up, down = rate // a["s"], rate // b["s"]
        radial = self.radial and i < self.layers - self.critical
        return (
            _filter(self.filter_size * up, a, rate, False) if up > 1 else None,
            _filter(self.filter_size * down, b, rate, radial) if down > 1 else None,
            up,
            down,
        )


def _filter(taps: int, m: dict[str, Any], rate: int, radial: bool) -> np.ndarray:
    if not radial:
        return scipy.signal.firwin(taps, m["fc"], width=2 * m["fh"], fs=rate)
    beta = scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(taps, 4 * m["fh"] / rate))
    window = scipy.signal.windows.kaiser(taps, beta)
    y, x = np.mgrid[:taps, :taps] - (taps - 1) / 2
    r = np.pi * np.sqrt(x**2 + y**2) / rate
    jinc = scipy.special.jv(1, 2 * m["fc"] * r) / r
    jinc = jinc * window[:, None] * window[None]
    return jinc / jinc.sum()


# Variables ------------------------------------------------------------------------------------


def generator_tensors(form: Form, classes: int = 0, latent: int = 5, w_dim: int = 7, seed: int = 0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    v: dict[str, np.ndarray] = {"mapping.w_avg": draw(w_dim)}
    size = latent
    if classes:
        v["mapping.embed.weight"], v["mapping.embed.bias"] = draw(w_dim, classes), 0.3 * draw(w_dim)
        size += w_dim
    for i in range(2):
        v[f"mapping.fc{i}.weight"] = draw(w_dim, size) / form.lrmul
        v[f"mapping.fc{i}.bias"] = 0.3 * draw(w_dim) / form.lrmul
        size = w_dim
    c = form.channels[0]
    v["synthesis.input.weight"] = draw(c, c)
    v["synthesis.input.freqs"] = (form.first_cutoff * rng.uniform(-0.9, 0.9, (c, 2))).astype("f4")
    v["synthesis.input.phases"] = rng.uniform(-0.5, 0.5, c).astype(np.float32)
    v["synthesis.input.transform"] = np.array(
        [[1.2, -0.3, 0.1], [0.4, 0.9, -0.2], [0, 0, 1]], np.float32
    )
    v["synthesis.input.affine.weight"] = 0.4 * draw(4, w_dim)
    v["synthesis.input.affine.bias"] = np.array([1, 0.3, 0.1, -0.2], np.float32)
    before = c
    for i, name in enumerate(form.names()):
        c, last = (*form.channels, 3)[i], i == form.layers
        k, scope = 1 if last else form.kernel, f"synthesis.{name}"
        # Not of unit size, so that what normalises has something to do.
        v[f"{scope}.weight"] = draw(c, before, k, k) * rng.uniform(0.3, 3, (c, 1, 1, 1)).astype(
            "f4"
        )
        v[f"{scope}.bias"] = 0.3 * draw(c)
        v[f"{scope}.affine.weight"], v[f"{scope}.affine.bias"] = (
            draw(before, w_dim),
            1 + draw(before),
        )
        v[f"{scope}.magnitude_ema"] = np.asarray(rng.uniform(0.3, 2), np.float32)
        for kind, taps in zip(("up", "down"), form.filters(i)[:2], strict=True):
            if taps is not None:
                v[f"{scope}.{kind}_filter"] = taps.astype(np.float32)
        before = c
    return v


# What they compute --------------------------------------------------------------------------


def _dense(v, name, x, lrmul=1.0):
    w = v[f"{name}.weight"].astype(np.float64)
    return x @ w.T * (lrmul / np.sqrt(w.shape[1])) + v[f"{name}.bias"].astype(np.float64) * lrmul


def styles(v, form: Form, z, label=None):
    x = normalised(np.asarray(z, np.float64))
    if "mapping.embed.weight" in v:
        one_hot = np.eye(v["mapping.embed.weight"].shape[1])[label]
        x = np.concatenate([x, normalised(_dense(v, "mapping.embed", one_hot))], 1)
    for i in range(2):
        x = lrelu(_dense(v, f"mapping.fc{i}", x, form.lrmul))
    return x


def _waves(v, form: Form, w):
    m = form.maps()[0]
    t = _dense(v, "synthesis.input.affine", w)
    centres = (np.arange(m["n"]) + 0.5) / m["s"] - m["n"] / m["s"] / 2
    x, y = np.meshgrid(centres, centres)
    freqs, phases = (v[f"synthesis.input.{n}"].astype(np.float64) for n in ("freqs", "phases"))
    mix = v["synthesis.input.weight"].astype(np.float64) / np.sqrt(len(phases))
    images = []
    for cos, sin, right, down in t / np.hypot(t[:, :1], t[:, 1:2]):
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        move = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1]])
        whole = turn @ move @ v["synthesis.input.transform"].astype(np.float64)
        waves = []
        for f, phase in zip(freqs, phases, strict=True):
            phase = phase + f @ whole[:2, 2]
            f = f @ whole[:2, :2]
            size = 1 - (np.hypot(*f) - m["fc"]) / (m["s"] / 2 - m["fc"])
            waves.append(np.clip(size, 0, 1) * np.sin(2 * np.pi * (x * f[0] + y * f[1] + phase)))
        images.append(np.tensordot(mix, np.array(waves), 1))
    return np.array(images)


def _filtered(x, taps):
    """Full convolution of each channel of [N, C, H, W]."""
    if taps is None:
        return x
    square = np.outer(taps, taps) if taps.ndim == 1 else taps
    return scipy.signal.fftconvolve(x, square[None, None], "full", (2, 3))


def _layer(v, form: Form, i, x, w, moved=None):
    scope, last = f"synthesis.{form.names()[i]}", i == form.layers
    weight = v[f"{scope}.weight"].astype(np.float64)
    style = _dense(v, f"{scope}.affine", w)
    if moved is not None:
        mean = v[f"{scope}.magnitude_ema"] * np.float64(moved) + (x**2).mean() * (1 - moved)
        v[f"{scope}.magnitude_ema"] = mean
    gain = 1 / np.sqrt(np.float64(v[f"{scope}.magnitude_ema"]))
    if last:
        style = style / np.sqrt(weight[0].size)
    else:
        weight = weight / np.sqrt((weight**2).mean((1, 2, 3), keepdims=True))
        style = style / np.sqrt((style**2).mean())
    images = []
    for one, s in zip(x, style, strict=True):
        kernel = weight * s[None, :, None, None]
        if not last:
            kernel = kernel / np.sqrt((kernel**2).sum((1, 2, 3), keepdims=True) + 1e-8)
        k = kernel.shape[2] - 1
        images.append(correlated(padded(one[None], k, k), kernel.transpose(2, 3, 1, 0) * gain)[0])
    x = np.array(images) + v[f"{scope}.bias"][:, None, None]
    up_filter, down_filter, up, down = form.filters(i)
    if last:
        return x if form.clamp is None else np.clip(x, -form.clamp, form.clamp)
    wide = np.zeros((*x.shape[:2], x.shape[2] * up, x.shape[3] * up))
    wide[:, :, ::up, ::up] = x * up**2
    wide = _filtered(wide, up_filter)
    wide = lrelu(wide) if form.clamp is None else np.clip(lrelu(wide), -form.clamp, form.clamp)
    # Where full convolutions are cut: the total padding of the paper's code, less of it in front.
    n, taps = form.maps()[i]["n"], [1 if f is None else len(f) for f in (up_filter, down_filter)]
    total = (n - 1) * down + 1 - x.shape[2] * up + sum(taps) - 2
    start = taps[0] - 1 - (total + up) // 2
    need = (n - 1) * down + taps[1]
    around = max(0, -start, start + need - wide.shape[2])
    wide = np.pad(wide, [(0, 0), (0, 0), (around, around), (around, around)])
    edge = start + around
    cut = wide[:, :, edge : edge + need, edge : edge + need]
    if around:
        raise AssertionError("zeros beyond the filter would have become something: choose others")
    full = _filtered(cut, down_filter)[:, :, taps[1] - 1 :, taps[1] - 1 :]
    return full[:, :, : (n - 1) * down + 1 : down, : (n - 1) * down + 1 : down]


def generated(v, form: Form, z, label=None, psi=1.0, moved=None):
    """Images NHWC; with ``moved`` the magnitudes are those of training, which ``v`` then holds."""
    mean = v["mapping.w_avg"].astype(np.float64)
    w = mean + (styles(v, form, z, label) - mean) * psi
    x = _waves(v, form, w)
    for i in range(form.layers + 1):
        x = _layer(v, form, i, x, w, moved)
    return form.scale * x.transpose(0, 2, 3, 1)
