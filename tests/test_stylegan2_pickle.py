"""StyleGAN2 from the files of four projects: writers and oracle in their names and layouts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tests import torch_files
from tests.stylegan2_original import (
    discriminator_variables,
    generated,
    generator_variables,
    judged,
    styles,
)
from tests.test_stylegan_pickle import SMALL, Hostile, Network, dumped
from tests.test_stylegan_pickle import saved_networks as stylegan_networks
from tf_fewshot.backbones.stylegan.gan import StyleGAN
from tf_fewshot.errors import UserError
from tf_fewshot.unpickling.torch_legacy import read_torch_legacy

WIDTHS = {4: 6, 8: 5, 16: 4}


def split(g):
    """Variables of the three networks that make a TensorFlow generator."""
    parts = {"mapping": {}, "synthesis": {}, "": {}}
    for name, value in g.items():
        scope, _, rest = name.partition("/") if "/" in name else ("", "", name)
        parts[scope][rest] = value
    return parts


def tensorflow(path: Path, g, d, version=5, g_static=None, d_static=None, alone=False):
    parts = split(g)
    g_static, d_static = g_static or {}, d_static or {}
    if version == 4:
        parts[""]["lod"] = np.float32(0)
    components = {
        "synthesis": Network("G_synthesis", "G_synthesis", parts["synthesis"], version=version),
        "mapping": Network("G_mapping", "G_mapping", parts["mapping"], version=version),
    }
    gs = Network("Gs", "G_main", parts[""], components, version=version, **g_static)
    other = Network("G", "G_main", {}, components, version=version)
    judge = Network("D", "D_main", d, version=version, **d_static)
    if version == 5:
        for network in (gs, other, judge):
            network.state |= {"input_shapes": [[None, 5], [None, 0]], "input_names": ["x", "y"]}
    path.write_bytes(dumped(gs if alone else (other, judge, gs)))
    return path


def pytorch(path: Path, generator, discriminator, protocol: int = 4) -> Path:
    tree = {
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset"},
        "G": generator,
        "D": discriminator,
        "G_ema": generator,
        "augment_pipe": torch_files.Module("AugmentPipe", {}, {"p": np.zeros(())}),
    }
    path.write_bytes(torch_files.dumped(tree, protocol))
    return path


def rosinality(path: Path, g, d=None, kind: str = "zip", mean: bool = True, **more) -> Path:
    tree = {"g_ema": torch_files.rosinality_generator(g), **more}
    if mean:
        tree["latent_avg"] = torch_files.Tensor(g["dlatent_avg"])
    if d is not None:
        tree["d"] = torch_files.rosinality_discriminator(d)
    path.write_bytes({"zip": torch_files.zipped, "legacy": torch_files.legacy}[kind](tree))
    return path


def same(path: Path, g, d, label=None, g_options=None, d_options=None, atol=1e-4):
    """Whether what is loaded computes what the variables compute, by the oracle."""
    gan = tff.load(path)
    z = gan.sample_latents(8, seed=1)
    given = None if label is None else np.asarray(label, np.int32)
    expected = generated(g, z, label, **(g_options or {}))
    assert expected.std() > 0.2
    images = np.asarray(gan.generate(z, given))
    np.testing.assert_allclose(images, expected, rtol=0, atol=atol)
    if d is None:
        return gan
    logits = judged(d, images, label, **(d_options or {}))
    assert logits.std() > 1e-3
    np.testing.assert_allclose(gan.discriminator(images, given), logits, rtol=0, atol=atol)
    np.testing.assert_allclose(gan.generator.w_avg, g["dlatent_avg"], atol=1e-7)
    assert gan.source_metadata["name"] == path.name
    return gan


# TensorFlow -----------------------------------------------------------------------------------


@pytest.mark.parametrize("g_form", ["orig", "skip", "resnet"])
def test_version_4_in_all_its_forms(g_form, tmp_path):
    d_form = {"orig": "skip", "skip": "resnet", "resnet": "orig"}[g_form]
    g = generator_variables(WIDTHS, g_form, const=None)
    d = discriminator_variables(WIDTHS, d_form)
    static = {"architecture": g_form, "resolution": 16, "fmap_base": 64}
    gan = same(tensorflow(tmp_path / "n.pkl", g, d, 4, static), g, d)
    assert (gan.config["g_architecture"], gan.config["d_architecture"]) == (g_form, d_form)
    assert gan.config["mbstd_group"] == 4
    assert gan.config["truncation_layers"] is None
    assert "non-commercial" in gan.source_metadata["licence"]


def test_version_5_has_other_defaults(tmp_path):
    """In version 5 the batch is one group by default, and mapping networks have other sizes."""
    g = generator_variables(WIDTHS, layers=2, hidden=7, const=3)
    d = discriminator_variables(WIDTHS, dense=9)
    path = tensorflow(tmp_path / "n.pkl", g, d, 5, {"truncation_cutoff": 3, "num_fp16_res": 4})
    gan = same(path, g, d, d_options={"group": None})
    assert gan.config["mbstd_group"] is None
    assert gan.config["mapping_layers"] == 2
    assert gan.config["truncation_layers"] == 3
    z = gan.sample_latents(2, seed=0)
    expected = generated(g, z, psi=0.5, cutoff=3)
    np.testing.assert_allclose(gan.generate(z, truncation=0.5), expected, atol=1e-4)


@pytest.mark.parametrize(("version", "labels"), [(4, "concat"), (5, "embed")])
def test_labels(version, labels, tmp_path):
    label = [0, 1, 2, 2, 1, 0, 1, 2]
    g = generator_variables(WIDTHS, labels=labels)
    d = discriminator_variables(WIDTHS, labels=labels, label_layers=2)
    static = {"label_size": 3}
    path = tensorflow(tmp_path / "n.pkl", g, d, version, static, {**static, "mbstd_group_size": 4})
    gan = same(path, g, d, label)
    assert gan.num_classes == 3
    one = gan.with_one_class(2)
    z = gan.sample_latents(2, seed=3)
    expected = generated(g, z, [2, 2])
    np.testing.assert_allclose(one.generate(z), expected, atol=1e-4)
    scores = judged(d, expected, [2, 2])
    np.testing.assert_allclose(one.discriminator(expected), scores, atol=1e-4)


@pytest.mark.parametrize(("base", "version"), [((3, 5), 5), ((4, 2), 6)])
def test_images_that_are_not_square(base, version, tmp_path):
    """As TensorFlow's forks keep them, and StyleGAN-Human in PyTorch."""
    g = generator_variables(WIDTHS, base=base)
    d = discriminator_variables(WIDTHS, base=base)
    judge = {"base": base[0]}
    if version == 5:
        path = tensorflow(tmp_path / "n.pkl", g, d, 5, {}, {"mbstd_group_size": 4})
    else:
        path = pytorch(
            tmp_path / "n.pkl", torch_files.ada_generator(g), torch_files.ada_discriminator(d)
        )
    gan = same(path, g, d, d_options=judge)
    assert gan.image_shape == (4 * base[0], 4 * base[1], 3)
    z = gan.sample_latents(2, seed=0)
    assert np.asarray(gan.generate(z, noise="random")).shape == (2, *gan.image_shape)
    assert gan.clone().image_shape == gan.image_shape


