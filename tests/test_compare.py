"""Comparisons: which trials there are, what is kept of them, and what is said when some fail."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot import backbones, comparison, features, metrics
from tf_fewshot.adapted import load_adapter
from tf_fewshot.backbones.sampling import sample_images
from tf_fewshot.comparison import Target, Trial, tables, trials
from tf_fewshot.data.grid import image_grid
from tf_fewshot.data.load import load_pictures
from tf_fewshot.errors import UserError
from tf_fewshot.report.dots import dot_chart
from tf_fewshot.training.loop import Trainer
from tf_fewshot.weights import load
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .means import install
from .processes import COMMAND, Done, command, forks, keep_settings
from .test_cli import EAGERLY, check_refused, said
from .test_report import Page

LITE0 = features.EXTRACTORS["efficientnet_lite0"]
CACHE = {k: v for k, v in os.environ.items() if k == "TF_FEWSHOT_CACHE"}
METHODS = ["transfergan", "scratch"]
SEEDS = [0, 1]
METRICS = ["fid", "kmmd"]
TARGETS = ["noise=pictures:others", "bright"]
MEANS = "from tests import means; means.install()\n"
SMALL = ["--methods=transfergan,scratch", "--source=source.npz", "--steps=2", "--shots=3"]
SMALL += ["--set=batch_size=2", "--n=6", "--metrics=fid,kmmd", "--precision=float32"]


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Runs without graphs, whose tracing takes longer than a few steps."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="module", autouse=True)
def means(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Features without a download, kept where no other test looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_FEWSHOT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(features.EXTRACTORS, "efficientnet_lite0", None)
        install()
        keep_settings()
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with source.npz, and pictures of 16 px: pictures/, others/ and bright/."""
    folder = tmp_path_factory.mktemp("compare")
    keras.utils.set_random_seed(0)
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / "source.npz")
    rng = np.random.default_rng(0)
    for name, count, low in (("pictures", 6, 0), ("others", 7, 0), ("bright", 8, 200)):
        (folder / name).mkdir()
        for i in range(count):
            picture = rng.integers(low, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(picture).save(folder / name / f"{i}.png")
    return folder


def compare(folder: Path, workdir: Path, **changes) -> comparison.Outcome:
    """Runs a small comparison, which has one trial unless ``changes`` add more."""
    options = {
        "source": "source.npz",
        "targets": ["noise=pictures:others"],
        "methods": ["transfergan"],
        "shots": [3],
        "seeds": [0],
        "steps": 2,
        "settings": {},
        "metrics": METRICS,
        "n": 6,
        "precision": "float32",
        **changes,
    }
    given = options["settings"]
    options["settings"] = {m: {"batch_size": 2, **given.get(m, {})} for m in options["methods"]}
    with eagerly(), within(folder):
        return comparison.compare(workdir=workdir, **options)


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> comparison.Outcome:
    """A comparison of all methods, targets and seeds of this file; scratch has its own steps."""
    return compare(
        folder,
        tmp_path_factory.mktemp("whole"),
        targets=TARGETS,
        methods=METHODS,
        seeds=SEEDS,
        settings={"scratch": {"steps": 1}},
    )


@pytest.fixture
def copy(whole: comparison.Outcome, tmp_path: Path) -> Path:
    """The folder of the whole comparison again, to change."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    return tmp_path / "copy"


def lines_of(workdir: Path, name: str = "results.jsonl") -> list[dict]:
    return [json.loads(line) for line in (workdir / name).read_text().splitlines()]


def without_times(records: list[dict]) -> list[dict]:
    return [{k: v for k, v in r.items() if k not in ("seconds", "resumed_at")} for r in records]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The run folders in which training has begun since."""
    begun: list[str] = []
    adapt = trials.adaptation.adapt

    def noted(*args, workdir, **options):
        begun.append(Path(workdir).name)
        return adapt(*args, workdir=workdir, **options)

    monkeypatch.setattr(trials.adaptation, "adapt", noted)
    return begun


# Results --------------------------------------------------------------------------------


def test_every_trial_is_a_line_that_says_all_that_it_depends_on(folder, whole):
    records = lines_of(whole.folder)
    recorded = [(r["seed"], r["target"], r["shots"], r["method"]) for r in records]
    # A whole table comes with the first seed.
    expected = [(s, t, 3, m) for s in SEEDS for t in ("noise", "bright") for m in METHODS]
    assert recorded == expected
    assert whole.failures == {}
    whole.check()
    source = load(folder / "source.npz")
    for record in records:
        assert [m["metric"] for m in record["metrics"]] == METRICS
        assert record["settings"]["steps"] == (1 if record["method"] == "scratch" else 2)
        assert record["settings"]["batch_size"] == 2
        assert record["source_fingerprint"] == source.fingerprint("generator")
        assert record["precision"] == "float32"
        assert record["seconds"] > 0
        assert record["resumed_at"] == 0
        assert record["metrics"][0]["num_real"] == (7 if record["target"] == "noise" else 5)
        assert record["metrics"][0]["seed"] == record["seed"]
        config = json.loads((whole.folder / record["run"] / "config.json").read_text())
        assert config["identity"]["seed"] == record["seed"]
        assert config["identity"]["data_fingerprint"] == record["training_fingerprint"]


def test_pictures_are_named_without_the_folders_of_this_machine(tmp_path, monkeypatch):
    for name in ("shown", "others"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((16, 16, 3), len(name), np.uint8)).save(tmp_path / name / "a.png")
    place = f"toons={tmp_path / 'shown'}:{tmp_path / 'others'}"
    domain = Target.parse(place).load(16, 1)
    assert (domain.training.source, domain.reference.source) == ("shown", "others")
    monkeypatch.chdir(tmp_path.parent)
    domain = Target.parse(f"toons={tmp_path.name}/shown:{tmp_path.name}/others").load(16, 1)
    assert domain.reference.source == f"{tmp_path.name}/others"


def test_a_record_is_what_its_adapter_gives(folder, whole):
    """The metrics of a record follow again from its adapter and the pictures, read from files."""
    (record,) = [
        r
        for r in lines_of(whole.folder)
        if (r["method"], r["target"], r["seed"]) == ("transfergan", "noise", 1)
    ]
    with within(folder):
        adapted = load_adapter(whole.folder / record["run"])
    network = features.extractor()
    real = network(load_pictures(folder / "others", 16).images)
    fake = network(adapted.sample(6, seed=1))
    fid, kmmd = (m["value"] for m in record["metrics"])
    assert fid == pytest.approx(metrics.frechet_distance(real, fake))
    bandwidth = metrics.median_distance(real)
    assert kmmd == pytest.approx(metrics.gaussian_mmd(real, fake, bandwidth))
    assert adapted.adapter.settings["steps"] == 2


def test_training_pictures_are_the_first_and_the_rest_is_held_out(folder, whole):
    bright = load_pictures(folder / "bright", 16)
    record = next(r for r in lines_of(whole.folder) if r["target"] == "bright")
    assert record["training_fingerprint"] == bright.take(3).fingerprint()
    rest = bright.select(range(3, 8))
    assert record["evaluation_fingerprint"] == rest.fingerprint()
    # Fewer pictures are among the more, and what is held out is so for both.
    with within(folder):
        planned = comparison.plan("source.npz", ["bright"], ["bsa"], shots=[4, 2], metrics=["fid"])
    domain = planned.domains["bright"]
    np.testing.assert_array_equal(domain.training.take(2).images, bright.images[:2])
    np.testing.assert_array_equal(domain.reference.images, bright.images[4:])


def test_the_table_has_mean_and_spread_over_seeds(whole):
    values: dict[tuple, list[float]] = {}
    for record in lines_of(whole.folder):
        for metric in record["metrics"]:
            key = (record["target"], record["method"], metric["metric"])
            values.setdefault(key, []).append(metric["value"])
    markdown = (whole.folder / "results.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]
    assert rows[0] == ["target", "pictures", "method", "steps", "seeds", "FID ↓", "KMMD ↓"]
    # What the pictures themselves measure comes first, of each target.
    kinds = 2 * ["(training pictures)", "(unseen pictures)"]
    for kind, row in zip(kinds, [*rows[2:4], *rows[6:8]], strict=True):
        assert row[1:5] == ["3", kind, "–", "–"]
        assert all(math.isfinite(float(text)) for text in row[5:])
    for target, pictures, method, steps, seeds, *shown in [*rows[4:6], *rows[8:]]:
        assert (pictures, seeds) == ("3", "2")
        assert steps == ("1" if method == "scratch" else "2")
        for text, metric in zip(shown, METRICS, strict=True):
            mean, std = map(float, text.split(" ± "))
            expected = values.pop((target, method, metric))
            assert len(expected) == 2
            assert mean == pytest.approx(np.mean(expected), rel=6e-4)
            assert std == pytest.approx(np.std(expected, ddof=1), rel=6e-2)
    assert values == {}
    assert "6 samples a trial" in markdown
    assert "features of means" in markdown
    # The terminal's table is the same one.
    terminal = [re.split(r"  +", line) for line in whole.text.splitlines()]
    assert terminal == [rows[0], *rows[2:]]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_a_spread_is_the_sample_standard_deviation(values):
    spread = tables.Spread(tuple(values))
    assert spread.mean == pytest.approx(np.mean(values))
    if len(values) == 1:
        assert spread.std is None
        assert "±" not in str(spread)
    else:
        expected = np.sqrt(sum((v - np.mean(values)) ** 2 for v in values) / (len(values) - 1))
        assert spread.std == pytest.approx(expected)


def test_the_pictures_themselves_are_measured(folder, whole):
    records = lines_of(whole.folder, "pictures.jsonl")
    assert [(r["method"], r["target"]) for r in records] == [
        (kind, target)
        for target in ("noise", "bright")
        for kind in ("(training pictures)", "(unseen pictures)")
    ]
    network = features.extractor()
    training = network(load_pictures(folder / "pictures", 16).images[:3])
    others = network(load_pictures(folder / "others", 16).images)
    repeated, unseen = (r["metrics"][0] for r in records[:2])
    # Six samples are each of the three pictures twice.
    expected = metrics.frechet_distance(others, np.concatenate([training, training]))
    assert repeated["value"] == pytest.approx(expected)
    assert unseen["value"] == pytest.approx(metrics.frechet_distance(others[3:6], others[:3]))
    assert (repeated["num_fake"], repeated["num_real"]) == (6, 7)
    assert (unseen["num_fake"], unseen["num_real"]) == (3, 3)


# The page -------------------------------------------------------------------------------


def test_the_page_shows_numbers_charts_and_pictures(folder, whole):
    page = Page((whole.folder / "report.html").read_text("utf-8"))
    assert list(page.sections) == ["numbers", "target0", "target1", "runs", "settings"]
    table = [cell for line in whole.text.splitlines() for cell in re.split(r"  +", line)]
    numbers = page.section("numbers")
    assert all(cell in numbers for cell in table)
    # A chart a metric and target: the values of every seed.
    charts = [svg["aria-label"] for svg in page.all("svg")]
    assert len(charts) == 4
    (row,) = [r for r in whole.rows if (r.target, r.method) == ("noise", "transfergan")]
    shown = ", ".join(f"{value:.4g}" for value in row.values["fid"].values)
    assert charts[0].startswith(f"transfergan: {shown}; scratch: ")
    alts = [image["alt"] for image in page.all("img")]
    assert len(alts) == 2 * (3 + len(METHODS))
    assert alts[0] == "Grid of pictures of noise"
    assert "8 of 8 trials finished" in "".join(page.text)
    links = [link["href"] for link in page.all("a") if not link["href"].startswith("#")]
    assert len(links) == 8
    assert all((whole.folder / link).is_file() for link in links)
    for name, value in (("ema_decay", "0.98"), ("r1_gamma", "3"), ("batch_size", "2")):
        assert re.search(rf"{name} {value}", page.section("settings"))
    assert not {"script", "link"} & {tag for tag, _ in page.elements}


def test_grids_are_of_the_same_latents(folder, whole):
    source = load(folder / "source.npz")
    expected = image_grid(sample_images(source, 16, seed=0), columns=4)
    np.testing.assert_array_equal(Image.open(whole.folder / "source_samples.png"), expected)
    place = whole.folder / Trial("transfergan", "noise", 3, 0).folder
    with within(folder):
        adapted = load_adapter(place)
    grid = image_grid(adapted.sample(16, seed=0), columns=4)
    np.testing.assert_array_equal(Image.open(place / "samples.png"), grid)


def test_numbers_of_pictures_are_an_axis(folder, tmp_path):
    outcome = compare(folder, tmp_path / "c", shots=[4, 2], metrics=["kid"])
    page = Page((outcome.folder / "report.html").read_text("utf-8"))
    (chart,) = [svg["aria-label"] for svg in page.all("svg")]
    by_shots = {row.shots: row.values["kid"].mean for row in outcome.rows}
    expected = [f"{by_shots[n]:.4g} at training pictures {n}" for n in (2, 4)]
    assert chart == f"transfergan: {', '.join(expected)}"
    assert [row.values["kid"].std for row in outcome.rows] == [None, None]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=30),
        st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=5),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=20)
