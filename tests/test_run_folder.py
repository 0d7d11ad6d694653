"""The run folder and the status line."""

import io
import json
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot.errors import UserError
from tf_fewshot.training.run_folder import RunFolder, fakes_name
from tf_fewshot.training.status import StatusLine, duration

IDENTITY = {"method": "ewc", "source": "avataaars64", "seed": 0, "batch_size": 8}


def begin(path, **changes):
    """Opens and closes a run."""
    settings = changes.pop("settings", None)
    RunFolder.open(path, {**IDENTITY, **changes}, settings).close()


# Whose folder it is ------------------------------------------------------------------


def test_config_holds_identity_settings_and_versions(tmp_path):
    begin(tmp_path / "a" / "run", settings={"steps": 500, "betas": (0.0, 0.99)})
    config = json.loads((tmp_path / "a" / "run" / "config.json").read_text())
    assert config["identity"] == IDENTITY
    assert config["settings"] == {"steps": 500, "betas": [0.0, 0.99]}
    assert config["versions"]["tensorflow"] == tf.__version__
    assert config["versions"]["python"].split(".")[:2] == [str(n) for n in sys.version_info[:2]]


def test_the_same_run_opens_again_and_steps_may_grow(tmp_path):
    begin(tmp_path, settings={"steps": 500})
    begin(tmp_path, settings={"steps": 900})
    assert RunFolder(tmp_path).config["settings"] == {"steps": 900}
    begin(tmp_path)
    assert RunFolder(tmp_path).config["settings"] == {"steps": 900}