@pytest.mark.parametrize("colours", [1, 4])
def test_grey_and_opacity(colours, tmp_path):
    g = generator_variables(WIDTHS, colours=colours)
    d = discriminator_variables(WIDTHS, colours=colours)
    gan = same(tensorflow(tmp_path / "n.pkl", g, d, 4), g, d)
    assert gan.image_shape == (16, 16, colours)


def test_clamped_activations_and_another_filter(tmp_path):
    g, d = generator_variables(WIDTHS), discriminator_variables(WIDTHS, "skip", features=2)
    taps = [1, 2, 3, 1]
    static = {"conv_clamp": 0.4, "resample_kernel": taps, "mapping_lrmul": 0.02}
    d_static = {**static, "mbstd_group_size": 2, "mbstd_num_features": 2}
    options = {"clamp": 0.4, "taps": taps}
    same(
        tensorflow(tmp_path / "n.pkl", g, d, 5, static, d_static),
        g,
        d,
        g_options={**options, "lrmul": 0.02},
        d_options={**options, "group": 2, "features": 2},
    )


def test_no_filter_is_a_box(tmp_path):
    g, d = generator_variables(WIDTHS, noise=False), discriminator_variables(WIDTHS, features=0)
    static = {"resample_kernel": None, "use_noise": False}
    path = tensorflow(
        tmp_path / "n.pkl", g, d, 4, static, {"resample_kernel": None, "mbstd_group_size": 0}
    )
    same(path, g, d, g_options={"taps": [1, 1]}, d_options={"taps": [1, 1], "features": 0})