def test_dots_stay_inside_their_chart_in_order(rows):
    page = Page(dot_chart(rows))
    width, height = map(float, page.all("svg")[0]["viewbox"].split()[2:])
    spots = [(float(c["cx"]), float(c["cy"])) for c in page.all("circle")]
    values = [value for row in rows.values() for value in row]
    assert len(spots) == len(values)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in spots)
    ranked = sorted(zip(values, (x for x, _ in spots), strict=True))
    assert all(a <= b for (_, a), (_, b) in itertools.pairwise(ranked))
    assert len({y for _, y in spots}) == len(rows)


# Going on -------------------------------------------------------------------------------


def test_what_is_finished_is_not_done_again(folder, whole, copy, trained):
    before = (copy / "results.jsonl").read_bytes()
    options = {"targets": TARGETS, "methods": METHODS, "seeds": SEEDS}
    again = compare(folder, copy, settings={"scratch": {"steps": 1}}, **options)
    assert trained == []
    assert (copy / "results.jsonl").read_bytes() == before
    assert again.rows == whole.rows


def test_methods_seeds_shots_and_metrics_may_be_added(folder, copy, trained):
    before = lines_of(copy)
    outcome = compare(
        folder,
        copy,
        methods=["transfergan", "ewc"],
        shots=[3, 2],
        seeds=[1],
        metrics=["kid"],
        settings={"ewc": {"fisher_samples": 4, "fisher_cache": False}},
    )
    assert trained == ["transfergan-3-seed1", "ewc-3-seed1", "transfergan-2-seed1", "ewc-2-seed1"]
    after = lines_of(copy)
    assert after[: len(before)] == before
    # What was trained has only been measured again, by what was missing.
    assert [m["metric"] for m in after[len(before)]["metrics"]] == ["fid", "kmmd", "kid"]
    assert after[len(before)]["resumed_at"] == 2
    assert after[len(before)]["metrics"][:2] == before[4]["metrics"]
    assert {(r.method, r.shots): r.done for r in outcome.rows} == {
        (m, s): 1 for m in ("transfergan", "ewc") for s in (3, 2)
    }
    trained.clear()
    compare(folder, copy, seeds=[1, 0], metrics=["kid", "fid"])
    assert trained == ["transfergan-3-seed0"]


