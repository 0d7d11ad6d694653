"""The papers' experiments: what is run, what is read off it, and the page that is made of it."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from PIL import Image

from tf_fewshot import backbones, methods
from tf_fewshot.errors import UserError
from tf_fewshot.metrics import METRICS
from tf_fewshot.papers import EXPERIMENTS, INTRODUCTION, Experiment, Part, run, write_gallery
from tf_fewshot.papers.findings import Along, Before, Inside, verdict
from tf_fewshot.papers.numbers import numbers_of
from tf_fewshot.weights import PRESETS
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import forks

SVG = "{http://www.w3.org/2000/svg}"


def record(method: str, target: str, shots: int, seed: int, **metrics: float) -> str:
    measured = [{"metric": name, "value": value} for name, value in metrics.items()]
    trial = {"method": method, "target": target, "shots": shots, "seed": seed}
    return json.dumps({**trial, "metrics": measured}) + "\n"


def shots_of(name: str = "shots", **changes) -> Experiment:
    """An experiment of two methods over numbers of pictures."""
    part = Part(name, ("ewc", "transfergan"), ("toons",), (1, 5, 10), seeds=(0, 1))
    values = {
        "name": name,
        "paper": "A paper, Table 9",
        "title": "Numbers of pictures",
        "found": "More pictures help.",
        "axis": "pictures",
        "columns": "method",
        "parts": (part,),
        "findings": (Along("fid", rises=False),),
        "metrics": ("fid", "intra_lpips"),
    }
    return Experiment(**{**values, **changes})


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A folder with results of some trials of ``shots_of``."""
    place = tmp_path / "shots"
    place.mkdir()
    lines = [
        record("ewc", "toons", 1, 0, fid=100.0, intra_lpips=0.1),
        record("ewc", "toons", 1, 1, fid=104.0, intra_lpips=0.2),
        record("ewc", "toons", 5, 0, fid=90.0, intra_lpips=0.2),
        record("ewc", "toons", 10, 0, fid=95.0, intra_lpips=0.3),
        record("transfergan", "toons", 1, 0, fid=80.0, intra_lpips=0.1),
        record("transfergan", "toons", 5, 0, fid=70.0, intra_lpips=0.1),
    ]
    (place / "results.jsonl").write_text("".join(lines))
    strips = place / "strips"
    strips.mkdir()
    for count, grey in ((1, 10), (5, 200)):
        picture = Image.fromarray(np.full((6, 40 + count, 3), grey, np.uint8))
        picture.save(strips / f"toons-ewc-{count}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("finding", "column", "expected"),
    [
        (Before("fid", "a", ("b", "c")), {"a": 2.0, "b": 3.0, "c": 1.0}, [True, False]),
        (Before("intra_lpips", "a", ("b", "c")), {"a": 2.0, "b": 3.0, "c": 1.0}, [False, True]),
        (Before("fid", "a"), {"a": 2.0, "b": 3.0, "c": 4.0}, [True, True]),
        (Before("fid", "a", ("b", "c")), {"a": 2.0, "c": 3.0}, [True]),
        (Before("fid", "a"), {"b": 3.0}, []),
        (Along("fid", rises=False), {"1": 9.0, "5": 7.0, "9": 8.0}, [True, False]),
        (Along("fid", rises=True), {"1": 9.0, "5": 7.0, "9": 8.0}, [False, True]),
        (Along("fid", rises=True), {"1": 9.0}, []),
        (Inside("fid"), {"1": 9.0, "5": 7.0, "9": 8.0}, [True]),
        (Inside("fid"), {"1": 9.0, "5": 7.0, "9": 6.0}, [False]),
        (Inside("intra_lpips"), {"1": 0.1, "5": 0.3, "9": 0.2}, [True]),
        (Inside("fid"), {"1": 9.0, "9": 6.0}, []),
    ],
)
def test_findings(finding, column, expected):
    assert list(finding.holds(column)) == expected


def test_verdicts():
    assert verdict([]) == "Nothing of it has been measured here yet."
    assert verdict([True, True]) == "It holds here."
    assert verdict([False]) == "It does not hold here."
    assert verdict([True, False, True]) == "It holds in 2 of 3 comparisons here."


def test_numbers(finished):
    numbers = numbers_of(shots_of(), finished)
    assert (numbers.done, numbers.of, numbers.seeds) == (6, 12, (1, 2))
    assert numbers.columns == ["ewc", "transfergan"]
    assert numbers.column("ewc", "fid") == {"1": 102.0, "5": 90.0, "10": 95.0}
    assert numbers.column("transfergan", "fid") == {"1": 80.0, "5": 70.0}
    assert numbers.outcomes(Along("fid", rises=False)) == [True, False, True]
    assert numbers.values["1"]["ewc"]["fid"].std == pytest.approx(8**0.5)


