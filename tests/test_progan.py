"""Progressive GAN from NVIDIA's pickles, against a NumPy network written apart from it."""

from __future__ import annotations

import pickle
import sys
import types

import numpy as np
import pytest

import tf_fewshot as tff
from tests.network_checks import check_keras_files, check_stages, saving
from tests.progan_original import (
    WIDTHS,
    discriminator_variables,
    drawn,
    generated,
    generator_variables,
    judged,
)
from tests.stylegan2_original import normalised
from tests.test_stylegan_pickle import Network as LaterNetwork
from tests.test_stylegan_pickle import dumped as dumped_later
from tf_fewshot.backbones.progan import ProGAN
from tf_fewshot.backbones.progan.config import ProGANConfig
from tf_fewshot.errors import UserError
from tf_fewshot.weights import save_gan


class Network:
    """Pickled as Progressive GAN's own; its source would end the process."""

    __module__ = "tfutil"

    def __init__(self, name, function, variables, **static):
        self.state = {
            "version": 2,
            "name": name,
            "static_kwargs": static,
            "build_module_src": "import os; os._exit(1)",
            "build_func_name": function,
            "variables": list(variables.items()),
        }

    def __getstate__(self):
        return self.state


def dumped(value, protocol: int = 4, module: str = "tfutil") -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "__module__", module)
        patch.setitem(sys.modules, module, types.ModuleType(module))
        setattr(sys.modules[module], "Network", Network)  # noqa: B010
        return pickle.dumps(value, protocol=protocol)