@pytest.mark.parametrize("where", ["middle", "letter", "newline"])
def test_a_torn_last_line_is_dropped_and_its_trial_done_again(folder, copy, trained, caplog, where):
    path = copy / "results.jsonl"
    data, records = path.read_bytes(), lines_of(copy)
    last = data.rstrip(b"\n").rindex(b"\n") + 1
    cut = {"middle": (last + len(data)) // 2, "newline": len(data) - 1}
    if where == "letter":
        # An ö of two bytes, of which the first is left.
        data = data[:last] + data[last:].replace(b'"run"', '"rön"'.encode())
        cut["letter"] = data.index("ö".encode(), last) + 1
    path.write_bytes(data[: cut[where]])
    options = {"targets": TARGETS, "methods": METHODS, "seeds": SEEDS}
    compare(folder, copy, settings={"scratch": {"steps": 1}}, **options)
    assert path.read_bytes().endswith(b"\n")
    if where == "newline":
        assert trained == []
        assert lines_of(copy) == records
        return
    assert "The last line of results.jsonl was cut off and has been removed" in caplog.text
    assert trained == ["scratch-3-seed1"]
    assert without_times(lines_of(copy)) == without_times(records)
    assert lines_of(copy)[-1]["resumed_at"] == 1


def test_another_damaged_line_is_refused_with_its_number(folder, copy):
    path = copy / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1][:50] + b"\n", *lines[2:]]))
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"Line 2 of .+results\.jsonl is no result of a trial"):
        compare(folder, copy)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 3}, r"transfergan\.steps 2 -> 3\. Choose another --workdir, or"),
        ({"n": 7}, r"n 6 -> 7\."),
        (
            {"settings": {"transfergan": {"learning_rate": 0.5, "r1_gamma": 1}}},
            r"transfergan\.learning_rate 0\.002 -> 0\.5, transfergan\.r1_gamma 3\.0 -> 1\.0\.",
        ),
        ({"targets": ["noise=pictures:bright"]}, r"targets\.noise\.evaluation \w{8}… -> \w{8}…"),
        ({"targets": ["noise=others:others"]}, r"targets\.noise\.training\.3 \w{8}… -> \w{8}…"),
        ({"source": "other.npz"}, r"source\.discriminator .+, source\.generator .+"),
        ({"precision": "bfloat16"}, r"precision \"float32\" -> \"bfloat16\"\."),
    ],
)
def test_results_of_other_settings_are_refused(folder, copy, trained, changes, message):
    if not (folder / "other.npz").exists():
        keras.utils.set_random_seed(1)
        save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / "other.npz")
    before = {p: p.read_bytes() for p in copy.glob("*.js*")}
    with pytest.raises(UserError, match=f"holds a comparison with other settings: {message}"):
        compare(folder, copy, **changes)
    assert trained == []
    assert {p: p.read_bytes() for p in copy.glob("*.js*")} == before


