"""StyleGAN pickles: a writer and an oracle in the original's names and layout, apart from ours."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tf_fewshot.errors import UserError
from tf_fewshot.weights.nvidia.network_pickle import read_network_pickle

# The writer ---------------------------------------------------------------------------------


class Network:
    """Pickled like ``dnnlib.tflib.network.Network``; its source would end the process."""

    def __init__(self, name, function, variables, components=None, version=3, **static):
        self.state = {
            "version": version,
            "name": name,
            "static_kwargs": EasyDict(static),
            "components": EasyDict(components or {}),
            "build_module_src": "import os; os._exit(1)",
            "build_func_name": function,
            "variables": list(variables.items()),
        }

    def __getstate__(self):
        return self.state


class EasyDict(dict):
    pass


Network.__module__, EasyDict.__module__ = "dnnlib.tflib.network", "dnnlib.util"


def dumped(value, protocol: int = 4) -> bytes:
    """A pickle that names the original's modules, which are there only meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network", "dnnlib.util"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        for cls in (Network, EasyDict):
            setattr(sys.modules[cls.__module__], cls.__name__, cls)
        return pickle.dumps(value, protocol=protocol)


def generator_variables(
    resolution: int,
    widths: dict[int, int],
    layers: int = 3,
    seed: int = 0,
    hidden: int = 7,
    classes: int = 0,
    colours: int = 3,
):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    def layer(scope, fmaps):
        return {
            f"{scope}/Noise/weight": 0.3 * draw(fmaps),
            f"{scope}/bias": 0.3 * draw(fmaps),
            f"{scope}/StyleMod/weight": draw(7, 2 * fmaps),
            f"{scope}/StyleMod/bias": 0.3 * draw(2 * fmaps),
        }

    sizes = [10 if classes else 5, *[hidden] * (layers - 1), 7]
    mapping = {"LabelConcat/weight": draw(classes, 5)} if classes else {}
    for i in range(layers):
        mapping[f"Dense{i}/weight"] = 100 * draw(sizes[i], sizes[i + 1])
        mapping[f"Dense{i}/bias"] = 30 * draw(sizes[i + 1])
    synthesis = {"lod": np.float32(0)}
    levels = int(np.log2(resolution))
    for i in range(2 * levels - 2):
        synthesis[f"noise{i}"] = draw(1, 1, 2 ** (i // 2 + 2), 2 ** (i // 2 + 2))
    for level in range(2, levels + 1):
        r = 2**level
        c = widths[r]
        if r == 4:
            synthesis["4x4/Const/const"] = draw(1, c, 4, 4)
            synthesis |= layer("4x4/Const", c) | {"4x4/Conv/weight": draw(3, 3, c, c)}
            synthesis |= layer("4x4/Conv", c)
        else:
            synthesis[f"{r}x{r}/Conv0_up/weight"] = draw(3, 3, widths[r // 2], c)
            synthesis[f"{r}x{r}/Conv1/weight"] = draw(3, 3, c, c)
            synthesis |= layer(f"{r}x{r}/Conv0_up", c) | layer(f"{r}x{r}/Conv1", c)
        synthesis[f"ToRGB_lod{levels - level}/weight"] = 0.3 * draw(1, 1, c, colours)
        synthesis[f"ToRGB_lod{levels - level}/bias"] = 0.3 * draw(colours)
    return {"lod": np.float32(0), "dlatent_avg": draw(7)}, mapping, synthesis


def discriminator_variables(
    resolution: int,
    widths: dict[int, int],
    seed: int = 1,
    classes: int = 0,
    colours: int = 3,
    dense: int = 0,
    features: int = 1,
):
    rng = np.random.default_rng(seed)
    variables: dict[str, Any] = {"lod": np.float32(0)}

    def add(name, *shape):
        variables[f"{name}/weight"] = rng.standard_normal(shape).astype(np.float32)
        variables[f"{name}/bias"] = 0.3 * rng.standard_normal(shape[-1]).astype(np.float32)

    levels = int(np.log2(resolution))
    for level in range(levels, 1, -1):
        r = 2**level
        c = widths[r]
        add(f"FromRGB_lod{levels - level}", 1, 1, colours, c)
        if r > 4:
            add(f"{r}x{r}/Conv0", 3, 3, c, c)
            add(f"{r}x{r}/Conv1_down", 3, 3, c, widths[r // 2])
    c = widths[4]
    add("4x4/Conv", 3, 3, c + features, c)
    add("4x4/Dense0", 16 * c, dense or c)
    add("4x4/Dense1", dense or c, max(classes, 1))
    return variables


SMALL = {4: 6, 8: 5, 16: 4}
LARGE = {**SMALL, 32: 3, 64: 3, 128: 2}


def saved_networks(
    widths=SMALL, change=lambda top, mapping, synthesis, d: None, g=None, d=None, judges=None,
    **static,
):  # fmt: skip
    resolution = max(widths)
    top, mapping, synthesis = generator_variables(resolution, widths, **(g or {}))
    d = discriminator_variables(resolution, judges or widths, **(d or {}))
    change(top, mapping, synthesis, d)
    components = {
        "synthesis": Network("G_synthesis", "G_synthesis", synthesis, **static),
        "mapping": Network("G_mapping", "G_mapping", mapping),
    }
    gs = Network("Gs", "G_style", top, components, **{"num_channels": 3, **static})
    g = Network("G", "G_style", {"lod": np.float32(0)}, components)
    return g, Network("D", "D_basic", d, **static), gs


def written(path: Path, *args, protocol: int = 4, **options) -> Path:
    path.write_bytes(dumped(saved_networks(*args, **options), protocol))
    return path


# The oracle: NCHW, float64 -------------------------------------------------------------------


def scaled(w, gain=2**0.5, lrmul=1.0):
    w = np.asarray(w, np.float64)
    return w * gain / np.sqrt(np.prod(w.shape[:-1])) * lrmul


def lrelu(x):
    return np.maximum(x, 0.2 * x)


def conv(x, w):
    pad = w.shape[0] // 2
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    return np.einsum(
        "nchwij,ijcd->ndhw", np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], (2, 3)), w
    )


def widened(w):
    w = np.pad(w, [(1, 1), (1, 1), (0, 0), (0, 0)])
    return w[1:, 1:] + w[:-1, 1:] + w[1:, :-1] + w[:-1, :-1]


def upscale_conv(x, w):
    n, _, h, width = x.shape
    if 2 * h < 128:
        return conv(x.repeat(2, 2).repeat(2, 3), w)
    # A transposed convolution by its definition: every pixel leaves a kernel.
    w = widened(w)
    full = np.zeros((n, w.shape[3], 2 * h + 2, 2 * width + 2))
    for a in range(4):
        for b in range(4):
            mark = np.einsum("nchw,cd->ndhw", x, w[a, b])
            full[:, :, a : a + 2 * h : 2, b : b + 2 * width : 2] += mark
    return full[:, :, 1:-1, 1:-1]


def conv_downscale(x, w):
    n, _, h, width = x.shape
    if h < 128:
        y = conv(x, w)
        return y.reshape(n, -1, h // 2, 2, width // 2, 2).mean((3, 5))
    w = widened(w) * 0.25
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (4, 4), (2, 3))[:, :, ::2, ::2]
    return np.einsum("nchwij,ijcd->ndhw", windows, w)


def blur(x, static):
    taps = static.get("blur_filter", [1, 2, 1])
    if taps is None:
        return x
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    f = np.array(taps) / np.sum(taps)
    return np.einsum(
        "nchwij,i,j->nchw", np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3)), f, f
    )


def oracle_generator(gs: Network, z, label=None):
    static = gs.state["static_kwargs"]
    lrmul = static.get("mapping_lrmul", 0.01)
    top = dict(gs.state["variables"])
    mapping = dict(gs.state["components"]["mapping"].state["variables"])
    v = dict(gs.state["components"]["synthesis"].state["variables"])
    z = np.asarray(z, np.float64)
    w = z if label is None else np.concatenate([z, mapping["LabelConcat/weight"][label]], 1)
    if static.get("normalize_latents", True):
        w = w / np.sqrt(np.mean(w**2, 1, keepdims=True) + 1e-8)
    for i in range(len(mapping) // 2):
        bias = mapping[f"Dense{i}/bias"].astype(np.float64) * lrmul
        w = lrelu(w @ scaled(mapping[f"Dense{i}/weight"], lrmul=lrmul) + bias)

    def epilogue(x, scope, index):
        x = x + v[f"noise{index}"] * v[f"{scope}/Noise/weight"][:, None, None]
        x = lrelu(x + v[f"{scope}/bias"][:, None, None])
        if static.get("use_pixel_norm", False):
            x = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)
        if static.get("use_instance_norm", True):
            x = x - x.mean((2, 3), keepdims=True)
            x = x / np.sqrt((x**2).mean((2, 3), keepdims=True) + 1e-8)
        style = w @ scaled(v[f"{scope}/StyleMod/weight"], gain=1) + v[f"{scope}/StyleMod/bias"]
        style = style.reshape(len(w), 2, -1, 1, 1)
        return x * (style[:, 0] + 1) + style[:, 1]

    x = np.repeat(v["4x4/Const/const"].astype(np.float64), len(z), 0)
    x = epilogue(x, "4x4/Const", 0)
    x = epilogue(conv(x, scaled(v["4x4/Conv/weight"])), "4x4/Conv", 1)
    r, index = 8, 2
    while f"{r}x{r}/Conv1/weight" in v:
        x = blur(upscale_conv(x, scaled(v[f"{r}x{r}/Conv0_up/weight"])), static)
        x = epilogue(x, f"{r}x{r}/Conv0_up", index)
        x = epilogue(conv(x, scaled(v[f"{r}x{r}/Conv1/weight"])), f"{r}x{r}/Conv1", index + 1)
        r, index = 2 * r, index + 2
    images = conv(x, scaled(v["ToRGB_lod0/weight"], gain=1))
    images += v["ToRGB_lod0/bias"][:, None, None]
    return images.transpose(0, 2, 3, 1), top["dlatent_avg"], w


def oracle_discriminator(d: Network, images, label=None):
    static = d.state["static_kwargs"]
    v = dict(d.state["variables"])
    x = np.asarray(images, np.float64).transpose(0, 3, 1, 2)

    def biased(x, scope):
        return lrelu(x + v[f"{scope}/bias"][:, None, None])

    x = biased(conv(x, scaled(v["FromRGB_lod0/weight"])), "FromRGB_lod0")
    r = x.shape[2]
    while r > 4:
        x = biased(conv(x, scaled(v[f"{r}x{r}/Conv0/weight"])), f"{r}x{r}/Conv0")
        x = conv_downscale(blur(x, static), scaled(v[f"{r}x{r}/Conv1_down/weight"]))
        x, r = biased(x, f"{r}x{r}/Conv1_down"), r // 2
    features = static.get("mbstd_num_features", 1)
    groups = x.reshape(4, len(x) // 4, features, -1, 4, 4)
    spread = np.sqrt(groups.var(0) + 1e-8).mean((2, 3, 4))
    spread = np.tile(spread, (4, 1))[:, :, None, None] * np.ones((1, 1, 4, 4))
    x = biased(conv(np.concatenate([x, spread], 1), scaled(v["4x4/Conv/weight"])), "4x4/Conv")
    x = x.reshape(len(x), -1) @ scaled(v["4x4/Dense0/weight"]) + v["4x4/Dense0/bias"]
    scores = lrelu(x) @ scaled(v["4x4/Dense1/weight"], gain=1) + v["4x4/Dense1/bias"]
    return scores if label is None else scores[np.arange(len(scores)), label][:, None]


# What is read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [SMALL, LARGE], ids=["unfused", "fused"])
def test_the_networks_compute_what_the_original_computes(widths, tmp_path):
    path = written(tmp_path / "network.pkl", widths)
    gan = tff.load(path)
    _, d, gs = saved_networks(widths)
    z = gan.sample_latents(4, seed=1)
    expected, w_avg, w = oracle_generator(gs, z)
    assert 0.2 < expected.std() < 2
    images = np.asarray(gan.generate(z))
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
    logits = oracle_discriminator(d, images)
    assert logits.std() > 1e-3
    np.testing.assert_allclose(gan.discriminator(images), logits, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(gan.generator.w_avg, w_avg)
    np.testing.assert_allclose(gan.generator.mapping(z), w, atol=1e-4)
    assert gan.config["channels"] == list(widths.values())
    assert gan.source_metadata["name"] == "network.pkl"
    assert "NC" in gan.source_metadata["licence"]


FORMS = {
    "labels": {"g": {"classes": 3}, "d": {"classes": 3}, "label_size": 3},
    "grey": {"g": {"colours": 1}, "d": {"colours": 1}, "num_channels": 1},
    "opacity": {"g": {"colours": 4}, "d": {"colours": 4}, "num_channels": 4},
    "a wider discriminator": {"judges": {4: 8, 8: 7, 16: 5}, "d": {"dense": 9}},
    "a wider mapping": {"g": {"hidden": 9}, "mapping_fmaps": 9, "mapping_lrmul": 0.02},
    "pixel norm": {"use_pixel_norm": True, "use_instance_norm": False, "blur_filter": None},
    "raw latents": {
        "normalize_latents": False,
        "blur_filter": [1, 1, 2],
        "d": {"features": 2},
        "mbstd_num_features": 2,
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_what_else_the_original_can_be(form, tmp_path):
    options = FORMS[form]
    gan = tff.load(written(tmp_path / "n.pkl", **options))
    _, d, gs = saved_networks(**options)
    z = gan.sample_latents(4, seed=1)
    label = np.array([0, 2, 1, 2]) if form == "labels" else None
    expected, _, w = oracle_generator(gs, z, label)
    assert expected.std() > 0.2
    images = np.asarray(gan.generate(z, label))
    np.testing.assert_allclose(gan.generator.styles(z, label), w, rtol=0, atol=1e-4)
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    logits = oracle_discriminator(d, images, label)
    assert logits.std() > 1e-3
    np.testing.assert_allclose(gan.discriminator(images, label), logits, rtol=0, atol=1e-4)
    assert gan.image_shape == (16, 16, options.get("num_channels", 3))
    if label is None:
        return
    assert gan.num_classes == 3
    with pytest.raises(UserError, match="3 classes"):
        gan.generate(z)
    one = gan.with_one_class(2)
    same = np.full(4, 2)
    np.testing.assert_allclose(one.generate(z), gan.generate(z, same), atol=1e-6)
    logits = gan.discriminator(images, same)
    np.testing.assert_allclose(one.discriminator(images), logits, atol=1e-6)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols_and_settings(protocol, tmp_path):
    path = written(tmp_path / "n.pkl", protocol=protocol, fused_scale=True, truncation_cutoff=None)
    gan = tff.load(path)
    assert gan.config["fused"] is True
    # As the original has it, nothing is truncated without a cutoff.
    z = gan.sample_latents(2, seed=0)
    np.testing.assert_allclose(gan.generate(z, truncation=0.5), gan.generate(z), atol=1e-5)
    moved = gan.rebuild(truncation_layers=1).generate(z, truncation=0.5)
    assert np.abs(moved - gan.generate(z)).max() > 1e-3


def test_one_network_is_the_generator(tmp_path):
    g, d, gs = saved_networks()
    (tmp_path / "gs.pkl").write_bytes(dumped(gs))
    (tmp_path / "n.pkl").write_bytes(dumped((g, d, gs)))
    gan = tff.load(tmp_path / "gs.pkl")
    assert gan.discriminator is None
    assert gan.fingerprint() == tff.load(tmp_path / "n.pkl").fingerprint()


def drop(name):
    return lambda top, mapping, synthesis, d: synthesis.pop(name)


def put(name, value, of="synthesis"):
    def change(top, mapping, synthesis, d):
        {"top": top, "mapping": mapping, "synthesis": synthesis, "d": d}[of][name] = value

    return change


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"change": drop("8x8/Conv1/bias")}, "missing synthesis/8x8/Conv1/bias"),
        ({"change": drop("noise3")}, "missing synthesis/noise3"),
        ({"change": put("extra", np.zeros(2))}, "unexpected synthesis/extra"),
        ({"change": put("8x8/Conv1/bias", np.zeros(9))}, r"of shape \(9,\), which makes no \(5,\)"),
        ({"change": put("4x4/Dense0/weight", np.zeros((3, 6)), "d")}, r"Dense0/weight of shape"),
        ({"change": put("8x8/Conv1/bias", np.full(5, np.nan))}, "not finite"),
        ({"change": put("8x8/Conv1/bias", np.array(["a"] * 5))}, "has the dtype"),
        ({"change": put("lod", np.float32(1.5), "top")}, "still growing"),
        ({"use_styles": False}, "use_styles=False"),
        ({"use_wscale": False}, "use_wscale=False"),
        ({"g": {"classes": 3}}, "3 classes, and its discriminator gives 1 scores"),
        ({"blur_filter": [1, 1]}, "blur must be an odd count"),
        ({"fused_scale": "never"}, "fused_scale is 'never'"),
        ({"version": "3"}, "no version"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_said(options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        tff.load(written(tmp_path / "n.pkl", **options))


def test_a_web_page_is_called_one(tmp_path):
    (tmp_path / "n.pkl").write_text("\n<!DOCTYPE html><html>Quota exceeded</html>")
    with pytest.raises(UserError, match=r"n\.pkl is a web page"):
        tff.load(tmp_path / "n.pkl")


class Hostile:
    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


@pytest.mark.parametrize(
    "hostile",
    [
        Hostile(os.system, "touch run"),
        Hostile(eval, "open('run', 'w')"),
        Hostile(getattr, Hostile(__import__, "os"), "system"),
    ],
    ids=["system", "eval", "getattr"],
)
def test_hostile_pickles_are_refused_by_name(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "n.pkl", change=put("8x8/Conv1/bias", hostile))
    with pytest.raises(UserError, match=r"it wants to run .+nothing was run"):
        tff.load(path)
    assert [p.name for p in tmp_path.iterdir()] == ["n.pkl"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"cdnnlib.util\nEasyDict\n)\x81}U\x01aK\x01sb.", "has attributes"),
        (b"cdnnlib.util\nEasyDict\n}U\x01aK\x01sb.", "is damaged"),
        (b"cdnnlib.tflib.network\nNetwork\n}U\x04makeK\x01sb.", "is damaged"),
        (b"cdnnlib.tflib.network\nNetwork\n)\x81}U\x01aK\x01sb.", "no version or settings"),
    ],
    ids=["dict", "class of a dict", "class of a network", "one network"],
)
def test_a_pickle_sets_no_attribute_of_a_stand_in(program, message, tmp_path):
    (tmp_path / "n.pkl").write_bytes(b"\x80\x02" + program)
    with pytest.raises(UserError, match=message):
        read_network_pickle(tmp_path / "n.pkl")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    return written(tmp_path_factory.mktemp("pickles") / "n.pkl").read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_ends_in_one_clear_error_or_in_the_same_form(data, whole, tmp_path):
    cut = data.draw(st.integers(0, len(whole)))
    damaged = bytearray(whole[: data.draw(st.sampled_from([cut, len(whole)]))])
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "n.pkl"
    path.write_bytes(damaged)
    # Any other error fails the test.
    with contextlib.suppress(UserError):
        for network in filter(None, read_network_pickle(path)):
            assert all(v.dtype.kind in "fiu" for v in network.variables.values())
