"""Scale and shift of classes and domains: what backbones say of them, and how they are laid out."""

from __future__ import annotations

import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.backbones import GAN
from tf_fewshot.errors import UserError

from .test_extensions import built, every, source_of

GROUPS = {
    "faces": ["0", "1", "2", "3"],
    "robots": ["4", "5", "6", "7"],
    "patterns": ["8", "9", "10", "11"],
}
LABELS = [group for group, members in GROUPS.items() for _ in members]


def planted(architecture: str, clusters: bool = True) -> GAN:
    """A GAN of twelve classes whose γ and β lie in three groups of four, or anywhere."""
    gan = built(architecture, num_classes=12)
    rng = np.random.default_rng(0)
    for path, variable in gan.variables_by_path().items():
        if 12 not in variable.shape or not path.startswith("generator/"):
            continue
        centres = rng.normal(size=(3, *variable.shape[1:])) if clusters else np.zeros((3, 1))
        values = np.repeat(centres, 4, axis=0) + (0.05 if clusters else 1.0) * rng.normal(
            size=variable.shape
        )
        variable.assign(values)
    return gan


# What backbones say ----------------------------------------------------------------------


@every
def test_scale_and_shift_come_in_the_order_of_their_roles(architecture):
    gan = source_of(architecture)
    z = gan.sample_latents(4, seed=0)
    labels = np.arange(4) % gan.num_classes if gan.num_classes else None
    values, roles = gan.own_scale_shift(z, labels), gan.own_scale_shift_roles()
    assert [v.layer for v in values] == [role.layer for role in roles]
    for value, role in zip(values, roles, strict=True):
        assert len(value.gammas) == 4 and value.gammas.dtype == np.float32
        assert (value.betas is None) or value.betas.shape == value.gammas.shape
        if role.direct:
            table = role.gammas[0].numpy().reshape(-1, value.gammas.shape[1])
            wanted = table[labels] if len(table) > 1 else np.tile(table, (4, 1))
            np.testing.assert_array_equal(value.gammas, wanted)


@pytest.mark.parametrize("architecture", ["stylegan", "stylegan2"])
def test_styles_scale_and_shift_as_they_are_said(architecture):
    """Of maps of styles whose kernels are zero nothing is left but their bias."""
    gan = built(architecture)
    for role in gan.own_scale_shift_roles():
        for variable in (*role.gammas, *role.betas):
            variable.assign(np.full(variable.shape, 0.0 if len(variable.shape) > 1 else 0.25))
    labels = np.zeros(2, np.int32) if gan.num_classes else None
    for value in gan.own_scale_shift(gan.sample_latents(2, seed=0), labels):
        np.testing.assert_allclose(value.gammas, 1.25, rtol=1e-6)
        if value.betas is not None:
            np.testing.assert_allclose(value.betas, 0.25, rtol=1e-6)


@pytest.mark.parametrize("architecture", ["biggan", "biggan_deep"])
def test_what_maps_compute_is_what_their_layer_does(architecture):
    """Where all that enters a normalisation is its mean, β leaves it; one deviation more, γ + β."""
    gan = source_of(architecture)
    z, labels = gan.sample_latents(3, seed=0), np.arange(3)
    _, conditions = gan.generator.conditions(z, labels)
    values = iter(gan.own_scale_shift(z, labels))
    for block, condition in zip(gan.generator.blocks, conditions, strict=True):
        for norm in block.norms:
            value = next(values)
            mean, variance = norm.moving_mean[-1].numpy(), norm.moving_variance[-1].numpy()
            at = np.tile(mean, (3, 1, 1, 1)).astype(np.float32)
            np.testing.assert_allclose(
                norm(at, condition)[:, 0, 0], value.betas, rtol=1e-4, atol=1e-5
            )
            further = at + np.sqrt(variance + norm.epsilon)
            np.testing.assert_allclose(
                norm(further, condition)[:, 0, 0], value.gammas + value.betas, rtol=1e-4, atol=1e-5
            )


# Statistics ------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["sngan", "biggan"])
def test_planted_clusters_are_found_in_every_layer(architecture):
    found = analysis.statistics_of_classes(planted(architecture), samples=4)
    none = analysis.statistics_of_classes(planted(architecture, clusters=False), samples=4)
    assert found.names == tuple(map(str, range(12))) and len(found.layers) >= 4
    for layer, other in zip(found.layers, none.layers, strict=True):
        for part, values in layer.parts().items():
            assert analysis.silhouette(values, LABELS) > 0.7
            assert analysis.silhouette(other.parts()[part], LABELS) < 0.2
    for method in ("tsne", "pca"):
        points, how = analysis.embedded(found.layers[0].gammas, method)
        assert points.shape == (12, 2) and how.lower().replace("-", "").startswith(method)
        assert analysis.silhouette(points, LABELS) > 0.5


def test_the_same_latents_serve_every_class_and_no_block_is_lost(monkeypatch):
    gan = planted("biggan")
    whole = analysis.statistics_of_classes(gan, samples=3)
    monkeypatch.setattr("tf_fewshot.analysis.statistics._ROWS", 6)
    parts = analysis.statistics_of_classes(gan, samples=3)
    z = gan.sample_latents(3, seed=0)
    for i, (a, b) in enumerate(zip(whole.layers, parts.layers, strict=True)):
        np.testing.assert_allclose(a.gammas, b.gammas, rtol=1e-5)
        alone = gan.own_scale_shift(z, np.full(3, 7))[i].gammas.mean(0)
        np.testing.assert_allclose(a.gammas[7], alone, rtol=1e-5)


def domains(gan: GAN, count: int) -> dict[str, GAN]:
    """Domains of a source, each with γ and β of its own around one of two centres."""
    rng = np.random.default_rng(0)
    gans = {"source": gan}
    for i in range(count):
        gans[f"d{i}"] = gan.with_scale_shift()
        for role in gans[f"d{i}"].scale_shift_roles():
            for variable in (*role.gammas, *role.betas):
                variable.assign_add(0.3 * (i % 2) + 0.02 * rng.normal(size=variable.shape))
    return gans


@pytest.mark.parametrize("count", [1, 2, 11])
def test_a_bank_of_few_domains_is_laid_out(count, tiny_dcgan):
    statistics, remarks = analysis.statistics_of_domains(domains(tiny_dcgan, count))
    assert len(remarks) == 1 and remarks[0].startswith("source has no scale and shift beside")
    for layer in statistics.layers:
        np.testing.assert_array_equal(layer.gammas[0], 1.0)
        np.testing.assert_array_equal(layer.parts()["beta"][0], 0.0)
        points, how = analysis.embedded(layer.gammas)
        assert points.shape == (count + 1, 2) and np.isfinite(points).all()
        assert how == ("PCA" if count < 7 else "t-SNE, perplexity 3.67")


def test_domains_without_added_statistics_show_the_architectures_own(tiny_stylegan):
    other = tiny_stylegan.clone()
    statistics, remarks = analysis.statistics_of_domains({"a": tiny_stylegan, "b": other})
    assert "architecture's own" in remarks[0]
    np.testing.assert_array_equal(statistics.layers[0].gammas[0], statistics.layers[0].gammas[1])


def test_points_of_no_spread_are_laid_out_and_many_keep_their_neighbours():
    points, how = analysis.embedded(np.ones((9, 4)), "tsne")
    assert how == "PCA" and not points.any()
    with pytest.raises(UserError, match="Unknown embedding 'umap'"):
        analysis.embedded(np.ones((3, 2)), "umap")
    with pytest.raises(UserError, match="1 points cannot be laid out"):
        analysis.embedded(np.ones((1, 2)))