def test_a_method_of_which_nothing_is_left_may_change(folder, tmp_path):
    def options(rate: float) -> dict:
        return {"methods": METHODS, "settings": {"scratch": {"learning_rate": rate}}}

    assert len(compare(folder, tmp_path / "c", **options(1e30)).failures) == 1
    with pytest.raises(
        UserError, match=r"scratch\.learning_rate 1e\+30 -> 0\.01\..+ Nothing of scr"
    ):
        compare(folder, tmp_path / "c", **options(0.01))
    shutil.rmtree(tmp_path / "c" / Trial("scratch", "noise", 3, 0).folder)
    assert compare(folder, tmp_path / "c", **options(0.01)).failures == {}
    assert [r["method"] for r in lines_of(tmp_path / "c")] == METHODS
    with pytest.raises(UserError, match=r"learning_rate 0\.01 -> 0\.02\. .+ begun with\.$"):
        compare(folder, tmp_path / "c", **options(0.02))


def test_a_workdir_of_something_else_is_refused(folder, whole, tmp_path):
    (tmp_path / "thesis.tex").write_text("all I have")
    with pytest.raises(UserError, match="is not empty and is no run folder"):
        compare(folder, tmp_path)
    with pytest.raises(UserError, match="is the workdir of another run"):
        compare(folder, whole.folder / Trial("scratch", "noise", 3, 0).folder)


