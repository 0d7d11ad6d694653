"""Pages of analyses: which generators they are of, what they leave, and what they refuse."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from PIL import Image

from tf_fewshot import analysis
from tf_fewshot.analysis import ChangeRates, Subject, pages
from tf_fewshot.analysis.drawing import panels_by_layer, save_figure
from tf_fewshot.analysis.pages.section import Folder, Section
from tf_fewshot.analysis.pages.weights import _verdict
from tf_fewshot.backbones.sampling import sample_images
from tf_fewshot.compat import optional
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter

from .test_changes import recorded
from .test_extensions import plain, shaken
from .test_report import Page
from .test_statistics import GROUPS, LABELS, planted


def columns(path) -> dict[str, list[str]]:
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    return {name: [row[i] for row in rows] for i, name in enumerate(head)}


def test_analyses_share_one_page_and_leave_pictures_and_data(tmp_path):
    runs = recorded(tmp_path)
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


def test_classes_are_told_by_name_or_number(tmp_path):
    gan = planted("sngan")
    gan.source_metadata["classes"] = names = [f"style-{i}" for i in range(12)]
    assert analysis.statistics_of_classes(gan, [2, 0], samples=2).names == ("style-2", "style-0")
    groups = {"faces": ["style-0", "1", "2"], "robots": ["style-4", "5"]}
    path = pages.write_statistics(Subject("tiny", gan), [], tmp_path, groups=groups)
    assert "0 style-0, 1 style-1, 2 style-2, 4 style-4, 5 style-5" in path.read_text("utf-8")
    with np.load(tmp_path / "statistics.npz") as data:
        assert data["names"].tolist() == [names[i] for i in (0, 1, 2, 4, 5)]
    with pytest.raises(UserError, match="'style-0' is in two groups: a and b"):
        pages.write_statistics(
            Subject("tiny", gan), [], tmp_path, groups={"a": ["0", "1"], "b": ["style-0"]}
        )


@pytest.mark.parametrize(
    ("changes", "sizes", "said"),
    [
        ([0.3, 0.2, 0.1], [1, 1, 1], "the last layer, c, changed least, as in the paper"),
        (
            [0.3, 0.1, 0.2],
            [1, 1, 1],
            r"c \(0\.2\), is number 2 of 3 from below, and b changed least \(0\.1\)\. .+ changes "
            r"differ more between layers .+ 0\.1 \(b\) to 0\.3 \(a\)",
        ),
        (
            [0.2, 0.1, 0.1],
            [80, 1, 0.2],
            r"c \(0\.5\), is number 3 of 3 .+ a changed least \(0\.0025\)\. .+ by 0\.1 to 0\.2\. "
            r".+ from 0\.2 \(c\) to 80 \(a\)",
        ),
        ([0.0, 0.1, 0.0], [1, 1, 1], "a, c did not change at all, which the method does not"),
        ([0.0, 0.0, 0.0], [1, 1, 1], "nothing changed"),
    ],
)
def test_the_layer_that_changed_least_is_named(changes, sizes, said):
    found = ChangeRates(tuple("abc"), np.array(changes), np.array(sizes, float))
    assert re.search(said, _verdict(found))


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


def test_names_beside_points_overlap_nothing(tmp_path):
    rng = np.random.default_rng(0)
    crowded, apart = rng.normal(size=(40, 2)), np.array([[i % 8, i // 8] for i in range(40)])
    names = [str(i) for i in range(40)]
    panels = {"crowded": crowded, "apart": apart, "again": crowded, "more": crowded}
    figure = panels_by_layer(panels, ["a", "b"] * 20, names)
    save_figure(figure, tmp_path, "panels")
    for axes, points in zip(figure.axes, panels.values(), strict=True):
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == 40 if points is apart else len(boxes) > 15
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