def test_another_run_is_refused_with_every_field_that_differs(tmp_path):
    begin(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(UserError) as caught:
        RunFolder.open(tmp_path, {"method": "bsa", "source": "avataaars64", "seed": 0, "data": 1})
    message = str(caught.value)
    assert "workdir of another run" in message
    assert "--workdir" in message
    assert 'method "ewc" -> "bsa"' in message
    assert "batch_size 8 -> (none)" in message
    assert "data (none) -> 1" in message
    assert "seed" not in message
    assert "avataaars64" not in message
    assert "\n" not in message
    assert (tmp_path / "config.json").read_bytes() == before
    begin(tmp_path)  # the refusal gave the lock back


def test_a_run_from_before_a_setting_goes_on_with_its_default_alone(tmp_path):
    RunFolder.open(tmp_path, IDENTITY).close()
    with pytest.raises(UserError, match="another run: later \\(none\\) -> 0"):
        RunFolder.open(tmp_path, {**IDENTITY, "later": 0})
    with pytest.raises(UserError, match="another run: later 0 -> 4"):
        RunFolder.open(tmp_path, {**IDENTITY, "later": 4}, defaults={"later": 0})
    # A default makes up for nothing that was recorded.
    seed = IDENTITY["seed"] + 1
    with pytest.raises(UserError, match="another run: seed"):
        RunFolder.open(tmp_path, {**IDENTITY, "seed": seed}, defaults={"seed": seed})
    RunFolder.open(tmp_path, {**IDENTITY, "later": 0}, defaults={"later": 0}).close()


def test_fingerprints_that_differ_at_their_end_are_told_apart(tmp_path):
    begin(tmp_path, data="a" * 99 + "b")
    with pytest.raises(UserError, match=r'a{99}b" -> "a{99}c"'):
        begin(tmp_path, data="a" * 99 + "c")


def test_changed_versions_are_logged(tmp_path):
    begin(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["versions"]["keras"] = "2.0"
    (tmp_path / "config.json").write_text(json.dumps(config))
    begin(tmp_path)
    assert 'keras "2.0" -> ' in (tmp_path / "log.txt").read_text()
    assert RunFolder(tmp_path).config["versions"]["keras"] != "2.0"


def test_nothing_is_written_among_foreign_files(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not empty.*'thesis.txt'.*--workdir"):
        begin(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_what_a_crash_at_the_start_leaves_is_not_foreign(tmp_path):
    for name in (".lock", ".DS_Store", ".config-0123abcd.tmp.json"):
        (tmp_path / name).touch()
    begin(tmp_path)
    assert (tmp_path / "config.json").exists()


def test_what_a_crash_later_leaves_goes_when_the_run_is_opened_again(tmp_path):
    begin(tmp_path)
    left = [".fakes000400-0123abcd.tmp.png", ".run-0123abcd.tmp/a.npz", ".run-0123abcd.tmp.old/b"]
    # The new folder had not got its name yet when the process was killed.
    left += [".adapter-0123abcd.tmp/new.npz", ".adapter-0123abcd.tmp.old/adapter.npz"]
    stay = [".mine.tmp", ".mine-01234567.tmpl", "run/weights.npz", ".tmp-0123abcd/x"]
    for name in (*left, *stay):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    before = set(os.listdir(tmp_path))
    begin(tmp_path)
    gone = {Path(name).parts[0] for name in left}
    assert set(os.listdir(tmp_path)) == before - gone | {"adapter", "log.txt"}
    assert os.listdir(tmp_path / "adapter") == ["adapter.npz"]
    assert "adapter was being replaced" in (tmp_path / "log.txt").read_text("utf-8")
    assert os.listdir(tmp_path / "run") == ["weights.npz"]


def test_a_file_is_no_workdir(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        begin(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"identity": {"me', "damaged"),
        ("\x00\x01", "damaged"),
        ("[]", "not the configuration of a run"),
        ('{"name": "other tool"}', "not the configuration of a run"),
    ],
)
def test_a_config_that_is_not_ours_or_damaged_is_told(tmp_path, text, what):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=what):
        begin(tmp_path)
    assert os.listdir(tmp_path) == ["config.json"]


def test_reading_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(UserError, match=r"no config\.json"):
        _ = RunFolder(tmp_path).config


# One process at a time ---------------------------------------------------------------

HOLD = textwrap.dedent("""
    import sys
    from tf_fewshot.training.run_folder import RunFolder
    run = RunFolder.open(sys.argv[1], {"seed": 0})
    assert "tensorflow" not in sys.modules
    print("open", flush=True)
    sys.stdin.readline()
""")


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=rf"Another process \({holder.pid}\) is running"):
            RunFolder.open(tmp_path, {"seed": 0})
        holder.kill()  # a crash leaves no lock behind
        holder.wait()
    RunFolder.open(tmp_path, {"seed": 0}).close()


def test_the_same_process_is_told_that_it_holds_the_folder_itself(tmp_path):
    with RunFolder.open(tmp_path, {}), pytest.raises(UserError, match="already open in this"):
        RunFolder.open(tmp_path, {})
    RunFolder.open(tmp_path, {}).close()


# What happens --------------------------------------------------------------------------


def test_log_keeps_lines_with_time_and_shows_them(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="tf_fewshot"):
        RunFolder(tmp_path).log("one\ntwo é")
    assert caplog.messages == ["one\ntwo é"]
    lines = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two é"]
    assert all(line[10] == "T" and line[19] in "+-" for line in lines)


def test_log_goes_to_standard_error_where_nobody_set_up_logging(tmp_path):
    code = (
        "import sys; from tf_fewshot.training.run_folder import RunFolder as R\n"
        "R(sys.argv[1]).log('seen'); import logging\n"
        "logging.basicConfig(format='app %(message)s'); R(sys.argv[1]).log('again')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "seen\napp again\n")


def test_stats_come_back_as_numbers(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert run.stats() == []
    run.append_stats(1, {"g": np.float32(0.5), "n": 3, "t": tf.constant(2.0)})
    run.append_stats(np.int64(2), {"g": 0.25})
    assert run.stats() == [{"step": 1, "g": 0.5, "n": 3, "t": 2.0}, {"step": 2, "g": 0.25}]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("-inf")])
def test_stats_that_are_not_finite_are_refused(tmp_path, value):
    run = RunFolder(tmp_path)
    with pytest.raises(ValueError, match="step 7 are not finite: g"):
        run.append_stats(7, {"d": 1.0, "g": value})
    assert run.stats() == []


@given(steps=st.lists(st.integers(1, 30)), at=st.integers(0, 31))
def test_truncation_keeps_what_a_run_to_that_step_had(tmp_path_factory, steps, at):
    run = RunFolder(tmp_path_factory.mktemp("run"))
    for step in sorted(steps):
        run.append_stats(step, {"loss": step / 7})
        run.add_metric({"metric": "fid", "value": step * 1.5, "step": step})
    run.truncate_stats(at)
    kept = [step for step in sorted(steps) if step <= at]
    assert run.stats() == [{"step": step, "loss": step / 7} for step in kept]
    assert [record["step"] for record in run.metrics()] == kept


def test_a_line_cut_off_by_a_crash_is_dropped_and_the_next_is_whole(tmp_path):
    begin(tmp_path)
    (tmp_path / "stats.jsonl").write_text('{"step": 1, "g": 1.0}\n{"step": 2, "g": 0.')
    (tmp_path / "metric-fid.jsonl").write_text('{"metric": "fid", "value": 3}')
    with RunFolder.open(tmp_path, IDENTITY) as run:
        run.append_stats(2, {"g": 0.5})
        run.add_metric({"metric": "fid", "value": 2})
        assert run.stats() == [{"step": 1, "g": 1.0}, {"step": 2, "g": 0.5}]
        assert [record["value"] for record in run.metrics()] == [3, 2]


def test_metrics_lie_in_a_file_each(tmp_path):
    run = RunFolder(tmp_path)
    run.add_metric({"metric": "fid", "value": 1.0})
    run.add_metric({"metric": "../kid x", "value": 2.0})
    assert sorted(os.listdir(tmp_path)) == ["metric-.._kid_x.jsonl", "metric-fid.jsonl"]


def test_grids_are_pngs_of_the_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 5, 3), dtype=np.uint8)
    run = RunFolder(tmp_path)
    assert run.save_grid(fakes_name(400), images, columns=3) == tmp_path / "fakes000400.png"
    grid = np.asarray(Image.open(run.fakes_path(400)))
    assert grid.shape == (2 * 9 + 1, 3 * 6 + 1, 3)
    np.testing.assert_array_equal(grid[10:18, 7:12], images[4])


def test_tensorboard_events_hold_scalars_and_pictures(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    for start in (0, 2):
        with RunFolder.open(tmp_path, {}) as run:
            run.events.scalars(start + 1, {"generator/loss": 0.5, "n": 3})
            run.events.image(start + 2, "fakes", image)
            run.events.flush()
    written = []
    for path in sorted((tmp_path / "tensorboard").iterdir()):
        for raw in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(raw.numpy())
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                written.append((event.step, value.tag, plugin, tf.make_ndarray(value.tensor)))
    assert sorted(item[:3] for item in written) == [
        (1, "generator/loss", "scalars"),
        (1, "n", "scalars"),
        (2, "fakes", "images"),
        (3, "generator/loss", "scalars"),
        (3, "n", "scalars"),
        (4, "fakes", "images"),
    ]
    values = {item[:2]: item[3] for item in written}
    assert values[1, "generator/loss"] == np.float32(0.5)
    width, height, png = values[4, "fakes"]
    assert (width, height) == (b"6", b"4")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), image)


