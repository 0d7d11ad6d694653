"""The report of a run."""

import base64
import html.parser
import io
import json
import math
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot.errors import UserError
from tf_fewshot.report import write_report
from tf_fewshot.report.charts import bin_medians, line_chart, nice_ticks, tick_label
from tf_fewshot.training.run_folder import RunFolder, fakes_name

VOID = {"meta", "img", "br", "hr", "input", "link"}
IDENTITY = {"method": "ewc", "source": "avataaars64", "data": "pictures/toon heads", "seed": 0}


class Page(html.parser.HTMLParser):
    """What a page holds; fails where tags do not nest."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.elements, self.ids = [], [], []
        self.text, self.sections = [], {}
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag not in VOID:
            self.stack.append((tag, attrs))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        if any(tag == "style" for tag, _ in self.stack):
            return
        self.text.append(data)
        for tag, attrs in self.stack:
            if tag == "section":
                self.sections.setdefault(attrs["id"], []).append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def section(self, name):
        return " ".join(part for part in self.sections[name] if part.strip())


def page_of(run):
    path = write_report(run)
    assert path.name == "report.html"
    return Page(path.read_text(encoding="utf-8"))


def pictures(count, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.fixture
def run(tmp_path):
    """A whole run, with everything that a report can show."""
    settings = {"steps": 200, "ewc": {"strength": 2000.0}, "augment": ["flip"], "ema": True}
    with RunFolder.open(tmp_path / "run", IDENTITY, settings) as folder:
        for name in ("reals", "source_samples", "samples", "interpolation", "fakes_init"):
            folder.save_grid(name, pictures(4))
        for name in ("reconstructions", "nearest"):
            folder.save_grid(name, pictures(6), columns=3)
        for step in (50, 100, 150, 200):
            folder.save_grid(fakes_name(step), pictures(4))
        for step in range(1, 201):
            folder.append_stats(
                step,
                {
                    "discriminator/loss": 1.0 + 0.1 * math.sin(step),
                    "discriminator/r1": 0.002,
                    "generator/loss": 2.0,
                    "generator/penalty": 1.5,
                    "images_per_s": 40.0,
                },
            )
        for step, value in ((100, 215.0), (200, 187.25)):
            folder.add_metric(
                {
                    "metric": "fid",
                    "value": value,
                    "step": step,
                    "samples": 2000,
                    "features": "EfficientNet-Lite0",
                    "resize": "bicubic",
                    "seed": 1234,
                }
            )
        folder.add_metric({"metric": "kid", "value": 0.125, "n": 500, "reference": "held out"})
        yield folder


def test_a_whole_run_has_every_section_and_picture(run):
    page = page_of(run)
    assert list(page.sections) == [
        "samples",
        "pictures",
        "numbers",
        "progress",
        "interpolation",
        "reconstructions",
        "nearest",
        "curves",
        "settings",
    ]
    assert [link["href"] for link in page.all("a")] == [f"#{name}" for name in page.sections]
    assert len(page.all("img")) == 3 + 5 + 3
    assert "".join(page.text).count("EWC") >= 2
    assert "avataaars64 → toon heads" in "".join(page.text)
    assert "Finished · 200 steps" in "".join(page.text)
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == len(page.sections)
    assert len(set(page.ids)) == len(page.ids)


def test_pictures_are_those_of_the_folder_with_their_size_and_alternative(run):
    page = page_of(run)
    images = page.all("img")
    assert all(image["alt"] for image in images)
    embedded = [base64.b64decode(image["src"].split(",", 1)[1]) for image in images]
    order = ["source_samples", "samples", "reals", "fakes_init", *map(fakes_name, (50, 100))]
    for data, name in zip(embedded, order, strict=False):
        assert data == (run.path / f"{name}.png").read_bytes()
    for data, image in zip(embedded, images, strict=True):
        size = Image.open(io.BytesIO(data)).size
        assert size == (int(image["width"]), int(image["height"]))


def test_the_file_needs_no_other(run):
    path = write_report(run)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    for _, attrs in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            assert attrs.get(name, "#").startswith(("#", "data:image/"))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "base"}
    assert not re.search(r"@import|url\(", text)
    policy = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_numbers_say_how_they_were_measured_and_are_the_latest(run):
    page = page_of(run)
    numbers = page.section("numbers")
    for part in ("FID", "187.2", "200", "2,000", "EfficientNet-Lite0", "bicubic", "1234"):
        assert part in numbers
    assert "215" not in numbers
    assert "KID" in numbers
    assert "0.125" in numbers
    assert "500" in numbers
    assert "held out" in numbers
    assert [h for h in ("Samples", "Feature network", "Resize", "Seed") if h not in numbers] == []
    rows = [attrs for tag, attrs in page.elements if tag == "tr"]
    assert len(rows) == 3 + len(json.loads(run.config_path.read_text())["versions"]) + 8


def test_stats_share_a_chart_where_one_scale_shows_them(run):
    page = page_of(run)
    charts = [svg["aria-label"] for svg in page.all("svg")]
    assert [[part.split(": ")[0] for part in chart.split("; ")] for chart in charts] == [
        ["loss"],
        ["r1"],
        ["loss", "penalty"],
        ["images_per_s"],
        ["FID (EfficientNet-Lite0, n = 2,000)"],
    ]
    assert charts[2] == (
        "loss: 2 at step 1, 2 at step 200; penalty: 1.5 at step 1, 1.5 at step 200"
    )
    for title in ("discriminator/loss", "discriminator/r1", "generator", "penalty", "step"):
        assert title in page.section("curves")


def test_settings_are_listed_once_and_nested_ones_by_dotted_name(run):
    settings = page_of(run).section("settings")
    for part in ("ewc.strength", "2000", "augment", "flip", "ema", "yes", "tensorflow"):
        assert part in settings
    assert settings.count("avataaars64") == 1


def test_a_run_in_progress_says_how_far_it_is(run):
    with_more = json.loads(run.config_path.read_text())
    with_more["settings"]["steps"] = 800
    run.config_path.write_text(json.dumps(with_more))
    page = page_of(run.path)
    assert "In progress · step 200 of 800" in "".join(page.text)
    assert page.all("progress")[0]["value"] == "25"


def test_what_is_not_there_is_left_out(tmp_path):
    page = page_of(tmp_path)
    assert page.sections == {}
    assert page.all("img") == []
    assert page.all("a") == []
    assert len(page.all("h1")) == 1
    RunFolder(tmp_path).save_grid("samples", pictures(4))
    (tmp_path / "interpolation.png").write_bytes(b"no picture")
    whole = (tmp_path / "samples.png").read_bytes()
    (tmp_path / "reals.png").write_bytes(whole[: len(whole) // 2])
    page = page_of(str(tmp_path))
    assert list(page.sections) == ["samples"]
    assert len(page.all("img")) == 1
    assert "same latent." not in page.section("samples")


def test_there_is_no_report_of_no_folder(tmp_path):
    with pytest.raises(UserError, match="no run folder"):
        write_report(tmp_path / "none")


def test_a_damaged_config_is_told(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        write_report(tmp_path)


HOSTILE = '</style></title><script>alert("1")</script>\' onload=\'x" onload="y $style ${body} &amp;'


def test_hostile_values_are_only_text(tmp_path):
    identity = {"method": HOSTILE, "source": HOSTILE, "data": HOSTILE, "seed": HOSTILE}
    with RunFolder.open(tmp_path, identity, {HOSTILE: HOSTILE, "nested": {HOSTILE: 1}}) as run:
        for step in range(1, 4):
            run.append_stats(step, {HOSTILE: step, f"g/{HOSTILE}": 1.0, "g/other": 1.0})
            run.add_metric({"metric": HOSTILE, "value": step, "step": step, HOSTILE: HOSTILE})
        for name in ("samples", "source_samples", "reals"):
            run.save_grid(name, pictures(1))
        page = page_of(run)
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert {"svg", "img", "table"} <= tags
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert "".join(page.text).count(HOSTILE) > 8
    assert HOSTILE.split("/")[-1] in page.all("img")[0]["alt"]


def test_many_and_large_pictures_stay_small(tmp_path):
    run = RunFolder(tmp_path)
    rng = np.random.default_rng(0)
    smooth = np.asarray(
        Image.fromarray(pictures(1, 24)[0]).resize((384, 384), Image.Resampling.BICUBIC)
    )
    for step in range(100, 1600, 100):
        noisy = (smooth + rng.integers(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
        run.save_grid(fakes_name(step), noisy[None])
    run.save_grid("samples", np.repeat(noisy[None], 24, 0), columns=6)
    assert (tmp_path / "samples.png").stat().st_size > 1_000_000
    path = write_report(run)
    assert path.stat().st_size < 2_000_000
    page = Page(path.read_text())
    images = page.all("img")
    assert max(int(image["width"]) for image in images) == 2048
    assert images[0]["src"].startswith("data:image/webp;base64,")
    shown = re.findall(r"Step ([\d,]+)", page.section("progress"))
    assert (len(shown), shown[0], shown[-1]) == (10, "100", "1,500")
    with Image.open(io.BytesIO(base64.b64decode(images[1]["src"].split(",")[1]))) as image:
        first = np.asarray(image.convert("RGB"), np.float64)
    original = np.asarray(Image.open(run.fakes_path(100)), np.float64)
    assert np.abs(first - original).mean() < 6  # of 255: still the same picture


# Charts -------------------------------------------------------------------------------


def test_medians_of_bins_ignore_outliers_and_keep_the_ends():
    values = np.linspace(5.0, 1.0, 3000)
    values[::50] = 1e6
    rows = bin_medians(list(enumerate(values)), bins=60)
    assert len(rows) == 60
    for number, (x, median, low, high) in enumerate(rows):
        part = np.sort(values[number * 50 : number * 50 + 50])
        assert x == pytest.approx(number * 50 + 24.5)
        assert median == pytest.approx((part[24] + part[25]) / 2)
        assert low < median < high < 10
    assert bin_medians([(1, 2.0), (3, 4.0)]) == [(1, 2.0, 2.0, 2.0), (3, 4.0, 4.0, 4.0)]


finite = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(low=finite, size=st.floats(1e-6, 1e9))
def test_ticks_enclose_the_range_in_round_steps(low, size):
    high = low + size
    if high - low < abs(low) * 1e-6:
        return
    ticks = nice_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert 2 <= len(ticks) <= 7
    slack = step * 1e-3
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert f"{step:.0e}"[0] in "125"
    labels = [tick_label(tick, ticks) for tick in ticks]
    if step > max(map(abs, ticks)) * 1e-2:
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 500, ["0", "200", "400", "600"]),
        (0.5, 1.9, ["0.5", "1.0", "1.5", "2.0"]),
        (0, 1.8e-4, ["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]),
        (-1.2, 0.9, ["-2", "-1", "0", "1"]),
        (0, 47_000, ["0", "20k", "40k", "60k"]),
    ],
)
def test_tick_labels(low, high, labels):
    ticks = nice_ticks(low, high)
    assert [tick_label(tick, ticks) for tick in ticks] == labels


@given(st.lists(st.tuples(st.integers(0, 10**6), finite), min_size=1, max_size=200))
def test_lines_stay_inside_the_chart(points):
    series = sorted(dict(points).items())
    svg = line_chart({"<loss>": series})
    page = Page(svg)
    width, height = map(float, page.all("svg")[0]["viewbox"].split()[2:])
    assert page.all("svg")[0]["aria-label"].startswith("<loss>: ")
    drawn = [
        p
        for tag in ("polyline", "polygon")
        for line in page.all(tag)
        for p in line["points"].split()
    ]
    assert drawn
    for point in drawn:
        x, y = map(float, point.split(","))
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_a_rising_series_rises_on_the_chart():
    svg = line_chart({"a": [(0, 0.0), (50, 1.0), (100, 4.0)]})
    points = Page(svg).all("polyline")[0]["points"].split()
    (x0, y0), (x1, y1), (x2, y2) = (map(float, p.split(",")) for p in points)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert x1 > x0
    assert y0 - y1 == pytest.approx((y1 - y2) / 3, abs=0.2)
    assert y2 < y1 < y0


def test_every_colour_of_a_chart_has_a_style(run):
    text = write_report(run).read_text()
    style = text[text.index("<style>") : text.index("</style>")]
    classes = {c for _, a in Page(text).elements for c in a.get("class", "").split()}
    for name in classes:
        assert f".{name}" in style, name
    assert all(c in string.printable for c in style)