def grown(variables, tops: str):
    """The names of networks that grew: their pixels' layers are numbered backwards."""
    grown_variables = {}
    for name, value in variables.items():
        scope, size, *rest = name.rpartition("16x16/")
        if tops in name:
            grown_variables[f"{scope}{rest[0]}".replace(f"{tops}/", f"{tops}_lod0/")] = value
            # What was used while it was smaller.
            grown_variables[f"{scope}{tops}_lod1/weight"] = np.zeros((1, 1, 5, 3), np.float32)
        else:
            grown_variables[name] = value
        assert size or not rest or tops not in name
    prefix = "synthesis/" if tops == "ToRGB" else ""
    return {**grown_variables, f"{prefix}lod": np.float32(0)}


def test_networks_that_grew(tmp_path):
    """Configs B to D."""
    g, d = generator_variables(WIDTHS, "orig"), discriminator_variables(WIDTHS, "orig")
    path = tensorflow(tmp_path / "n.pkl", grown(g, "ToRGB"), grown(d, "FromRGB"), 4)
    gan = same(path, g, d)
    assert gan.config["g_architecture"] == gan.config["d_architecture"] == "orig"


def test_config_a_is_stylegan(tmp_path):
    """StyleGAN's networks as StyleGAN2's code saves them."""
    networks = stylegan_networks(SMALL)
    for network in networks:
        network.state["version"] = 4
    (tmp_path / "n.pkl").write_bytes(dumped(networks))
    gan = tff.load(tmp_path / "n.pkl")
    assert isinstance(gan, StyleGAN)
    assert gan.image_shape == (16, 16, 3)


def drop(name):
    return lambda g, d: (g if name in g else d).pop(name)