# The status line -------------------------------------------------------------------------


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_rate_and_eta_leave_out_the_first_step():
    clock, stream = Clock(), io.StringIO()
    status = StatusLine(total=101, batch_size=8, stream=stream, clock=clock)
    clock.now += 60.0  # compiling
    status.update(1, {"generator/loss": 0.51234})
    assert status.images_per_second is None
    for step in range(2, 62):
        clock.now += 0.5
        status.update(step, {"generator/loss": 0.51234})
    assert status.images_per_second == pytest.approx(16.0)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "step   1/101 (0%)  G loss 0.5123  elapsed 1:00"
    assert lines[1:] == ["step  61/101 (60%)  G loss 0.5123  16.0 img/s  ETA 0:20  elapsed 1:30"]


def test_rate_follows_the_last_half_minute():
    clock = Clock()
    status = StatusLine(total=10_000, batch_size=1, start=500, stream=io.StringIO(), clock=clock)
    for step in range(501, 701):
        clock.now += 1.0 if step < 601 else 0.5
        status.update(step)
    assert status.images_per_second == pytest.approx(2.0)


def test_steps_slower_than_the_window_still_have_a_rate():
    clock = Clock()
    status = StatusLine(total=9, batch_size=2, stream=io.StringIO(), clock=clock)
    for step in range(1, 5):
        clock.now += 100.0
        status.update(step)
    assert status.images_per_second == pytest.approx(0.02)


def test_a_pipe_gets_the_last_step_and_no_control_characters():
    clock, stream = Clock(), io.StringIO()
    status = StatusLine(total=3, batch_size=1, stream=stream, clock=clock)
    for step in (1, 2, 3):
        clock.now += 1.0
        status.update(step)
    status.clear()
    status.close()
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["1/3", "3/3"]
    assert not {"\r", "\x1b"} & set(stream.getvalue())
    assert "ETA" not in stream.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_terminal_has_one_line_no_wider_than_itself(width):
    clock, stream = Clock(), Terminal()
    status = StatusLine(total=500, batch_size=8, stream=stream, clock=clock, width=width)
    values = {"discriminator/real": 0.1, "discriminator/loss": 1.0, "generator/loss": 2.0}
    for step in range(1, 101):
        clock.now += 0.1
        status.update(step, values)
    status.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    shown = [part.removesuffix("\x1b[K") for part in text.strip().split("\r")[1:]]
    assert 40 <= len(shown) <= 60  # not more than five a second
    assert max(map(len, shown)) < width
    assert "step 100/500 (20%)" in shown[-1]
    if width >= 80:
        assert "D loss 1  G loss 2" in shown[-1]
        assert "ETA 0:40" in shown[-1]
    assert ("D real 0.1" in shown[-1]) == (width == 200)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (65.4, "1:05"), (7209, "2:00:09"), (93609, "1d 02:00:09"), (59.6, "1:00")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
