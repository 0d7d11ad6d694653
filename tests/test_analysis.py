"""Analyses of weights: statistics of classes and domains, changes, Fisher information, drift."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from PIL import Image

from tf_fewshot import analysis
from tf_fewshot.analysis import Subject, optional, pages
from tf_fewshot.analysis.drawing import panels_by_layer, save_figure
from tf_fewshot.analysis.pages.section import Folder, Section
from tf_fewshot.analysis.pages.weights import _verdict
from tf_fewshot.backbones import GAN
from tf_fewshot.backbones.sampling import sample_images
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.methods.cells.elastic import FisherPenalty
from tf_fewshot.training.drift import STAT, Drift
from tf_fewshot.training.run_folder import RunFolder

from .test_extensions import built, every, plain, shaken, source_of
from .test_report import Page

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


# Change, importance, drift ---------------------------------------------------------------


@every
def test_a_generator_changed_in_one_layer_changed_there_alone(architecture):
    source = source_of(architecture)
    adapted = source.clone()
    stages = [s for s in adapted.generator_stages() if any(v.trainable for v in s.variables)]
    changed = stages[len(stages) // 2]
    for variable in changed.variables:
        if variable.trainable:
            variable.assign(1.5 * variable)
    rates = analysis.change_rates(source, adapted)
    assert rates.layers == tuple(stage.name for stage in stages)
    wanted = [0.5 if stage is changed else 0.0 for stage in stages]
    np.testing.assert_allclose(rates.rates, wanted, rtol=1e-5)


def test_added_scale_and_shift_count_as_what_they_do(tiny_dcgan):
    adapted = tiny_dcgan.with_scale_shift()
    assert not analysis.change_rates(tiny_dcgan, adapted).rates.any()
    adapted.scale_shift_roles()[0].gammas[0].assign_add(np.full(8, 0.5))
    assert np.flatnonzero(analysis.change_rates(tiny_dcgan, adapted).rates).tolist() == [0]
    with pytest.raises(UserError, match="one architecture, not 'sngan' with 'dcgan'"):
        analysis.change_rates(plain("sngan"), adapted)


def test_fisher_by_layer_is_the_mean_of_the_penaltys_own(tiny_dcgan):
    found = analysis.fisher_by_layer(tiny_dcgan, samples=4, cache=False)
    diagonal = FisherPenalty(fisher_samples=4, fisher_cache=False).diagonal(tiny_dcgan)
    for layer, mean, count in zip(found.layers, found.means, found.counts, strict=True):
        (stage,) = [s for s in tiny_dcgan.generator_stages() if s.name == layer]
        values = np.concatenate([diagonal[v.path].ravel() for v in stage.variables if v.trainable])
        assert count == len(values)
        np.testing.assert_allclose(mean, values.mean(), rtol=1e-5)
    assert found.likelihood == "discriminator" and found.counts.sum() == sum(
        v.numpy().size for v in tiny_dcgan.generator.trainable_weights
    )


def test_a_source_without_discriminator_is_measured_by_its_pixels():
    found = analysis.fisher_by_layer(source_of("dcgan").without_discriminator(), 2, cache=False)
    assert found.likelihood == "pixels" and (found.means > 0).all()


def test_drift_is_the_relative_distance_from_the_start(tiny_dcgan):
    gan = tiny_dcgan.with_scale_shift()
    drift = Drift(gan.generator, tiny_dcgan.generator)
    assert drift() == 0.0
    weights = gan.generator.trainable_weights
    for weight in weights:
        weight.assign(1.25 * weight)
    assert drift() == pytest.approx(0.25, rel=1e-5)
    assert Drift(gan.generator, tiny_dcgan.generator)() < 0.25  # γ and β begin where they are


@pytest.fixture
def runs(tmp_path):
    """Two run folders with recorded drift, and one without."""
    for name, slope in (("ewc", 0.01), ("fine", 0.04), ("old", None)):
        with RunFolder.open(tmp_path / name, {"method": name}) as folder:
            for step in (10, 20):
                values = {"loss": 1.0} if slope is None else {STAT: slope * step}
                folder.append_stats(step, values)
    return tmp_path


def test_drift_is_read_from_what_runs_recorded(runs):
    found = analysis.drifts_of_runs([runs / "ewc", f"plain={runs / 'fine'}"])
    assert found.names == ("ewc (ewc)", "plain")
    np.testing.assert_allclose(found.drifts, [[0.1, 0.2], [0.4, 0.8]])
    np.testing.assert_array_equal(found.steps[0], [10, 20])
    for wrong, said in (
        ([], "Give the folders of runs"),
        ([runs], "is no run folder: it has no config.json"),
        ([runs / "old"], "recorded no drift: it was trained by an earlier release"),
        ([runs / "ewc", runs / "ewc"], r"Two runs are called alike \(ewc"),
    ):
        with pytest.raises(UserError, match=said):
            analysis.drifts_of_runs(wrong)


# Pages -----------------------------------------------------------------------------------


def columns(path) -> dict[str, list[str]]:
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    return {name: [row[i] for row in rows] for i, name in enumerate(head)}


def test_analyses_share_one_page_and_leave_pictures_and_data(tmp_path, runs):
    source = Subject("tiny", planted("sngan"))
    adapted = Subject("robots", source.gan.clone())
    changed = adapted.gan.generator_stages()[1].variables[0]
    changed.assign(2 * changed)
    out = tmp_path / "out"
    pages.write_drift([runs / "ewc", runs / "fine"], out)
    pages.write_change(source, [adapted], out)
    pages.write_fisher(Subject("tiny", plain("dcgan")), out, samples=2, cache=False)
    path = pages.write_statistics(source, [], out, groups=GROUPS)
    assert path == out / "analysis.html"
    page = Page(path.read_text("utf-8"))
    assert list(page.sections) == ["statistics", "change", "fisher", "drift"]
    assert len(page.all("img")) == 5 and all(i["src"].startswith("data:") for i in page.all("img"))
    assert "the groups stand apart" in "".join(page.sections["statistics"])
    for name in ("statistics", "statistics_silhouette", "change", "fisher", "drift"):
        with Image.open(out / f"{name}.png") as image:
            assert image.width == 1200
        assert "<svg" in (out / f"{name}.svg").read_text("utf-8")
    rates = columns(out / "change.csv")
    assert [float(rate) > 0 for rate in rates["robots"]].count(True) == 1
    with np.load(out / "statistics.npz") as data:
        assert data["groups"].tolist() == LABELS and data["block2/b1/gamma"].shape == (12, 8)
    assert min(map(float, columns(out / "statistics_silhouette.csv")["γ"])) > 0.7
    assert not [p for p in out.iterdir() if ".tmp" in p.name]
    again = (out / "change.svg").read_bytes()
    pages.write_change(source, [adapted], out)
    assert (out / "change.svg").read_bytes() == again
    assert list(Page(path.read_text("utf-8")).sections) == list(page.sections)


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([0.3, 0.2, 0.1], "the last layer, c, changed least, as in the paper"),
        ([0.3, 0.1, 0.2], r"c \(0\.2\), is number 2 from below, and b changed least \(0\.1\)"),
        ([0.0, 0.1, 0.0], "a, c did not change at all, which the method does not train"),
        ([0.0, 0.0, 0.0], "nothing changed"),
    ],
)
def test_the_layer_that_changed_least_is_named(rates, said):
    assert re.search(said, _verdict("abc", np.array(rates)))


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"a": ["0"], "b": ["99"]}, "Group b names '99', which is not among what is compared: 0, "),
        ({"a": ["0", "1"], "b": ["1"]}, "'1' is in two groups: a and b"),
        ({"a": ["0"], "b": ["1"]}, "give two groups or more, one of them with two members"),
        ({"a": ["0", "1"]}, "give two groups or more"),
    ],
)
def test_groups_that_cannot_be_compared_are_named(groups, said, tmp_path):
    with pytest.raises(UserError, match=said):
        pages.write_statistics(Subject("s", plain("sngan")), [], tmp_path, groups=groups)


def test_generators_are_loaded_under_names_that_tell_them_apart(tmp_path, tiny_dcgan):
    other = shaken(tiny_dcgan.clone(), 1)
    adapter = Adapter.from_gans(tiny_dcgan, other, method="bsa", source_name="tiny")
    run, file = tmp_path / "lr0.5", tmp_path / "toon.npz"
    for path in (run / "adapter" / "adapter.npz", file):
        adapter.save(path)
    places = [run, f"again={run / 'adapter'}", f"file={run / 'adapter' / 'adapter.npz'}", file]
    source, domains = analysis.load_subjects(tiny_dcgan, places)
    assert [one.name for one in domains] == ["lr0.5", "again", "file", "toon"]
    for domain in domains:
        np.testing.assert_array_equal(domain.sample(2), sample_images(other, 2))
    for names in ([run, run / "adapter"], [f"{source.name}={file}"]):
        with pytest.raises(UserError, match=r"Two generators are called .+ as in NAME="):
            analysis.load_subjects(tiny_dcgan, names)
    with pytest.raises(UserError, match="Give a source, or the adapter"):
        analysis.load_subjects()
    with pytest.raises(UserError, match=r"There is no class 1: .+ has no classes"):
        analysis.load_subjects(tiny_dcgan, label=1)


def test_what_cannot_be_analyzed_is_said_in_one_line(tmp_path, tiny_dcgan, monkeypatch):
    one = Subject("alone", tiny_dcgan)
    with pytest.raises(UserError, match="alone has no classes, and one domain only compares"):
        pages.write_statistics(one, [], tmp_path)
    with pytest.raises(UserError, match="One domain only"):
        analysis.statistics_of_domains({"alone": tiny_dcgan})
    with pytest.raises(UserError, match="There is no class 3: there are 3"):
        analysis.statistics_of_classes(plain("sngan"), [0, 3])
    with pytest.raises(UserError, match="give an adapter"):
        pages.write_change(one, [], tmp_path)
    with pytest.raises(UserError, match="differ in their layers"):
        analysis.statistics_of_domains({"a": tiny_dcgan, "b": plain("stylegan")})
    monkeypatch.setattr(type(tiny_dcgan), "own_scale_shift_roles", lambda self: [])
    with pytest.raises(UserError, match="This dcgan has no scale and shift: adapt it with method"):
        analysis.statistics_of_domains({"a": tiny_dcgan, "b": tiny_dcgan})


def test_a_folder_that_cannot_take_files_is_refused_before_anything_is_done(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file is a file: name a folder"):
        Folder(tmp_path / "file")
    with pytest.raises(UserError, match=r"Cannot write /proc/none/out: .+"):
        Folder("/proc/none/out")


def test_a_damaged_section_is_named(tmp_path):
    folder = Folder(tmp_path)
    folder.leave(Section("drift", "<Drift>", ("1 < 2",)))
    assert "&lt;Drift&gt;" in (tmp_path / "analysis.html").read_text("utf-8")
    (tmp_path / "drift.json").write_text("{")
    with pytest.raises(UserError, match=r"drift\.json is damaged: remove it"):
        folder.leave(Section("change", "Change"))


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(optional._EXTRAS, "no_such_package", "analysis")
    with pytest.raises(UserError, match=r"no_such_package, which is not installed: .+\[analysis\]"):
        optional.optional("no_such_package.part")


def test_colour_and_shape_tell_groups_apart_and_the_legend_is_outside(tmp_path):
    groups = [f"g{i % 9}" for i in range(36)]
    points = np.random.default_rng(0).normal(size=(36, 2))
    figure = panels_by_layer({f"layer {i}": points for i in range(5)}, groups)
    save_figure(figure, tmp_path, "panels")
    looks = {
        (c.get_facecolor().tobytes(), c.get_paths()[0].vertices.tobytes())
        for c in figure.axes[0].collections
    }
    assert len(looks) == 9
    (legend,) = figure.legends
    assert all(
        legend.get_window_extent().y0 >= axes.get_window_extent().y1
        for axes in figure.axes
        if axes.get_visible()
    )