def test_ctrl_c_keeps_what_is_finished_and_resumes_within_a_trial(
    folder, whole, tmp_path, trained, monkeypatch
):
    steps: list[int] = []
    step = Trainer.step

    def pressed(self, number):
        result = step(self, number)
        steps.append(number)
        if len(steps) == 3:
            # As the loop does it, between two steps.
            self.checkpoints.save(number + 1)
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Trainer, "step", pressed)
    with pytest.raises(KeyboardInterrupt):
        compare(folder, tmp_path / "c", seeds=[0, 1])
    kept = lines_of(tmp_path / "c")
    assert [record["seed"] for record in kept] == [0]
    page = Page((tmp_path / "c" / "report.html").read_text("utf-8"))
    assert "1 of 2 trials finished" in "".join(page.text)
    assert "1, 1 to do" in page.section("numbers")
    monkeypatch.setattr(Trainer, "step", step)
    compare(folder, tmp_path / "c", seeds=[0, 1])
    assert trained == ["transfergan-3-seed0", *["transfergan-3-seed1"] * 2]
    first, second = lines_of(tmp_path / "c")
    assert first == kept[0]
    assert second["resumed_at"] == 1
    # To the result of one that was not interrupted.
    expected = [r for r in lines_of(whole.folder) if r["run"] == second["run"]]
    assert second["metrics"] == expected[0]["metrics"]


# Failing --------------------------------------------------------------------------------


def test_a_trial_that_fails_leaves_the_others_alone(folder, tmp_path, caplog):
    outcome = compare(
        folder,
        tmp_path / "c",
        methods=METHODS,
        shots=[3, 100],
        settings={"scratch": {"learning_rate": 1e30}},
    )
    assert [r["method"] for r in lines_of(outcome.folder)] == ["transfergan"]
    reasons = {(t.method, t.shots): why for t, why in outcome.failures.items()}
    assert reasons.keys() == {("scratch", 3), ("transfergan", 100), ("scratch", 100)}
    assert reasons["scratch", 3].startswith("Training diverged: ")
    assert reasons["scratch", 100] == (
        "pictures has 6 usable pictures, not 100: add some, or ask for fewer."
    )
    with pytest.raises(UserError, match=r"3 of 4 trials failed\. transfergan on noise, 100 pic"):
        outcome.check()
    assert "scratch on noise, 3 pictures, seed 0 failed: Training diverged" in caplog.text
    for text in (
        (outcome.folder / "results.md").read_text("utf-8"),
        Page((outcome.folder / "report.html").read_text("utf-8")).section("failures"),
    ):
        assert all(f"{trial}: {why}" in text for trial, why in outcome.failures.items())
    assert {(r.method, r.shots): r.seeds() for r in outcome.rows} == {
        ("transfergan", 3): "1",
        ("scratch", 3): "0, 1 failed",
        ("transfergan", 100): "0, 1 failed",
        ("scratch", 100): "0, 1 failed",
    }


