"""Extensions: what every backbone can have, keeps in files, and need not know by name."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import backbones, weights
from tf_fewshot.backbones import BackboneError, extensions
from tf_fewshot.backbones.extensions import (
    DiscriminatorScaleShift,
    Extension,
    GaussianOfLatents,
    GeneratorScaleShift,
    LatentMiner,
    OneClass,
    PartsOfLatents,
    Point,
    given_rows,
    rows_of,
)
from tf_fewshot.backbones.extensions import extension as registry
from tf_fewshot.backbones.sampling import images_of, sample_images
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter, export_saved_model
from tf_fewshot.weights import save_gan

from .conftest import TINY
from .network_checks import check_keras_files, saving

BIG = {"resolution": 16, "latent_dim": 9, "channels": [16, 16, 8], "class_dim": 4}
# Every registered backbone; those that can have classes have three.
CONFIGS: dict[str, dict[str, Any]] = {
    **TINY,
    "sngan": {**TINY["sngan"], "num_classes": 3},
    "stylegan2": {**TINY["stylegan2"], "num_classes": 3},
    "stylegan3": {**TINY["stylegan3"], "num_classes": 3},
    "biggan": {**BIG, "num_classes": 3},
    "biggan_deep": {**BIG, "num_classes": 3, "statistics": 3},
}
SMALL = {
    "scale_shift": GeneratorScaleShift(),
    "miner": LatentMiner([5]),
    "latent_gaussian": GaussianOfLatents(3),
    "latent_parts": PartsOfLatents(2, 3),
    "one_class": OneClass(),
    "discriminator_scale_shift": DiscriminatorScaleShift(),
}
# BigGAN-deep has what BigGAN has, of many layers.
every = pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=[pytest.mark.large] * (name == "biggan_deep"))
        for name in sorted(CONFIGS)
    ],
)


def built(architecture: str, **changes: Any) -> backbones.GAN:
    return backbones.build(architecture, **{**CONFIGS[architecture], **changes})


@functools.cache
def plain(architecture: str) -> backbones.GAN:
    """A GAN that all tests share and none changes."""
    return built(architecture)


@functools.cache
def source_of(architecture: str) -> backbones.GAN:
    """A GAN with random weights that all tests share and none changes."""
    return shaken(built(architecture))


def shaken(gan: backbones.GAN, seed: int = 0) -> backbones.GAN:
    rng = np.random.default_rng(seed)
    for path, variable in gan.variables_by_path().items():
        if not path.endswith("moving_variance"):
            variable.assign(variable + 0.1 * rng.standard_normal(variable.shape))
    return gan


def labels_of(gan: backbones.GAN) -> np.ndarray | None:
    return np.array([0, 2], np.int32) if gan.num_classes else None


def drawn(gan: backbones.GAN) -> np.ndarray:
    return np.asarray(gan.generate(gan.sample_latents(2, seed=0), labels_of(gan)))


def possible(gan: backbones.GAN) -> list[Extension]:
    """The extensions that fit a GAN: some need classes, some a discriminator."""
    without = set() if gan.num_classes else {"one_class"}
    without |= set() if gan.has_discriminator else {"discriminator_scale_shift"}
    return [extension for name, extension in SMALL.items() if name not in without]


@functools.cache
def full(architecture: str) -> backbones.GAN:
    """The source with every extension that fits it and random weights; no test changes it."""
    source = source_of(architecture)
    changes = {"num_classes": 0} if source.num_classes else {}
    return shaken(source.rebuild(extensions=possible(source), **changes), 1)


# Architectures know no extension ----------------------------------------------------------------


def test_every_backbone_and_every_extension_is_tested_here():
    from tf_fewshot.backbones import registry as architectures

    assert set(CONFIGS) == set(architectures._REGISTRY)
    # Those that other rooms bring are tested there.
    own = {name for name, cls in registry._REGISTRY.items() if ".backbones." in cls.__module__}
    assert set(SMALL) == own
    assert all(extension.name == name for name, extension in SMALL.items())


def test_no_architecture_names_an_extension():
    folder = Path(backbones.__file__).parent
    families = {Path(cls).parent for cls in folder.glob("*/gan.py")} | {folder / "biggan"}
    files = [folder / "feedforward.py", *(f for family in families for f in family.glob("*.py"))]
    assert len(files) > 20
    names = {*extensions.names(), *(type(extension).__name__ for extension in SMALL.values())}
    names |= {"ScaleShift", "Miner", "LatentGaussian"}
    for file in files:
        for name in names:
            # The architecture's own scale and shift, and how it describes them, are its own.
            own = rf"(?<!own_){name}(?!Role)"
            assert not re.search(own, file.read_text()), f"{file} names {name}"


# What can be had ---------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("name", sorted(SMALL))
def test_an_extension_is_added_or_refused(architecture, name):
    gan = plain(architecture)
    if name == "one_class" and not gan.num_classes and Point.CLASSES in gan.generator.points:
        # It could have had classes, and is as one that had.
        assert not gan.extended(SMALL[name]).num_classes
        return
    if name not in {extension.name for extension in possible(gan)}:
        with pytest.raises(BackboneError, match=f"a {architecture} cannot have .+"):
            gan.extended(SMALL[name])
        return
    if name == "one_class":
        with pytest.raises(BackboneError, match="num_classes must be 0 with one_class, not 3"):
            gan.extended(SMALL[name])
        gan = gan.rebuild(num_classes=0, extensions=[SMALL[name]])
        assert not gan.num_classes
        return
    twin = gan.extended(SMALL[name])
    assert twin.extensions == (SMALL[name],) and not gan.extensions
    assert twin.extension(name) == SMALL[name] and gan.extension(name) is None
    assert json.loads(json.dumps(twin.config)) == twin.config
    added = set(twin.variables_by_path()) - set(gan.variables_by_path())
    network, layer = SMALL[name].networks[0], SMALL[name].layer_name
    assert added and all(p.startswith(network + "/") for p in added)
    assert all(layer.replace("_", "") in p.lower().replace("_", "") for p in added)
    if name != "miner":
        np.testing.assert_allclose(drawn(twin), drawn(gan), atol=1e-6)


def test_an_extension_takes_the_place_of_one_of_its_name(build_tiny):
    gan = build_tiny("dcgan").with_scale_shift().with_miner([3]).with_miner([4])
    assert [e.name for e in gan.extensions] == ["scale_shift", "miner"]
    assert gan.extension("miner") == LatentMiner([4])
    assert [v.shape[-1] for v in gan.miner_variables()] == [4, 4, 8, 8]


def test_a_gaussian_begins_anew(build_tiny):
    gan = build_tiny("dcgan").with_latent_gaussian(4)
    gan.fit_latents(np.random.default_rng(0).standard_normal((4, 8)), gan)
    fitted = drawn(gan)
    np.testing.assert_array_equal(drawn(gan.clone()), fitted)
    assert np.abs(drawn(gan.with_latent_gaussian(4)) - fitted).max() > 1e-6


# Files -------------------------------------------------------------------------------------------


@saving
@pytest.mark.parametrize("architecture", sorted(CONFIGS))
def test_all_extensions_come_back_from_files(architecture, tmp_path):
    source = source_of(architecture)
    gan = full(architecture)
    pictures = drawn(gan)
    assert np.abs(pictures - drawn(source)).max() > 1e-3
    save_gan(gan, tmp_path / "gan.npz")
    back = weights.load(tmp_path / "gan.npz")
    assert back.config == gan.config and back.extensions == gan.extensions
    np.testing.assert_array_equal(drawn(back), pictures)
    adapter = Adapter.from_gans(source, gan, method="bsa", source_name="tiny")
    adapter.save(tmp_path / "adapter.npz")
    applied = Adapter.load(tmp_path / "adapter.npz").apply(source)
    assert applied.extensions == gan.extensions
    np.testing.assert_array_equal(drawn(applied), pictures)
    check_keras_files(gan, tmp_path)


# What earlier releases wrote ----------------------------------------------------------------------

OLD = {
    "scale_shift": True,
    "miner": [5],
    "latent_gaussian": 3,
    "discriminator_scale_shift": True,
    "one_class": True,
}


# Extensions that no old file has.
YOUNGER = ("latent_parts",)


@every
def test_old_settings_are_extensions(architecture):
    gan = plain(architecture)
    known = [e for e in possible(gan) if e.name not in YOUNGER]
    names = {extension.name for extension in known}
    old = {name: value for name, value in OLD.items() if name in names}
    # StyleGAN2 counted its one class.
    count = {} if not gan.num_classes else {"num_classes": int(architecture == "stylegan2")}
    keras.utils.set_random_seed(1)
    then = built(architecture, **{**old, **count})
    keras.utils.set_random_seed(1)
    now = built(architecture, extensions=known, **({"num_classes": 0} if gan.num_classes else {}))
    assert {e.name for e in then.extensions} == names
    assert then.config["num_classes"] == 0 if gan.num_classes else True
    assert then.fingerprint() == now.fingerprint()
    nothing = {"scale_shift": False, "miner": [], "latent_gaussian": 0, "one_class": False}
    assert built(architecture, **nothing).config == gan.config
    assert now.rebuild(scale_shift=False).extension("scale_shift") is None


def test_old_adapters_and_sources_are_read(build_tiny, tmp_path):
    source = shaken(build_tiny("dcgan"))
    gan = shaken(source.with_scale_shift().with_latent_gaussian(4), 1)
    adapter = Adapter.from_gans(source, gan, method="bsa", source_name="tiny")
    adapter.config_changes = {"scale_shift": True, "latent_gaussian": 3}
    adapter.save(tmp_path / "adapter.npz")
    applied = Adapter.load(tmp_path / "adapter.npz").apply(source)
    np.testing.assert_array_equal(drawn(applied), drawn(gan))
    save_gan(gan, tmp_path / "gan.npz")
    with np.load(tmp_path / "gan.npz") as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays["__metadata__"]))
    del header["config"]["extensions"]
    header["config"] |= {"scale_shift": True, "miner": [], "latent_gaussian": 3}
    arrays["__metadata__"] = np.array(json.dumps(header))
    np.savez(tmp_path / "old.npz", **arrays)
    back = weights.load(tmp_path / "old.npz")
    assert back.extensions == gan.extensions
    np.testing.assert_array_equal(drawn(back), drawn(gan))


_TAPS = [1.0, 3.0, 3.0, 1.0]
# The configurations of networks in .keras files of earlier releases.
NETWORKS = {
    "dcgan": (
        {"resolution": 16, "latent_dim": 8, "widths": [8, 8], "channels": 3, "scale_shift": True,
         "miner": [5], "latent_gaussian": 3},
        {"resolution": 16, "widths": [8, 8], "channels": 3, "scale_shift": True},
    ),
    "sngan": (
        {"latent_dim": 8, "widths": [8, 8, 8], "channels": 3, "num_classes": 0, "one_class": True,
         "scale_shift": True, "miner": [5], "latent_gaussian": 3},
        {"resolution": 16, "widths": [8, 8, 8], "halvings": 3, "channels": 3, "num_classes": 0,
         "one_class": True, "scale_shift": True},
    ),
    "stylegan": (
        {"resolution": 16, "latent_dim": 8, "w_dim": 8, "mapping_layers": 2, "channels": [8, 8, 8],
         "fused": "auto", "fading": False, "scale_shift": True, "use_noise": True, "miner": [5],
         "latent_gaussian": 3, "mixing": 0.9, "w_avg_beta": 0.995},
        {"resolution": 16, "channels": [8, 8, 8], "fused": "auto", "fading": False,
         "mbstd_group": 4, "scale_shift": True},
    ),
    "stylegan2": (
        {"resolution": 16, "latent_dim": 8, "w_dim": 8,
         "mapping": {"layers": 2, "width": None, "lrmul": 0.01, "label_dim": None,
                     "num_classes": 1, "conditioning": "embed"},
         "channels": [8, 8, 8], "const_channels": None, "image_channels": 3,
         "architecture": "skip", "taps": _TAPS, "clamp": None, "scale_shift": True,
         "use_noise": True, "one_class": True, "miner": [5], "latent_gaussian": 3, "mixing": 0.9,
         "w_avg_beta": 0.995},
        {"resolution": 16, "channels": [8, 8, 8], "dense_channels": None, "image_channels": 3,
         "architecture": "resnet", "taps": _TAPS, "clamp": None, "clamp_last_pixels": True,
         "mbstd_group": 4, "mbstd_features": 1, "num_classes": 1, "conditioning": "embed",
         "label_mapping": {"dim": 8, "layers": 0, "lrmul": 0.1}, "one_class": True,
         "scale_shift": True},
    ),
    "biggan": (
        {"latent_dim": 9, "channels": [16, 16, 8], "attention": 8, "num_classes": 0,
         "class_dim": 4, "one_class": True, "rows": 1, "scale_shift": True, "to_rgb": 3,
         "miner": [5], "latent_gaussian": 3},
    ),
    "biggan_deep": (
        {"latent_dim": 9, "channels": [16, 16, 8], "attention": 8, "num_classes": 0,
         "class_dim": 4, "one_class": True, "rows": 3, "scale_shift": True, "to_rgb": 8,
         "miner": [5], "latent_gaussian": 3},
    ),
}  # fmt: skip


@saving
@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=[pytest.mark.large] * (name == "biggan_deep"))
        for name in sorted(NETWORKS)
    ],
)
def test_old_keras_files_are_read(architecture, tmp_path):
    gan = full(architecture)
    gan = gan.rebuild(extensions=[e for e in gan.extensions if e.name not in YOUNGER])
    inputs = (gan.sample_latents(2, seed=0), np.ones((2, *gan.image_shape), np.float32))
    for network, x, config in zip(gan.networks(), inputs, NETWORKS[architecture], strict=False):
        network.save(tmp_path / "new.keras")
        with zipfile.ZipFile(tmp_path / "new.keras") as new:
            described = json.loads(new.read("config.json"))
            described["config"] = {**config, "name": network.name, "dtype": "float32"}
            with zipfile.ZipFile(tmp_path / "old.keras", "w") as old:
                for member in new.namelist():
                    content = new.read(member)
                    old.writestr(
                        member, json.dumps(described) if member == "config.json" else content
                    )
        back = keras.models.load_model(tmp_path / "old.keras")
        assert [v.path for v in back.weights] == [v.path for v in network.weights]
        np.testing.assert_array_equal(back(x), network(x))


@saving
@pytest.mark.parametrize(
    ("architecture", "network", "places"),
    [
        ("dcgan", 0, ["latent_gaussian", "layers/miner/last",
                      "blocks/dcgan_generator_block/scale_shift"]),
        ("dcgan", 1, ["blocks/dcgan_discriminator_block/scale_shift"]),
        ("sngan", 0, ["chain/sngan_from_latent/scale_shift",
                      "blocks/sngan_generator_block/scale_shifts/scale_shift_1"]),
        ("sngan", 1, ["blocks/sngan_discriminator_block/scale_shifts/scale_shift"]),
        ("stylegan", 0, ["blocks/synthesis_block/epilogue0/scale_shift"]),
        ("stylegan", 1, ["head/scale_shifts/scale_shift_1"]),
        ("stylegan2", 0, ["blocks/style_gan2_block/convs/styled_conv2d/scale_shift"]),
        ("stylegan2", 1, ["head/scale_shifts/scale_shift"]),
        ("biggan", 0, ["layers/scale_shift", "blocks/big_gan_block/scale_shifts/scale_shift_1"]),
    ],
)  # fmt: skip
def test_weights_stay_where_keras_files_had_them(architecture, network, places, tmp_path):
    gan = full(architecture)
    gan.networks()[network].save(tmp_path / "network.keras")
    zipfile.ZipFile(tmp_path / "network.keras").extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        for place in places:
            assert len(file[f"{place}/vars"]) > 0, place


# Extensions that no backbone has heard of ---------------------------------------------------------


@pytest.fixture
def registered():
    """Registers an extension for one test; the registry is as before after it."""
    before = dict(registry._REGISTRY)
    yield extensions.register
    registry._REGISTRY.clear()
    registry._REGISTRY.update(before)


@keras.saving.register_keras_serializable("tests")
class AddConstant(keras.layers.Layer):
    def build(self, shape):
        self.constant = self.add_weight(shape=(), name="constant", initializer="zeros")

    def call(self, x):
        return x + tf.cast(self.constant, x.dtype)


@dataclasses.dataclass(frozen=True)
class Constant(Extension):
    name = layer_name = "added_constant"
    words = "an added constant"
    networks = ("generator", "discriminator")
    point = Point.HIDDEN

    strength: float = 1.0

    def layer(self, name, place, dtype):
        return AddConstant(name=name, dtype=dtype)


class Rows(keras.layers.Layer):
    """Scale and shift of the domain that each row of the batch is of."""

    def __init__(self, domains: int, **kwargs):
        super().__init__(**kwargs)
        self.domains = domains

    def build(self, shape):
        rows = (self.domains, shape[-1])
        self.gammas = self.add_weight(shape=rows, name="gammas", initializer="ones")
        self.betas = self.add_weight(shape=rows, name="betas", initializer="zeros")

    def call(self, x):
        number = rows_of("domain")
        if number is None:
            return x
        gamma, beta = (
            tf.gather(tf.convert_to_tensor(t), number) for t in (self.gammas, self.betas)
        )
        shape = [-1, *[1] * (len(x.shape) - 2), x.shape[-1]]
        return x * tf.reshape(gamma, shape) + tf.reshape(beta, shape)


@dataclasses.dataclass(frozen=True)
class Bank(Extension):
    name = layer_name = "bank"
    words = "a bank of domains"
    point = Point.HIDDEN

    domains: int = 2

    def layer(self, name, place, dtype):
        return Rows(self.domains, name=name, dtype=dtype)


@every
def test_a_new_extension_of_hidden_layers(architecture, registered, tmp_path):
    registered(Constant)
    source = source_of(architecture)
    gan = source.extended(Constant(0.5))
    np.testing.assert_array_equal(drawn(gan), drawn(source))
    layers = gan.generator.extensions.layers("added_constant")
    expected = source.with_scale_shift().generator.extensions.layers("scale_shift")
    assert [place for place, _ in layers] == [place for place, _ in expected]
    for _, layer in layers:
        layer.constant.assign(0.1)
    pictures = drawn(gan)
    assert np.abs(pictures - drawn(source)).max() > 1e-3
    # A constant is a shift of all channels.
    shifted = source.with_scale_shift()
    for role in shifted.scale_shift_roles():
        role.betas[0].assign(np.full(role.betas[0].shape, 0.1))
    np.testing.assert_allclose(pictures, drawn(shifted), atol=1e-6)
    save_gan(gan, tmp_path / "gan.npz")
    back = weights.load(tmp_path / "gan.npz")
    assert back.extensions == (Constant(0.5),)
    np.testing.assert_array_equal(drawn(back), pictures)
    stages = [v.path for stage in gan.generator_stages() for v in stage.variables]
    assert sorted(stages) == sorted(v.path for v in gan.generator.weights)


@every
def test_a_new_extension_with_a_row_for_each_domain(architecture, registered, tmp_path):
    registered(Bank)
    source = source_of(architecture)
    gan = source.extended(Bank(3))
    rng = np.random.default_rng(0)
    for _, layer in gan.generator.extensions.layers("bank"):
        layer.gammas.assign(rng.uniform(0.5, 1.5, layer.gammas.shape))
        layer.betas.assign(rng.normal(0, 0.2, layer.betas.shape))
    np.testing.assert_array_equal(drawn(gan), drawn(source))

    def of(gan, *numbers: int) -> np.ndarray:
        with given_rows(domain=tf.constant(numbers)):
            return drawn(gan)

    alone = [of(gan, number, number) for number in range(3)]
    together = of(gan, 2, 0)
    np.testing.assert_allclose(together[0], alone[2][0], atol=1e-5)
    np.testing.assert_allclose(together[1], alone[0][1], atol=1e-5)
    assert np.abs(alone[2][0] - alone[0][0]).max() > 1e-3
    # One row of the bank is a scale and shift.
    one = source.with_scale_shift()
    layers = gan.generator.extensions.layers("bank")
    for role, (_, layer) in zip(one.scale_shift_roles(), layers, strict=True):
        role.gammas[0].assign(layer.gammas[1])
        role.betas[0].assign(layer.betas[1])
    np.testing.assert_allclose(alone[1], drawn(one), atol=1e-5)
    Adapter.from_gans(source, gan, method="bank", source_name="tiny").save(tmp_path / "a.npz")
    applied = Adapter.load(tmp_path / "a.npz").apply(source)
    np.testing.assert_array_equal(of(applied, 2, 0), together)


def test_rows_are_given_inside_a_graph(build_tiny, registered):
    registered(Bank)
    gan = build_tiny("dcgan").extended(Bank(2))
    ((_, layer),) = gan.generator.extensions.layers("bank")
    layer.betas.assign(np.array([np.zeros(8), np.ones(8)]))

    @tf.function
    def pictures(z, numbers):
        with given_rows(domain=numbers):
            return gan.generate(z)

    z = gan.sample_latents(2, seed=0)
    first, second = pictures(z, tf.constant([0, 1])), pictures(z, tf.constant([1, 0]))
    assert np.abs(first[0] - second[0]).max() > 1e-6
    np.testing.assert_allclose(first[0], gan.generate(z)[0], atol=1e-6)
    assert rows_of("domain") is None
    # Nor is what was given once remembered with the graph.
    whole = images_of(gan, z, rows={"domain": np.array([1, 1])})
    mixed = images_of(gan, z, batch_size=1, rows={"domain": np.array([0, 1])})
    np.testing.assert_array_equal(mixed[0], images_of(gan, z)[0])
    np.testing.assert_array_equal(mixed[1], whole[1])
    assert np.any(mixed[0] != whole[0])


@pytest.mark.parametrize("architecture", ["dcgan", "biggan"])
def test_a_new_extension_is_refused_where_it_cannot_be(architecture, registered):
    @registered
    @dataclasses.dataclass(frozen=True)
    class OfClasses(Extension):
        name = layer_name = "of_classes"
        words = "another table of classes"
        networks = ("generator",) if architecture == "dcgan" else ("discriminator",)
        point = Point.CLASSES

    with pytest.raises(BackboneError, match=f"a {architecture} cannot have another table"):
        plain(architecture).extended(OfClasses())


def test_a_new_extension_of_finished_pictures(build_tiny, registered, tmp_path):
    @registered
    @dataclasses.dataclass(frozen=True)
    class Inverted(Extension):
        name = layer_name = "inverted"
        words = "an inversion"
        point = Point.IMAGES

        def finish(self, gan, pictures, z):
            assert len(z) == len(pictures)
            return 255 - pictures

    gan = build_tiny("dcgan")
    twin = gan.extended(Inverted())
    np.testing.assert_array_equal(sample_images(twin, 3, 1), 255 - sample_images(gan, 3, 1))
    assert twin.fingerprint() == gan.fingerprint()
    with pytest.raises(UserError, match="an inversion when they are finished"):
        export_saved_model(twin, tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": "minr"}, "Unknown extension 'minr'. Did you mean 'miner'?"),
        ({"name": "miner", "width": [3]}, "setting of extension 'miner' 'width'. .+ 'widths'"),
        ({"name": "latent_gaussian", "rank": "3"}, "rank must be a whole number .+ not '3'"),
        ("miner", "a name with settings, not 'miner'"),
    ],
)
def test_what_is_no_extension_is_said(build_tiny, value, message):
    with pytest.raises(BackboneError, match=message):
        build_tiny("dcgan", extensions=[value])


def test_extensions_must_be_a_list(build_tiny):
    with pytest.raises(BackboneError, match="extensions must be a list, not 'miner'"):
        build_tiny("dcgan", extensions="miner")
