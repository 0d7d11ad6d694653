"""The benchmark of a run's start: its parts, not their timings."""

import json

import pytest

from tf_fewshot.benchmarking import measure
from tf_fewshot.benchmarking.analyses import Seconds
from tf_fewshot.benchmarking.measure import Measurements, benchmark
from tf_fewshot.benchmarking.starting import REST, STEP, Start, measure_start
from tf_fewshot.errors import UserError
from tf_fewshot.weights.native.gan_file import save_gan

_PARTS = ["import", "source", "pictures", "precision", "networks", "first samples"]
_PARTS = [*_PARTS, "trace and memory", REST, STEP]


@pytest.fixture
def source(tiny_dcgan, tmp_path):
    save_gan(tiny_dcgan, tmp_path / "source.npz")
    return str(tmp_path / "source.npz")


def test_a_start_is_timed_by_its_parts(source):
    start = measure_start(source, "transfergan", 2, again=False, repeats=1)
    assert list(start.parts) == _PARTS
    timed = [seconds for name, seconds in start.parts.items() if name != REST]
    # The main thread cannot be busy for longer than it takes, but for what clocks differ by.
    assert all(0.0 < s.processor <= s.wall + 0.1 for s in timed), start
    assert abs(start.parts[REST].wall) < start.before.wall / 2
    known = sum(seconds.wall for name, seconds in start.parts.items() if name != STEP)
    assert start.before.wall == pytest.approx(known)
    record = start.record()
    assert list(record) == [*_PARTS, "before"]
    assert json.loads(json.dumps(record)) == record
    assert str(start).startswith("the first step begins after ")


@pytest.mark.large
def test_a_later_start_knows_its_precision(source, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "_STARTS", ("transfergan",))
    said = []
    kinds = Measurements(kinds=("start",), precisions=(), batch_size=2, repeats=1)
    ((_, record),) = benchmark([source], [], kinds, said.append)
    first, again = (record["start"]["transfergan"][which] for which in ("first", "again"))
    assert again["precision"]["processor"] < first["precision"]["processor"] / 4
    assert [line.split(":")[0].strip() for line in said[1:]] == [
        "transfergan, first",
        "transfergan, again",
    ]


def test_a_run_that_cannot_begin_says_why(tmp_path):
    with pytest.raises(UserError, match=r"no\.npz could not be adapted in a process of its own: "):
        measure_start(str(tmp_path / "no.npz"), "transfergan", 2, again=False, repeats=1)


def test_the_first_step_is_not_before_itself():
    start = Start({"import": Seconds(2.0, 1.0), STEP: Seconds(5.0, 5.0), REST: Seconds(1.0, 0.5)})
    assert start.before == Seconds(3.0, 1.5)