def put(name, value):
    return lambda g, d: (d if name in d else g).update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("synthesis/8x8/Conv1/bias"), "missing synthesis/8x8/Conv1/bias"),
        (drop("synthesis/8x8/Conv0_up/weight"), "lacks synthesis/8x8/Conv0_up/weight"),
        (drop("synthesis/noise3"), "missing synthesis/noise3"),
        (drop("mapping/Dense1/weight"), "mapping/Dense2/weight"),
        (drop("16x16/Conv0/bias"), "missing 16x16/Conv0/bias"),
        (put("synthesis/extra", np.zeros(2)), "unexpected synthesis/extra"),
        (put("synthesis/8x8/Conv1/bias", np.zeros(9)), r"bias of shape \(9,\), .*\(5,\)"),
        (put("synthesis/noise1", np.zeros(9)), r"noise1 of shape \(9,\)"),
        (put("synthesis/8x8/Conv1/weight", np.zeros((3, 3, 5, 9))), "does not fit the others"),
        (put("synthesis/8x8/Conv1/weight", np.zeros((0, 3, 5, 5))), "does not fit the others"),
        (put("4x4/Dense0/weight", np.zeros((3, 6))), "4x4/Dense0/weight has the shape"),
        (put("synthesis/8x8/Conv1/bias", np.full(5, np.inf)), "not finite"),
        (put("synthesis/lod", np.float32(1)), "still growing"),
        (put("Output/weight", np.zeros((6, 4))), "gives 4 scores"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_said(change, message, tmp_path):
    g, d = generator_variables(WIDTHS), discriminator_variables(WIDTHS)
    change(g, d)
    with pytest.raises(UserError, match=message) as error:
        tff.load(tensorflow(tmp_path / "n.pkl", g, d, 4))
    assert "n.pkl" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("static", "message"),
    [
        ({"nonlinearity": "relu"}, "nonlinearity='relu'"),
        ({"use_spectral_norm": True}, "use_spectral_norm=True"),
        ({"resample_kernel": [1]}, "no list of at least two numbers"),
        ({"resample_kernel": [1, -1]}, "sums to 0"),
        ({"conv_clamp": "x"}, "conv_clamp='x'"),
        ({"resample_kernel": [1, 2, 1]}, "they must be alike"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_are_not_read_are_said(static, message, tmp_path):
    g, d = generator_variables({4: 2, 8: 2}), discriminator_variables({4: 2, 8: 2})
    with pytest.raises(UserError, match=message):
        tff.load(tensorflow(tmp_path / "n.pkl", g, d, 4, static))


# NVIDIA's PyTorch --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["orig", "skip", "resnet"])
def test_ada_in_all_its_forms(form, tmp_path):
    d_form = {"orig": "skip", "skip": "resnet", "resnet": "orig"}[form]
    g = generator_variables(WIDTHS, form, layers=2, const=None)
    d = discriminator_variables(WIDTHS, d_form)
    generator = torch_files.ada_generator(g, clamp=0.5)
    path = pytorch(tmp_path / "n.pkl", generator, torch_files.ada_discriminator(d, clamp=0.6))
    d_options = {"clamp": 0.6, "last_clamp": False}
    gan = same(path, g, d, g_options={"clamp": 0.5}, d_options=d_options)
    assert (gan.config["g_architecture"], gan.config["d_architecture"]) == (form, d_form)
    assert "non-commercial" in gan.source_metadata["licence"]


@pytest.mark.parametrize("protocol", [2, 3, 5])
def test_ada_with_labels_and_other_settings(protocol, tmp_path):
    label = [0, 1, 2, 2, 1, 0, 1, 2]
    g = generator_variables(WIDTHS, labels="embed", noise=False)
    d = discriminator_variables(WIDTHS, labels="embed", label_layers=2, features=0)
    taps = (1, 2, 1)
    generator = torch_files.ada_generator(g, lrmul=0.02, taps=taps)
    discriminator = torch_files.ada_discriminator(d, lrmul=0.05, taps=taps, features=0)
    path = pytorch(tmp_path / "n.pkl", generator, discriminator, protocol)
    g_options = {"lrmul": 0.02, "taps": taps}
    same(path, g, d, label, g_options, {"lrmul": 0.05, "taps": taps, "features": 0})


def test_ada_with_the_whole_batch_in_one_group(tmp_path):
    g, d = generator_variables(WIDTHS), discriminator_variables(WIDTHS, features=3)
    discriminator = torch_files.ada_discriminator(d, group=None, features=3)
    path = pytorch(tmp_path / "n.pkl", torch_files.ada_generator(g), discriminator)
    same(path, g, d, d_options={"group": None, "features": 3})


def ada(change=lambda g, d: None):
    g = torch_files.ada_generator(generator_variables({4: 3, 8: 2}))
    d = torch_files.ada_discriminator(discriminator_variables({4: 3, 8: 2}))
    change(g, d)
    return g, d


def inner(module, *names):
    for name in names:
        module = module.state["_modules"][name]
    return module.state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda g, d: inner(g, "synthesis", "b8", "conv1")["_parameters"].pop("bias"),
            r"missing synthesis\.b8\.conv1\.bias",
        ),
        (lambda g, d: inner(g, "mapping")["_buffers"].clear(), r"missing mapping\.w_avg"),
        (
            lambda g, d: inner(d, "b8")["_buffers"].update(extra=torch_files.Tensor([1.0])),
            r"unexpected b8\.extra",
        ),
        (
            lambda g, d: inner(d, "b4", "conv")["_parameters"].update(
                bias=torch_files.Tensor(np.zeros(7))
            ),
            r"b4\.conv\.bias of shape \(7,\)",
        ),
        (lambda g, d: inner(g, "synthesis")["_modules"].clear(), r"lacks synthesis\.b4\.const"),
        (lambda g, d: inner(d, "b4", "fc").update(activation="relu"), "activation 'relu' in b4.fc"),
        (lambda g, d: setattr(g, "kind", "Encoder"), "'Encoder', not the Generator"),
        (
            lambda g, d: g.state["_modules"].update(x=inner(g)["_modules"]["mapping"]),
            "used twice",
        ),
        (lambda g, d: g.state.update(_modules=[1]), "_modules of a module"),
        (lambda g, d: g.state["_parameters"].update(x=3), "x is no tensor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ada_that_does_not_fit_is_said(change, message, tmp_path):
    path = pytorch(tmp_path / "n.pkl", *ada(change))
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert "n.pkl" in str(error.value) and "\n" not in str(error.value)


# rosinality's ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_rosinality(kind, tmp_path):
    g = generator_variables(WIDTHS, latent=6, w_dim=6)
    d = discriminator_variables(WIDTHS)
    optimizer = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.002}]}
    path = rosinality(tmp_path / "n.pt", g, d, kind, args=torch_files.options(), g_optim=optimizer)
    gan = same(path, g, d)
    assert gan.source_metadata["licence"] is None


