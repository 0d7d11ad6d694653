"""StyleGAN2 inside of what other systems save, and files of PyTorch that are of other networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tf_fewshot as tff
from tests import torch_files
from tests.stylegan2_original import discriminator_variables, generator_variables
from tests.test_stylegan2_pickle import WIDTHS, same
from tf_fewshot.errors import UserError
from tf_fewshot.weights.load import READERS


def written(path, tree: Any, kind: str = "zip"):
    path.write_bytes({"zip": torch_files.zipped, "legacy": torch_files.legacy}[kind](tree))
    return path


@pytest.fixture(scope="module")
def g():
    return generator_variables(WIDTHS, latent=6, w_dim=6)


def under(prefix: str, state: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in state.items()}


ENCODER = {"encoder.input_layer.0.weight": torch_files.Tensor(np.zeros((2, 3, 3, 3)))}


@pytest.mark.parametrize("rows", [1, 14])
@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_the_decoder_of_an_encoder_is_read(kind, rows, g, tmp_path):
    state = {**ENCODER, **under("decoder.", torch_files.rosinality_generator(g))}
    state["latent_avg_of_others"] = torch_files.Tensor(np.zeros(3))
    tree = {
        "state_dict": state,
        "opts": {"device": "cuda:0", "start_from_latent_avg": True, "lr": 1e-4},
        # As many times as there are layers.
        "latent_avg": torch_files.Tensor(np.tile(g["dlatent_avg"], (rows, 1))),
        "discriminator_state_dict": {"0.weight": torch_files.Tensor(np.zeros((3, 3)))},
    }
    gan = same(written(tmp_path / "e4e_ffhq_encode.pt", tree, kind), g, None)
    assert gan.discriminator is None
    np.testing.assert_array_equal(gan.generator.w_avg, g["dlatent_avg"])


def test_a_mean_of_each_layer_is_computed_anew(g, tmp_path):
    state = under("decoder.", torch_files.rosinality_generator(g))
    tree = {"state_dict": state, "latent_avg": torch_files.Tensor(np.eye(6))}
    gan = tff.load(written(tmp_path / "psp.pt", tree))
    assert np.abs(gan.generator.w_avg - g["dlatent_avg"]).max() > 1e-3
    same_as = tff.load(written(tmp_path / "bare.pt", torch_files.rosinality_generator(g)))
    assert gan.fingerprint() == same_as.fingerprint()


def test_names_of_data_parallel(g, tmp_path):
    d = discriminator_variables(WIDTHS)
    tree = {
        "g_ema": under("module.", torch_files.rosinality_generator(g)),
        "d": under("module.", torch_files.rosinality_discriminator(d)),
        "latent_avg": torch_files.Tensor(g["dlatent_avg"]),
    }
    same(written(tmp_path / "n.pt", tree), g, d)
    state = under("module.decoder.", torch_files.rosinality_generator(g))
    gan = tff.load(written(tmp_path / "e.pt", {"state_dict": state}))
    assert gan.discriminator is None


def test_safetensors_of_both_networks(g, tmp_path):
    d = discriminator_variables(WIDTHS)
    parts = {
        **under("g_ema.", torch_files.rosinality_generator(g)),
        **under("d.", torch_files.rosinality_discriminator(d)),
        "latent_avg": torch_files.Tensor(g["dlatent_avg"]),
    }
    arrays = {name: tensor.array for name, tensor in parts.items()}
    (tmp_path / "n.safetensors").write_bytes(torch_files.safetensors(arrays))
    same(tmp_path / "n.safetensors", g, d)
    alone = {n.removeprefix("g_ema."): v for n, v in arrays.items() if n.startswith("g_ema.")}
    (tmp_path / "g.safetensors").write_bytes(torch_files.safetensors(alone))
    assert tff.load(tmp_path / "g.safetensors").discriminator is None


# PTI -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "legacy"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_generator_that_pti_tuned(kind, beside, tmp_path):
    g = generator_variables(WIDTHS)
    module: Any = torch_files.ada_generator(g, clamp=256.0)
    if beside:
        pivots = torch_files.Tensor(np.zeros((1, 4, 6)))
        module = {"generator": module, "pivots": pivots, "quads": [1, 2]}
    path = written(tmp_path / "model_XYZ_face.pt", module, kind)
    gan = same(path, g, None, g_options={"clamp": 256.0})
    assert "Nvidia" in gan.source_metadata["licence"]


# What is not read ------------------------------------------------------------------------------

OTHERS = {
    "stylegan2-pytorch": (
        {"GAN": {"S.net.0.weight": 2, "G.blocks.0.to_style1.weight": 2}, "version": "1.8.9"},
        r"lucidrains' stylegan2-pytorch: .* stylegan2_pytorch --generate, then tf-fewshot pretrain",
    ),
    "lightweight-gan": (
        {"GAN": {"GE.initial_conv.0.weight": 4, "D.residual_layers.0.0.weight": 2}},
        r"lucidrains' lightweight-gan: .*FastGAN.* lightweight_gan --generate, then",
    ),
    "StudioGAN": (
        {"state_dict": {"blocks.0.0.bn1.gain.weight_orig": 2, "linear0.weight_orig": 2}},
        r"StudioGAN: .*G_ema.pth",
    ),
    "biggan_v1": (
        {"GBlock.0.conv0.module.weight_bar": 4, "linear.weight": 2},
        r"early copy of DeepMind's BigGAN .*--source=biggan-128",
    ),
    "style-based": (
        {"g_running": {"progression.0.conv1.0.conv.weight_orig": 4, "to_rgb.0.conv.bias": 1}},
        r"\(StyleGAN, version 1\): .*--source=stylegan-ffhq-1024",
    ),
    "encoder": (
        {"state_dict": {"encoder.input_layer.0.weight": 4}},
        r"an encoder \(pSp, e4e\) without the decoder",
    ),
    "other": (
        {"backbone.conv1.weight": 4, "backbone.bn1.bias": 1},
        r"tensors such as backbone.conv1.weight, backbone.bn1.bias.* no network that is read here",
    ),
    "empty": ({"epoch": 3}, r"without a state dict of a generator"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_named(name, tmp_path):
    tree, message = OTHERS[name]

    def made(value):
        if isinstance(value, dict):
            return {key: made(part) for key, part in value.items()}
        return torch_files.Tensor(np.zeros([2] * value)) if isinstance(value, int) else value

    path = written(tmp_path / "model_7.pt", made(tree) if name != "empty" else tree)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_whole_module_is_named(tmp_path):
    path = written(tmp_path / "whole.pth", {"model": torch_files.ReLU()})
    with pytest.raises(UserError, match=r"a whole module.*torch.save\(\{'g_ema': generator"):
        tff.load(path)


def test_what_is_refused_is_no_format(tmp_path):
    (tmp_path / "n.pt").write_bytes(b"nothing")
    with pytest.raises(UserError, match="in no format that is known here") as error:
        tff.load(tmp_path / "n.pt")
    for reader in READERS:
        assert (reader.name in str(error.value)) == (not reader.refuses)
