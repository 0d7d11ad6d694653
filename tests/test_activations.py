"""Activation rates of filters."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, pages
from tf_fewshot.errors import UserError

from .test_extensions import built, source_of
from .test_report import Page

ALL = ("biggan", "biggan_deep", "dcgan", "progan", "sngan", "stylegan", "stylegan2", "stylegan3")


def usually(*names: str, of: tuple[str, ...] = ALL) -> list:
    """Architectures, of which these are in the usual tests, and the others in the large ones."""
    return [pytest.param(n, marks=[] if n in names else pytest.mark.large) for n in of]


def planted(architecture: str):
    """A GAN whose first hidden layer has two dead filters and one that is always active."""
    gan = source_of(architecture).with_scale_shift()
    role = gan.scale_shift_roles()[0]
    beta = np.zeros(role.betas[0].shape, np.float32)
    beta[[2, 5]], beta[3] = -1e6, 1e6
    role.betas[0].assign(beta)
    return gan, role.layer


@pytest.mark.parametrize("architecture", usually("dcgan", "stylegan2"))
def test_planted_dead_filters_are_found(architecture):
    gan, planted_layer = planted(architecture)
    found = analysis.activation_rates(gan, samples=5)
    assert [layer.layer for layer in found] == [role.layer for role in gan.scale_shift_roles()]
    (layer,) = [layer for layer in found if layer.layer == planted_layer]
    assert {2, 5} <= set(np.flatnonzero(layer.rates == 0)) and layer.rates[3] == 1
    assert layer.betas[3] == np.float32(1e6) and (layer.gammas == 1).all()
    assert layer.correlation("betas") > 0
    assert np.isnan(layer.correlation("gammas"))


def test_rates_are_those_of_the_maps_and_take_one_pass_an_image(tiny_dcgan, monkeypatch):
    gan = tiny_dcgan.with_scale_shift()
    seen = []
    monkeypatch.setattr("tf_fewshot.analysis.activations._BATCH", 4)
    (first, *_) = analysis.activation_rates(gan, 6, seed=1, progress=lambda *t: seen.append(t))
    maps = gan.generator_features(gan.sample_latents(6, 1))[0].numpy()
    np.testing.assert_allclose(first.rates, (maps > 0).mean((0, 1, 2)), rtol=1e-5)
    assert seen == [("activations", 4, 6), ("activations", 6, 6)]


@pytest.mark.parametrize(
    "architecture", usually("dcgan", "biggan", of=("dcgan", "sngan", "biggan", "stylegan"))
)
def test_without_added_ones_the_architectures_own_are_compared(architecture):
    gan = source_of(architecture)
    values = {v.layer: v for v in gan.own_scale_shift(*_latents(gan, 4))}
    found = analysis.activation_rates(gan, samples=4)
    assert found and all(layer.layer in values for layer in found)
    for layer in found:
        np.testing.assert_allclose(layer.betas, values[layer.layer].betas.mean(0), rtol=1e-5)


def _latents(gan, n):
    return gan.sample_latents(n, 0), np.arange(n) % gan.num_classes if gan.num_classes else None


def test_correlation_is_numpys():
    rng = np.random.default_rng(0)
    rates, beta = rng.uniform(size=20), rng.normal(size=20)
    layer = analysis.LayerActivations("layer", rates, np.ones(20), beta)
    assert layer.correlation("betas") == pytest.approx(np.corrcoef(beta, rates)[0, 1])


def test_a_section_of_rates_is_left(tmp_path):
    gan, layer = planted("dcgan")
    path = pages.write_activations(Subject("tiny", gan), tmp_path, samples=3)
    page = Page(path.read_text("utf-8"))
    assert len(page.all("img")) == 2 and "positive in every layer" in "".join(page.text)
    with open(tmp_path / "activations.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["layer"] == layer]
    assert [float(row["rates"]) for row in rows if row["filter"] in "25"] == [0.0, 0.0]


def test_filters_without_scale_and_shift_are_said():
    with pytest.raises(UserError, match=r"This stylegan2 has no scale and shift of its filters"):
        analysis.activation_rates(built("stylegan2", num_classes=0), samples=2)
