"""BigGANs of PyTorch against NumPy implementations in the names and layout of the originals."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tf_fewshot as tff
from tests.biggan_torch import (
    SMALL,
    deep_draws,
    deep_generator,
    discriminator,
    draws,
    generator,
    judges,
    written,
)
from tests.torch_files import ReLU, zipped
from tf_fewshot.errors import UserError


def close(ours, theirs) -> None:
    theirs = np.asarray(theirs)
    assert theirs.std() > 0.1
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


def latents(gan):
    return gan.sample_latents(3, seed=1), np.array([2, 0, 1])


# BigGAN-PyTorch --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_training_is_read_with_its_discriminator(kind, tmp_path):
    g, d = generator(), discriminator()
    suffix = ".safetensors" if kind == "safetensors" else ".pth"
    # DataParallel, if it was saved whole, puts a name before all others.
    written(tmp_path / f"G_ema{suffix}", g, kind, "module." if kind == "zip" else "")
    written(tmp_path / f"G{suffix}", generator(seed=9), kind)
    written(tmp_path / f"D{suffix}", d, kind)
    (tmp_path / "G_optim.pth").write_bytes(zipped({"state": {}}))
    gan = tff.load(tmp_path)
    assert (gan.architecture, gan.num_classes, gan.image_shape) == ("biggan", 3, (16, 16, 3))
    assert gan.source_metadata["name"] == tmp_path.name
    assert gan.config["spectral_form"] == "least" and gan.has_discriminator
    z, label = latents(gan)
    images = draws(g, z, label)
    close(gan.generate(z, label), images)
    close(gan.discriminator(images.astype(np.float32), label), judges(d, images, label))
    file = tff.load(tmp_path / f"G{suffix}")
    assert file.fingerprint() != gan.fingerprint()
    assert file.fingerprint("discriminator") == gan.fingerprint("discriminator")


LAYOUTS = {
    "three blocks, attention last": {"channels": [8, 8, 8, 4], "attention": 1},
    "no attention, of TF-Hub": {"attention": None, "sv": False},
    "told the class alone": {"form": "shared"},
    "tables of classes": {"form": "tables"},
    "synchronised": {"stored": "bn.running"},
    "its own": {"stored": "bn.stored"},
    "deep": {"deep": True, "attention": 1},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_generators(layout, tmp_path):
    options = LAYOUTS[layout]
    g = generator(**options)
    gan = tff.load(written(tmp_path / "G_ema.pth", g))
    assert gan.config["channels"] == options.get("channels", SMALL["channels"])
    z, label = latents(gan)
    converted = not options.get("sv", True)
    epsilons = {"sn": 1e-4, "bn": 1e-4} if converted else {}
    close(gan.generate(z, label), draws(g, z, label, **epsilons))
    assert gan.config["spectral_epsilon"] == (1e-4 if converted else 1e-8)
    assert (gan.config["norm_epsilon"], gan.config["last_norm_epsilon"]) == (
        1e-4 if converted else 1e-5,
        1e-5,
    )


@pytest.mark.parametrize(
    "options",
    [{"widths": (4, 5, 6), "wide": False, "halvings": 3}, {"attention": None}],
    ids=["narrow", "no attention"],
)
def test_layouts_of_discriminators(options, tmp_path):
    d = discriminator(**options)
    written(tmp_path / "D_best0.pth", d)
    gan = tff.load(written(tmp_path / "G_ema_best0.pth", generator()))
    images = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    label = np.array([0, 2, 1])
    expected = judges(d, images, label, options.get("halvings", 2))
    close(gan.discriminator(images, label), expected)


def settings(folder, **config):
    whole = {"G_activation": ReLU(), "G_nl": "inplace_relu", "norm_style": "bn", **config}
    (folder / "state_dict.pth").write_bytes(zipped({"itr": 7, "config": whole}))


def test_the_epsilons_are_those_of_the_training(tmp_path):
    g = generator()
    # At variances and kernels as small as the epsilons these matter.
    g |= {name: v * 1e-3 for name, v in g.items() if "var" in name or ".weight" in name}
    path = written(tmp_path / "G_ema.pth", g)
    settings(tmp_path, BN_eps=1e-3, SN_eps=0.02)
    gan = tff.load(path)
    z, label = latents(gan)
    close(gan.generate(z, label), draws(g, z, label, sn=0.02, bn=1e-3))
    settings(tmp_path, norm_style="gn")
    with pytest.raises(UserError, match=r"state_dict.pth says .* norm_style='gn'.* \(only bn\)"):
        tff.load(path)


def test_damaged_settings_are_told_of(tmp_path, capsys):
    path = written(tmp_path / "G_ema.pth", generator())
    (tmp_path / "state_dict.pth").write_bytes(b"nothing")
    assert tff.load(path).config["norm_epsilon"] == 1e-5
    assert "usual epsilons" in capsys.readouterr().err


def test_what_else_a_training_leaves_is_said(tmp_path, capsys):
    path = written(tmp_path / "D.pth", discriminator())
    with pytest.raises(UserError, match=r"D.pth is the discriminator .* give G_ema.pth or G.pth"):
        tff.load(path)
    for name in ("G_ema_best0", "G_ema_copy1"):
        written(tmp_path / f"{name}.pth", generator())
    with pytest.raises(UserError, match=r"several copies .*G_ema_best0.pth, G_ema_copy1.pth"):
        tff.load(tmp_path)
    written(tmp_path / "G.pth", generator(classes=4))
    with pytest.raises(UserError, match="judges 3 classes, and the generator draws 4"):
        tff.load(tmp_path)
    deep = generator(deep=True, attention=None)
    written(tmp_path / "G.pth", deep)
    assert not tff.load(tmp_path).has_discriminator
    assert "--fresh_discriminator=true" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.pop("blocks.1.0.conv2.u0"), "missing blocks.1.0.conv2.u0"),
        (lambda g: g.update(other=np.zeros(2, np.float32)), "unexpected other"),
        (lambda g: g.update({"linear.bias": np.full(256, np.nan, np.float32)}), "not finite"),
        (lambda g: g.pop("linear.weight"), "it lacks linear.weight"),
        (lambda g: g.update({"linear.weight": np.zeros((64, 2))}), "bottom_width is another"),
        (lambda g: g.update({"shared.weight": np.zeros(3)}), r"shape \(3,\), not 2 sizes"),
        (lambda g: g.update({"shared.weight": np.zeros((3, 4))}), "do not fit together"),
        (lambda g: g.update({"blocks.1.1.theta.weight": np.zeros((1, 8, 1, 1))}), "more maps than"),
    ],
)
def test_what_does_not_fit_is_said(change, message, tmp_path):
    g = generator()
    change(g)
    path = written(tmp_path / "G_ema.pth", g)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


# BigGAN-deep of pytorch-pretrained-biggan ------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "safetensors"])
def test_biggan_deep_is_read(kind, tmp_path):
    # At kernels so small that every form of spectral normalisation draws another picture.
    arrays = deep_generator(kernels=5e-3)
    name = "model.safetensors" if kind == "safetensors" else "pytorch_model.bin"
    path = written(tmp_path / name, arrays, kind)
    gan = tff.load(path)
    assert (gan.architecture, gan.latent_dim, gan.num_classes) == ("biggan_deep", 5, 3)
    assert (gan.config["attention"], gan.config["channels"]) == (8, [16, 8, 4])
    assert "Apache" in gan.source_metadata["licence"]
    z, label = latents(gan)
    for row in (5, 2):
        images = np.asarray(gan.generate(z, label, truncation=row / 5))
        close(images, deep_draws(arrays, z, label, row))
    np.testing.assert_array_equal(gan.generate(z, label), gan.generate(z, label, truncation=1.0))
    assert tff.load(tmp_path).fingerprint() == gan.fingerprint()


def test_the_configuration_says_the_epsilon(tmp_path):
    arrays = deep_generator(epsilon=0.05, attention=-1)
    written(tmp_path / "pytorch_model.bin", arrays)
    (tmp_path / "config.json").write_text(json.dumps({"eps": 0.05, "n_stats": 6}))
    gan = tff.load(tmp_path)
    z, label = latents(gan)
    close(gan.generate(z, label), deep_draws(arrays, z, label, 5, epsilon=0.05))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json, which is beside it, is damaged"):
        tff.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("generator.layers.0.conv_0.weight_v"), "missing .*conv_0.weight_v"),
        (lambda a: a.update(other=np.zeros(2, np.float32)), "unexpected other"),
        (lambda a: a.pop("generator.bn.running_means"), "it lacks generator.bn.running_means"),
        (lambda a: a.pop("generator.layers.4.conv_0.weight_orig"), "it has 3 blocks"),
    ],
)
def test_what_does_not_fit_biggan_deep_is_said(change, message, tmp_path):
    arrays = deep_generator()
    change(arrays)
    path = written(tmp_path / "pytorch_model.bin", arrays)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert str(path) in str(error.value)


def test_a_pair_of_vectors_goes_on_in_training_and_files(tmp_path):
    arrays = deep_generator()
    gan = tff.load(written(tmp_path / "pytorch_model.bin", arrays))
    z, label = latents(gan)
    tff.weights.save_gan(gan, tmp_path / "mine.npz")
    back = tff.load(tmp_path / "mine.npz")
    np.testing.assert_array_equal(back.generate(z, label), gan.generate(z, label))
    before = {p: v.numpy() for p, v in gan.variables_by_path().items()}
    gan.generator(z, label, training=True)
    moved = {p for p, v in gan.variables_by_path().items() if not np.array_equal(before[p], v)}
    assert {p.rpartition("/")[2] for p in moved} == {"u", "v", "moving_mean", "moving_variance"}


# safetensors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"F32"', b'"F99"', "numbers of the type 'F99'"),
        (b'"shape": [16,', b'"shape": [17,', "not as large as its shape"),
        (b'"data_offsets": [0', b'"data_offsets": [1', "not as large as its shape"),
        (b'"dtype"', b'"dtypo"', "numbers of the type None"),
        (b'"shape": [', b'"shape": -', "its header is damaged"),
    ],
)
def test_damaged_safetensors_are_said(old, new, message, tmp_path):
    path = written(tmp_path / "G.safetensors", generator(), "safetensors")
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        tff.load(path)