def written(path, g, d, protocol=4, judge=None, **static):
    static = {"num_channels": 3, "resolution": 16, "label_size": 0, **static}
    networks = (
        Network("G", "G_paper", {}, **static),
        Network("D", "D_paper", d, **{**static, **(judge or {})}),
        Network("Gs", "G_paper", g, **static),
    )
    path.write_bytes(dumped(networks, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("fused", [True, False])
def test_networks_of_a_pickle_equal_numpy(fused, protocol, tmp_path):
    g, d = generator_variables(fused=fused), discriminator_variables(fused=fused)
    gan = tff.load(written(tmp_path / "n.pkl", g, d, protocol, fused_scale=fused))
    assert isinstance(gan, ProGAN)
    z = gan.sample_latents(8, seed=1)
    images = np.asarray(gan.generate(z))
    expected = generated(g, z)
    assert images.shape == (8, 16, 16, 3) and expected.std() > 0.2
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
    scores = judged(d, images)
    assert scores.std() > 1e-2
    np.testing.assert_allclose(gan.discriminator(images), scores, rtol=0, atol=1e-4)
    free = gan.free_latents(z)
    np.testing.assert_allclose(free, normalised(z), atol=1e-6)
    np.testing.assert_allclose(gan.synthesize(free), expected, rtol=0, atol=1e-4)
    centre = drawn(g, np.zeros((1, 6)))
    np.testing.assert_allclose(gan.synthesize(np.zeros((1, 6), "f4")), centre, rtol=0, atol=1e-4)
    assert gan.source_metadata["name"] == "n.pkl"
    assert "non-commercial" in gan.source_metadata["licence"]
    save_gan(gan, tmp_path / "n.npz")
    back = tff.load(tmp_path / "n.npz")
    assert back.config == gan.config and back.fingerprint() == gan.fingerprint()
    np.testing.assert_array_equal(back.generate(z), images)


def test_other_widths_and_no_standard_deviation(tmp_path):
    widths = {4: 7, 8: 5}
    g = generator_variables(widths, latent=4)
    d = discriminator_variables({4: 3, 8: 6}, dense=4, group=0)
    path = written(tmp_path / "n.pkl", g, d, judge={"mbstd_group_size": 0})
    gan = tff.load(path)
    images = generated(g, gan.sample_latents(3, seed=1))
    np.testing.assert_allclose(gan.generate(gan.sample_latents(3, seed=1)), images, atol=1e-4)
    np.testing.assert_allclose(gan.discriminator(images), judged(d, images, 0), atol=1e-4)


def test_networks_in_the_form_of_stylegans_code(tmp_path):
    """NVIDIA's StyleGAN has Progressive GAN's networks, too, and saves them in its own form."""
    g, d = generator_variables(), discriminator_variables()
    older = tff.load(written(tmp_path / "old.pkl", g, d))
    networks = tuple(LaterNetwork(n, "G_paper", v) for n, v in (("G", g), ("D", d), ("Gs", g)))
    (tmp_path / "new.pkl").write_bytes(dumped_later(networks))
    gan = tff.load(tmp_path / "new.pkl")
    assert gan.fingerprint() == older.fingerprint()
    assert gan.fingerprint("discriminator") == older.fingerprint("discriminator")


def test_a_generator_alone(tmp_path):
    g = generator_variables()
    (tmp_path / "n.pkl").write_bytes(dumped(Network("Gs", "G_paper", g)))
    gan = tff.load(tmp_path / "n.pkl")
    assert gan.discriminator is None
    z = gan.sample_latents(2, seed=1)
    np.testing.assert_allclose(gan.generate(z), generated(g, z), rtol=0, atol=1e-4)


def test_the_theano_version_is_told_from_the_other(tmp_path):
    state = {"build_func_spec": {"func": "G_paper"}, "param_values": [np.zeros(3)]}
    for protocol in (2, 4):
        network = Network("G", "G_paper", {})
        network.state = state
        path = tmp_path / "n.pkl"
        path.write_bytes(dumped((network, network, network), protocol, module="network"))
        with pytest.raises(UserError, match=r"Theano version .* TensorFlow version, as the publ"):
            tff.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g, d: g.pop("8x8/Conv1/weight"), "lacks 8x8/Conv1/weight"),
        (lambda g, d: g.pop("4x4/Dense/bias"), "missing 4x4/Dense/bias"),
        (lambda g, d: g.pop("ToRGB_lod0/weight"), "lacks ToRGB_lod0/weight"),
        (lambda g, d: g.update(lod=np.float32(1.5)), "still growing"),
        (lambda g, d: g.update(x=np.zeros(2)), "unexpected x"),
        (lambda g, d: g.update({"4x4/Dense/weight": np.zeros((6, 79))}), "do not fit together"),
        (lambda g, d: g.update({"8x8/Conv1/bias": np.zeros(9)}), r"bias of shape \(9,\)"),
        (lambda g, d: d.pop("16x16/Conv0/weight"), "lacks 16x16/Conv0/weight"),
        (lambda g, d: d.pop("16x16/Conv0/bias"), "its discriminator sees 8"),
        (lambda g, d: d.update({"4x4/Dense1/weight": np.zeros((7, 3))}), r"shape \(7, 3\)"),
    ],
)
def test_what_does_not_fit_is_said(change, message, tmp_path):
    g, d = generator_variables(), discriminator_variables()
    change(g, d)
    with pytest.raises(UserError, match=message) as error:
        tff.load(written(tmp_path / "n.pkl", g, d))
    assert "n.pkl" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("static", "judge", "message"),
    [
        ({"label_size": 10}, {}, "label_size=10, which this Progressive GAN does not have"),
        ({"use_pixelnorm": False}, {}, "use_pixelnorm=False"),
        ({}, {"mbstd_group_size": "x"}, "mbstd_group_size='x'"),
    ],
)
def test_settings_that_are_not_read_are_said(static, judge, message, tmp_path):
    g, d = generator_variables(), discriminator_variables()
    with pytest.raises(UserError, match=message):
        tff.load(written(tmp_path / "n.pkl", g, d, judge=judge, **static))


@saving
@pytest.mark.parametrize("fused", [True, False])
def test_stages_and_keras_files(build_tiny, fused, tmp_path):
    gan = build_tiny("progan", fused=fused, dense_channels=5)
    check_stages(gan)
    check_keras_files(gan, tmp_path)


def test_the_released_widths():
    """Of 1024 pixels, by the formula of the released networks: 8192 over twice the stage."""
    expected = [min(8192 // 2 ** (i + 1), 512) for i in range(9)]
    configuration = ProGANConfig(resolution=1024).resolved()
    assert configuration.channels == expected
    assert expected[-1] == 16 and WIDTHS[4] == 5