def test_rosinality_that_calls_the_generator_g(tmp_path):
    g = generator_variables(WIDTHS, latent=6, w_dim=6)
    tree = {"g": torch_files.rosinality_generator(g)}
    (tmp_path / "g.pt").write_bytes(torch_files.zipped(tree))
    gan = tff.load(tmp_path / "g.pt")
    assert gan.discriminator is None
    alone = rosinality(tmp_path / "n.pt", g, mean=False)
    assert gan.fingerprint() == tff.load(alone).fingerprint()
    (tmp_path / "g.pt").write_bytes(torch_files.zipped({"g": {**tree["g"], "x": 3}}))
    with pytest.raises(UserError, match="its g is no state dict"):
        tff.load(tmp_path / "g.pt")


@pytest.mark.parametrize("absent", [{"D": None}, {}])
def test_ada_without_discriminator(absent, tmp_path):
    g, d = ada()
    whole = tff.load(pytorch(tmp_path / "whole.pkl", g, d))
    (tmp_path / "g.pkl").write_bytes(torch_files.dumped({"G_ema": g, **absent}))
    gan = tff.load(tmp_path / "g.pkl")
    assert gan.discriminator is None
    assert gan.fingerprint() == whole.fingerprint()
    (tmp_path / "d.pkl").write_bytes(torch_files.dumped({"D": d}))
    with pytest.raises(UserError, match="no network G_ema"):
        tff.load(tmp_path / "d.pkl")


@pytest.mark.parametrize("version", [4, 5])
def test_one_tensorflow_network_is_the_generator(version, tmp_path):
    g, d = generator_variables(WIDTHS), discriminator_variables(WIDTHS)
    path = tensorflow(tmp_path / "n.pkl", g, d, version)
    whole = tff.load(path)
    alone = tensorflow(tmp_path / "gs.pkl", g, d, version, alone=True)
    gan = tff.load(alone)
    assert gan.discriminator is None
    assert gan.fingerprint() == whole.fingerprint()


def test_bfloat16_weights_are_read(tmp_path):
    g = generator_variables(WIDTHS, latent=6, w_dim=6)
    state = torch_files.rosinality_generator(g)
    short = {k: v.array.astype(ml_dtypes.bfloat16) for k, v in state.items()}
    gans = []
    for dtype in (ml_dtypes.bfloat16, np.float32):
        tree = {k: torch_files.Tensor(v.astype(dtype)) for k, v in short.items()}
        (tmp_path / "n.pt").write_bytes(torch_files.zipped({"g_ema": tree}))
        gans.append(tff.load(tmp_path / "n.pt"))
    assert gans[0].fingerprint() == gans[1].fingerprint()
    assert gans[0].source_metadata["sha256"] != gans[1].source_metadata["sha256"]


def test_rosinality_without_mean_and_discriminator(tmp_path):
    g = generator_variables(WIDTHS, latent=6, w_dim=6)
    gan = tff.load(rosinality(tmp_path / "n.pt", g, mean=False))
    assert gan.discriminator is None
    expected = styles(g, np.random.default_rng(1).standard_normal((20_000, 6)))
    error = expected.std(0) / 100
    np.testing.assert_array_less(np.abs(gan.generator.w_avg - expected.mean(0)), 6 * error)
    bare = tmp_path / "bare.pt"
    bare.write_bytes(torch_files.zipped(torch_files.rosinality_generator(g)))
    assert tff.load(bare).fingerprint() == gan.fingerprint()