def test_an_error_of_the_program_is_told_with_its_traceback(folder, tmp_path, monkeypatch, caplog):
    def broken(*args, workdir, **options):
        if "scratch" in Path(workdir).name:
            raise ZeroDivisionError("by nothing")
        return adapt(*args, workdir=workdir, **options)

    adapt = trials.adaptation.adapt
    monkeypatch.setattr(trials.adaptation, "adapt", broken)
    outcome = compare(folder, tmp_path / "c", methods=["scratch", "transfergan"])
    assert [r["method"] for r in lines_of(outcome.folder)] == ["transfergan"]
    assert list(outcome.failures.values()) == ["ZeroDivisionError: by nothing"]
    assert "in broken" in (outcome.folder / "log.txt").read_text("utf-8")


def test_a_method_without_its_parts_is_known_before(folder, build_tiny, tmp_path):
    gan = build_tiny("dcgan")
    gan.discriminator = None
    with within(folder):
        planned = comparison.plan(
            gan, ["bright"], ["bsa", "ewc"], shots=[3], metrics=["fid"], seeds=[0, 1]
        )
        obstacles = {str(t): planned.obstacle(t) for t in planned.trials()}
    assert obstacles["bsa on bright, 3 pictures, seed 0"] is None
    assert "needs a discriminator" in obstacles["ewc on bright, 3 pictures, seed 1"]
    described = planned.describe()
    assert "ewc on bright, 3 pictures, seed 1: cannot be run: Method 'ewc' needs" in described
    with pytest.raises(UserError, match=r"No trial can be run\. transfergan on noise, .+: Method"):
        compare(folder, tmp_path / "none", source=gan)
    assert not (tmp_path / "none").exists()


def test_too_few_pictures_for_a_metric_are_known_before(folder):
    with within(folder):
        planned = comparison.plan("source.npz", ["bright"], ["bsa"], shots=[7], metrics=["fid"])
        (trial,) = planned.trials()
        assert planned.obstacle(trial) == (
            "fid needs at least 2 evaluation pictures, and bright without its first 7 leaves 1: "
            "give others, as in bright=TRAINING:EVALUATION."
        )
        without = comparison.plan("source.npz", ["bright"], ["bsa"], shots=[8], metrics=["lpips"])
        assert without.obstacle(without.trials()[0]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["ewk"]}, r"Unknown method 'ewk'\. Did you mean 'ewc'\?"),
        ({"metrics": ["fit"]}, r"Unknown metric 'fit'\. Did you mean 'fid'\?"),
        ({"source": "avataars64"}, r"Unknown source 'avataars64'\. Did you mean 'avataaars64'\?"),
        ({"settings": {"transfergan": {"r1": 1}}}, r"Unknown setting of method 'transfergan' 'r1'"),
        ({"settings": {"transfergan": {"steps": 0}}}, "steps and batch_size must be at least 1"),
        ({"targets": ["a=nowhere"]}, r"There is no nowhere\."),
        ({"targets": ["a=pictures:nowhere"]}, r"There is no nowhere\."),
        ({"targets": ["pictures", "pictures:others"]}, "Two targets are called 'pictures'"),
        ({"targets": []}, "There is no target"),
        ({"n": 1}, "fid needs at least 2 samples, not 1"),
        ({"shots": [0]}, "shots must be 1 or more, not 0"),
        ({"seeds": [-1]}, "seeds must be 0 or more, not -1"),
    ],
)
def test_what_is_wrong_for_all_is_said_before_anything_starts(folder, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        compare(folder, tmp_path / "c", **changes)
    assert not (tmp_path / "c").exists()


# Targets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("toons=a/b:c/d", ("toons", "a/b", "c/d")),
        ("toons=a/b", ("toons", "a/b", None)),
        ("a/my toons/", ("my-toons", "a/my toons/", None)),
        ("some/toons.zip:c", ("toons.zip", "some/toons.zip", "c")),
        ("toon-head", ("toon-head", "toon-head", None)),
        ("d=tfds:x/y:train", ("d", "tfds:x/y:train", None)),
        ("d=tfds:x:train::tfds:x:test", ("d", "tfds:x:train", "tfds:x:test")),
        ("a:b=c", ("a:b=c", "a:b=c", None)),
    ],
)
def test_targets_are_read(text, expected, tmp_path):
    (tmp_path / "a:b=c").mkdir()
    with within(tmp_path):
        if text == "a:b=c":
            assert Target.parse(text) == Target("a-b-c", text)
        else:
            assert Target.parse(text) == Target(*expected)