def test_the_gallery(finished, tmp_path):
    page = write_gallery([shots_of()], finished, tmp_path / "out" / "gallery.md", "# All\n")
    text = page.read_text("utf-8")
    assert text.startswith("# All\n\n## A paper, Table 9: numbers of pictures\n")
    assert "**More pictures help.** So far it holds in 2 of 3 comparisons here." in text
    assert "| pictures | EWC | TransferGAN |" in text
    assert "| 1 picture | 102 ± 3 / 0.150 ± 0.071 | 80 / 0.100 |" in text
    assert "| 10 pictures | 95 / 0.300 | – |" in text
    assert "1 to 2 seeds. 6 of 12 trials are still to be run." in text
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (page.parent / link).is_file()
    chart = ElementTree.parse(tmp_path / "out/gallery/shots.svg").getroot()
    said = [text.text for text in chart.iter(f"{SVG}text")]
    assert {"EWC", "TransferGAN", "training pictures"} <= {*said}
    assert len(list(chart.iter(f"{SVG}circle"))) == 5
    strip = np.asarray(Image.open(tmp_path / "out/gallery/shots.png"))
    assert strip.shape == (12, 41, 3)
    assert [*strip[[0, -1], 0, 0]] == [10, 200]


def test_the_gallery_of_nothing(tmp_path):
    page = write_gallery([shots_of()], tmp_path, tmp_path / "gallery.md", "# All")
    text = page.read_text("utf-8")
    assert "Nothing of it has been measured here yet." in text
    assert "12 of 12 trials are still to be run." in text
    assert not (tmp_path / "gallery").exists()


def test_charts_of_methods_have_a_part_for_each_target(tmp_path):
    part = Part("methods", ("ewc", "nst"), ("toons", "elfs"))
    (tmp_path / "methods").mkdir()
    lines = [
        record(method, target, 10, 0, fid=value)
        for value, (method, target) in enumerate(
            (m, t) for m in ("ewc", "nst") for t in ("toons", "elfs")
        )
    ]
    (tmp_path / "methods" / "results.jsonl").write_text("".join(lines))
    findings = (Before("fid", "ewc"), Before("intra_lpips", "ewc"))
    experiment = shots_of(
        "methods", axis="method", columns="target", parts=(part,), findings=findings
    )
    text = write_gallery([experiment], tmp_path, tmp_path / "page.md", "").read_text("utf-8")
    assert "FID: it holds here. intra-LPIPS: nothing of it has been measured here yet." in text
    assert "One seed." in text
    chart = ElementTree.parse(tmp_path / "page" / "methods.svg").getroot()
    said = [text.text for text in chart.iter(f"{SVG}text")]
    assert said.index("toons") < said.index("elfs")
    assert said.count("EWC") == said.count("NST") == 2


def test_experiments_name_what_there_is():
    parts = [part for experiment in EXPERIMENTS.values() for part in experiment.parts]
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert part.source in PRESETS
        for name in part.methods:
            methods.get(name).with_settings(steps=part.steps, **part.settings.get(name, {}))
        assert {*part.settings} <= {*part.methods}
    for experiment in EXPERIMENTS.values():
        assert {*experiment.metrics} <= {*METRICS}
        for finding in experiment.findings:
            assert finding.metric in experiment.metrics
            rows = {
                experiment.key(experiment.axis, part, trial)
                for part in experiment.parts
                for trial in part.trials()
            }
            if isinstance(finding, Before):
                assert {finding.row, *finding.others} <= rows


@pytest.mark.download
def test_runs_what_is_missing_and_goes_on(tmp_path):
    keras.utils.set_random_seed(0)
    source = tmp_path / "source.npz"
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), source)
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for name, count in (("toons-4", 4), ("toons-eval", 12)):
        with zipfile.ZipFile(tmp_path / "pictures" / f"{name}.zip", "w") as archive:
            for number in range(count):
                path = tmp_path / "picture.png"
                Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
                archive.write(path, f"{number}.png")
    part = Part("some", ("update_last",), ("toons",), (2, 4), source=str(source), steps=2)
    experiment = shots_of("tried", parts=(part,), metrics=("fid",))
    said: list[str] = []
    run([experiment], tmp_path, said.append, "float32", n=8)
    assert said == ["A paper, Table 9, some: 2 trials are missing."]
    numbers = numbers_of(experiment, tmp_path)
    assert numbers.done == numbers.of == 2
    strip = np.asarray(Image.open(tmp_path / "some/strips/toons-update_last-4.png"))
    assert strip.shape == (18, 8 * 17 + 1)  # numbers of a palette
    page = write_gallery([experiment], tmp_path, tmp_path / "page.md", INTRODUCTION)
    assert "Samples of the same latents, from above: 2 pictures, 4 pictures." in page.read_text()
    # What is finished is neither run nor looked at again.
    (tmp_path / "pictures" / "toons-4.zip").unlink()
    run([experiment], tmp_path, said.append, "float32", n=8)
    assert len(said) == 1


def test_damaged_results_are_named(finished):
    path = finished / "shots" / "results.jsonl"
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(UserError, match=r"Line 1 of .*results\.jsonl is no result"):
        numbers_of(shots_of(), finished)


def test_the_command(tmp_path):
    listed = forks().command("papers", "--list", cwd=tmp_path)
    assert listed.code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [*EXPERIMENTS]
    written = forks().command(
        "papers", "--write_only", "--workdir=none", "--out=page.md", cwd=tmp_path
    )
    assert (written.code, written.stdout.strip()) == (0, "page.md")
    assert (tmp_path / "page.md").read_text().count("## ") == len(EXPERIMENTS)
    for flags, words in (
        ((), "--workdir is missing"),
        (("--workdir=none", "--out=page.html"), "the page is written as .md"),
        (("--workdir=none", "--experiments=ewc-methds"), "ewc-methods"),
    ):
        refused = forks().command("papers", *flags, cwd=tmp_path)
        assert refused.code == 2
        assert words in refused.stderr