@pytest.mark.parametrize("pack", [torch_files.zipped, torch_files.legacy])
def test_rosinality_from_before_noise_maps_were_kept(pack, tmp_path):
    g = generator_variables(WIDTHS, latent=6, w_dim=6)
    whole = tff.load(rosinality(tmp_path / "n.pt", g))
    state = torch_files.rosinality_generator(g)
    (tmp_path / "old.pt").write_bytes(
        pack({"g_ema": {k: v for k, v in state.items() if not k.startswith("noises.")}})
    )
    old = tff.load(tmp_path / "old.pt")
    z = old.sample_latents(2, seed=1)
    # All but the maps is as it is in a newer file.
    np.testing.assert_array_equal(old.generate(z, noise="none"), whole.generate(z, noise="none"))
    assert old.config["use_noise"]
    assert np.abs(old.generate(z) - old.generate(z, noise="none")).max() > 1e-3
    for mine, theirs in zip(old.generator.noises, whole.generator.noises, strict=True):
        assert mine.shape == theirs.shape
        assert mine.shape.num_elements() < 64 or 0.8 < np.std(mine) < 1.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.pop("convs.1.activate.bias"), r"missing convs\.1\.activate\.bias"),
        (lambda g: g.pop("noises.noise_2"), r"missing noises\.noise_2"),
        (lambda g: g.update(x=torch_files.Tensor([1.0])), "unexpected x"),
        (
            lambda g: g.update({"to_rgb1.bias": torch_files.Tensor(np.zeros(7))}),
            r"to_rgb1\.bias of shape \(7,\)",
        ),
        (lambda g: g.pop("style.1.weight"), r"lacks style\.1\.weight"),
        (lambda g: g.update(x=3), "no state dict"),
        (
            lambda g: g.update({"convs.0.conv.blur.kernel": torch_files.Tensor(np.eye(4))}),
            "no product of a row",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rosinality_that_does_not_fit_is_said(change, message, tmp_path):
    state = torch_files.rosinality_generator(generator_variables({4: 3, 8: 2}, latent=6, w_dim=6))
    change(state)
    (tmp_path / "n.pt").write_bytes(torch_files.zipped({"g_ema": state}))
    with pytest.raises(UserError, match=message) as error:
        tff.load(tmp_path / "n.pt")
    assert "n.pt" in str(error.value) and "\n" not in str(error.value)


# Damaged and hostile ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hostile",
    [Hostile(os.system, "touch run"), Hostile(eval, "open('run', 'w')")],
    ids=["system", "eval"],
)
def test_hostile_modules_are_refused_by_name(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pytorch(tmp_path / "n.pkl", *ada(lambda g, d: g.state.update(hidden=hostile)))
    with pytest.raises(UserError, match=r"it wants to run .+nothing was run"):
        tff.load(path)
    # Within the stream of a storage, too.
    stream = torch_files.legacy({"x": hostile})
    (tmp_path / "stream").write_bytes(stream)
    with pytest.raises(UserError, match=r"it wants to run .+nothing was run"):
        read_torch_legacy(tmp_path / "stream")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n.pkl", "stream"]


HEAD = b"\x80\x02ctorch_utils.persistence\n_reconstruct_persistent_obj\n"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (HEAD + b"}\x85R.", "its G_ema is a None, not the Generator"),
        (HEAD + b"}\x85R}U\x01aK\x01sb.", "changes a module"),
        (HEAD + b"}U\x01aK\x01sb.", "changes a function"),
        (HEAD + b"0}U\x05G_emactorch.storage\n_load_from_bytes\nC\x02ab\x85Rs.", "is damaged"),
        (HEAD + b"0}U\x05G_emactorch.storage\n_load_from_bytes\nK\x01\x85Rs.", "has no bytes"),
        (HEAD + b"0}U\x05G_emaK\x01s.", "no network G_ema"),
    ],
    ids=["one", "build", "function", "stream", "number", "no network"],
)
def test_crafted_pickles_are_refused(program, message, tmp_path):
    (tmp_path / "n.pkl").write_bytes(program)
    with pytest.raises(UserError, match=message):
        tff.load(tmp_path / "n.pkl")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("files")
    small = {4: 2, 8: 1}
    g = generator_variables(small, latent=3, w_dim=3, layers=1)
    d = discriminator_variables(small)
    networks = torch_files.ada_generator(g), torch_files.ada_discriminator(d)
    return {
        "ada": pytorch(folder / "ada", *networks).read_bytes(),
        "tensorflow": tensorflow(folder / "tensorflow", g, d).read_bytes(),
        "zip": rosinality(folder / "zip", g, d).read_bytes(),
        "legacy": rosinality(folder / "legacy", g, d, "legacy").read_bytes(),
    }


@pytest.mark.parametrize("kind", ["ada", "tensorflow", "zip", "legacy"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_ends_in_one_clear_error_or_in_a_gan(data, kind, whole, tmp_path):
    content = whole[kind]
    cut = data.draw(st.integers(0, len(content)))
    damaged = bytearray(content[: data.draw(st.sampled_from([cut, len(content)]))])
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "n"
    path.write_bytes(damaged)
    # Any other error fails the test.
    with contextlib.suppress(UserError):
        assert tff.load(path).image_shape == (8, 8, 3)