@pytest.mark.parametrize("text", ["=a", "a b=c", "x=", "", "/", ".."])
def test_targets_without_a_name_or_place_are_refused(text):
    with pytest.raises(UserError, match="NAME=TRAINING"):
        Target.parse(text)


def test_bundled_samples_are_found_by_name_unless_there_is_a_folder(folder, tmp_path):
    with within(tmp_path):
        domain = Target.parse("toon-head").load(16, 10)
        assert (len(domain.training), len(domain.reference)) == (10, 15)
        (tmp_path / "toon-head").mkdir()
        Image.new("RGB", (16, 16)).save(tmp_path / "toon-head" / "0.png")
        assert len(Target.parse("toon-head").load(16, 10).training) == 1
        for text in ("toon-heads", "x/toon-head"):
            with pytest.raises(UserError, match="There is no"):
                Target("a", text).load(16, 10)


def test_pictures_that_are_trained_on_and_measured_with_are_told(folder):
    with within(folder):
        domain = Target("a", "pictures", "pictures").load(16, 4)
        assert any("4 of 6 evaluation pictures are equal to training" in n for n in domain.notes)
        assert Target("a", "pictures", "others").load(16, 4).notes == []


# The command ----------------------------------------------------------------------------


def in_fork(folder: Path, *flags: object) -> Done:
    return forks().python(EAGERLY + MEANS + COMMAND, "compare", *flags, cwd=folder)


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--workdir=x"], r"--targets is missing: .+toon-head\."),
        (["--targets=toon-head"], r"--workdir is missing: .+"),
        (["--shots=ten"], r"--shots=ten: whole numbers from 1 on.+"),
        (["--shots=10,0"], r"--shots=10,0: whole numbers from 1 on.+"),
        (["--seeds=0,-1"], r"--seeds=0,-1: whole numbers from 0 on.+"),
        (["--steps=0"], r"flag --steps=0: .+"),
        (["--set=steps"], r"--set=steps: write METHOD\.SETTING=VALUE\."),
        (["--set=ewk.steps=3"], r"Unknown method of --set 'ewk'\. Did you mean 'ewc'\? .+"),
        (
            ["--set=ewc.stepz=3"],
            r"Unknown setting of method 'ewc' 'stepz'\. Did you mean 'steps'.+",
        ),
        (["--set=stepz=3"], r"Unknown setting of transfergan, ewc, bsa 'stepz'\. Did you mean .+"),
        (["--set=ewc.augment=no"], r"Unknown augment 'no'\. Did you mean 'none'\? Known: .+"),
        (["--batch_size=few"], r"batch_size must be a whole number \(default 8\), not 'few'\."),
        (["--bath_size=3"], r"Unknown flag --bath_size\. Did you mean --batch_size \(a setting .+"),
        (["--iterations=3"], r"Unknown flag --iterations\. .+"),
        (["--methods=ewk"], r"Unknown method 'ewk'\. Did you mean 'ewc'\? Known: .+"),
    ],
)
def test_flags_that_are_wrong_are_told_at_once(arguments, pattern, tmp_path):
    given = [] if "missing" in pattern else ["--targets=toon-head", "--workdir=x"]
    done, _ = command("compare", *given, *arguments, cwd=tmp_path)
    check_refused(done, pattern)
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_table_and_goes_on(folder, tmp_path):
    flags = [*SMALL, "--targets=noise=pictures:others", f"--workdir={tmp_path / 'c'}"]
    # What names one method wins, wherever it stands.
    flags += ["--set=scratch.steps=1", "--set=clip_images=false", "--set=scratch.beta_1=0.25"]
    flags += ["--learning_rate", "0.003", "--beta_1=0.5", "--mirror"]
    done = in_fork(folder, *flags)
    assert done.code == 0, done.stderr
    *table, page = done.stdout.splitlines()
    steps = [("transfergan", "2"), ("scratch", "1")]
    assert page == str(tmp_path / "c" / "report.html")
    assert [re.split(r"  +", line)[:5] for line in table] == [
        ["target", "pictures", "method", "steps", "seeds"],
        ["noise", "3", "(training pictures)", "–", "–"],
        ["noise", "3", "(unseen pictures)", "–", "–"],
        *(["noise", "3", method, number, "1"] for method, number in steps),
    ]
    records = lines_of(tmp_path / "c")
    for record, beta_1 in zip(records, (0.5, 0.25), strict=True):
        expected = {"clip_images": False, "learning_rate": 0.003, "beta_1": beta_1, "mirror": True}
        assert expected.items() <= record["settings"].items()
    assert "is left as it is" not in done.stderr
    again = in_fork(folder, *flags)
    assert again.stdout == done.stdout
    assert not any("Trial" in line for line in said(again))
    assert lines_of(tmp_path / "c") == records
    other = in_fork(folder, *flags, "--set=transfergan.r1_gamma=1")
    check_refused(other, r".+ other settings: transfergan\.r1_gamma 3\.0 -> 1\.0\. Choose .+")


def test_the_command_ends_with_2_where_trials_failed(folder, tmp_path):
    flags = [*SMALL, "--targets=bright", f"--workdir={tmp_path / 'c'}"]
    done = in_fork(folder, *flags, "--set=transfergan.learning_rate=1e30")
    assert done.code == 2
    assert re.fullmatch(
        r"Error: 1 of 2 trials failed\. transfergan on bright, .+ diverged: .+", said(done)[-1]
    )
    assert re.search(r"^bright +3 +transfergan +2 +0, 1 failed +– +–$", done.stdout, re.M)
    assert re.search(r"^bright +3 +scratch +2 +1 +\d.+", done.stdout, re.M)


def test_a_dry_run_writes_nothing(folder, tmp_path):
    flags = [*SMALL, "--targets=bright", "--seeds=3,4", "--set=scratch.r1_gamma=1", "--dry_run"]
    before = sorted(folder.rglob("*"))
    done = in_fork(folder, *flags, f"--workdir={tmp_path / 'c'}")
    assert done.code == 0, done.stderr
    assert sorted(folder.rglob("*")) == before
    assert not (tmp_path / "c").exists()
    assert re.search(r"^target +bright: 3 training pictures .+ 5 evaluation", done.stdout, re.M)
    assert re.search(r"^method +scratch: 2 steps, .*r1_gamma=1", done.stdout, re.M)
    assert done.stdout.splitlines()[-1] == "trial 4   scratch on bright, 3 pictures, seed 4"


def test_a_setting_is_for_the_methods_that_have_it(folder, tmp_path):
    flags = ["--methods=ewc,bsa,nst", "--source=source.npz", "--targets=bright", "--shots=3"]
    flags += ["--ewc_strength=5", "--learning_rate=0.5", "--batch_size=2", "--steps=3"]
    flags += ["--metrics=fid", "--dry_run"]
    done = in_fork(folder, *flags)
    assert done.code == 0, done.stderr
    assert said(done) == [
        "bsa has no setting ewc_strength and is left as it is.",
        "nst has no setting ewc_strength and is left as it is.",
        "nst has no setting learning_rate and is left as it is.",
    ]
    methods = re.findall(r"^method +(.+)$", done.stdout, re.M)
    assert methods == [
        "ewc: 3 steps, ewc_strength=5.0, learning_rate=0.5, batch_size=2",
        "bsa: 3 steps, learning_rate=0.5, batch_size=2",
        "nst: 3 steps, batch_size=2",
    ]


@pytest.mark.download
def test_all_metrics_and_a_method_that_sees_through_a_network(tmp_path, monkeypatch):
    """BSA on bundled pictures, with the default metrics and their networks."""
    monkeypatch.setitem(features.EXTRACTORS, "efficientnet_lite0", LITE0)
    for name, value in CACHE.items():
        monkeypatch.setenv(name, value)
    if not CACHE:
        monkeypatch.delenv("TF_FEWSHOT_CACHE")
    keras.utils.set_random_seed(0)
    gan = backbones.build("dcgan", resolution=32, latent_dim=8, widths=[8, 8, 8])
    gan.discriminator = None
    outcome = compare(
        tmp_path,
        tmp_path / "c",
        source=gan,
        targets=["toon-head"],
        methods=["bsa", "transfergan"],
        metrics=comparison.DEFAULT_METRICS,
    )
    (record,) = lines_of(outcome.folder)
    values = {m["metric"]: m["value"] for m in record["metrics"]}
    assert list(values) == list(comparison.DEFAULT_METRICS)
    assert np.isfinite(list(values.values())).all()
    (why,) = outcome.failures.values()
    assert why.startswith("Method 'transfergan' needs a discriminator")
    charts = Page((outcome.folder / "report.html").read_text("utf-8")).all("svg")
    assert len(charts) == 5
    markdown = (outcome.folder / "results.md").read_text("utf-8")
    assert "intra-LPIPS, nearest LPIPS: features of lpips_alex." in markdown
    assert "toon-head: compared with 22 pictures of " in markdown
