"""The training loop: resuming, stopping, failing, and what it tells on the way."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tf_fewshot import backbones, methods
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.methods.problem import Problem
from tf_fewshot.training import precision
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.checkpoint import Checkpoints
from tf_fewshot.training.ema import EMA
from tf_fewshot.training.loop import Schedule, Trainer
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import COMMAND, Done, forks

# A few steps take less time than tracing their graphs, which are used where they matter.
EAGERLY = "import tensorflow as tf; tf.config.run_functions_eagerly(True)\n"


@pytest.fixture
def eagerly() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def source() -> backbones.GAN:
    keras.utils.set_random_seed(0)
    return backbones.build("dcgan", **TINY["dcgan"])


class StoppedError(Exception):
    """What ends a run in the middle in these tests."""


class At(keras.callbacks.Callback):
    """Calls ``what(self)`` at the end of the given step, counted from 1."""

    def __init__(self, step: int, what: Callable[[keras.callbacks.Callback], None]):
        super().__init__()
        self._step, self._what = step, what

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self._step:
            self._what(self)


def stop(callback: keras.callbacks.Callback) -> None:
    raise StoppedError


def adapt(source, images, workdir, method="transfergan", **options) -> tff.AdaptationRun:
    options = {"steps": 6, "batch_size": 4, "precision": "float32", "seed": 3} | options
    return tff.adapt(source, images, method, workdir=workdir, **options)


def steps_kept(workdir: Path) -> list[int]:
    return sorted(int(p.stem.removeprefix("step")) for p in (workdir / "checkpoints").iterdir())


def everything(workdir: Path) -> dict[str, bytes]:
    """What a run is: its losses, weights, adapter and pictures, bit by bit."""
    files = [workdir / "stats.jsonl", workdir / "adapter" / "adapter.npz", *workdir.glob("*.png")]
    contents = {path.name: path.read_bytes() for path in files}
    with np.load(max((workdir / "checkpoints").iterdir())) as arrays:
        contents |= {name: arrays[name].tobytes() for name in arrays.files}
    return contents


def differences(one: Path, other: Path) -> list[str]:
    first, second = everything(one), everything(other)
    assert first.keys() == second.keys()
    return [name for name in first if first[name] != second[name]]


def make_trainer(source: backbones.GAN, images: np.ndarray, folder: Path, **options) -> Trainer:
    """A trainer of TransferGAN on a copy of the source."""
    method = methods.get("transfergan").with_settings(batch_size=4)
    problem = Problem(source.clone(), source, images, 4, seed=3, say=lambda line: None)
    return trainer(assemble(method, problem), Batches(Pictures(images), 4, 3), folder, **options)


# What the discriminator is shown ------------------------------------------------------------


@pytest.mark.parametrize("clip", [False, True])
def test_clipped_images_tell_the_generator_nothing_beyond_white(
    clip, tiny_stylegan, images, tmp_path, eagerly
):
    gan = tiny_stylegan
    gan.generator.to_rgb["16"].bias.assign([50.0] * 3)
    before = [v.numpy() for v in gan.generator.trainable_weights]
    method = methods.get("transfergan").with_settings(batch_size=4, clip_images=clip)
    problem = Problem(gan, gan.clone(), images, 4, seed=3, say=lambda line: None)
    loop = trainer(assemble(method, problem), Batches(Pictures(images), 4, 3), tmp_path)
    loop.run(Schedule(1, 100), lambda step, numbers: None)
    after = [v.numpy() for v in gan.generator.trainable_weights]
    assert all(map(np.array_equal, before, after)) is clip


# Callbacks ------------------------------------------------------------------------------


def test_callbacks_that_cannot_be_called_are_refused_first(source, images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    board = keras.callbacks.TensorBoard(tmp_path / "logs")
    for callback, message in [
        (board, r"needs the package tensorboard, which is not installed: pip install tensorboard"),
        (At, "must be Keras callbacks, not type"),
        (print, "must be Keras callbacks, not builtin_function_or_method"),
    ]:
        with pytest.raises(UserError, match=message):
            adapt(source, images, tmp_path / "run", callbacks=[callback])
    assert not (tmp_path / "run").exists()


# Memory ---------------------------------------------------------------------------------


def test_a_step_that_the_memory_does_not_hold(source, images, tmp_path):
    class Huge(Batches):
        def __getitem__(self, step):
            indices, shown, labels = super().__getitem__(step)
            # A view of few bytes, which TensorFlow makes a terabyte of.
            return indices, np.broadcast_to(shown[:1], (1 << 30, 16, 16, 3)), labels

    loop = make_trainer(source, images, tmp_path)
    loop.batches = Huge(Pictures(images), 4, 3)
    with pytest.raises(UserError, match=r"does not hold what step 1 computes.*Lower batch_size"):
        loop.run(Schedule(1, 100))


# Resuming -------------------------------------------------------------------------------


def check_resumed(source, images, folder: Path, method: str, steps: int = 4, **options) -> None:
    """Compares steps at once with as many of which those behind the checkpoint are run twice.

    Of 12 steps these are the 10th, whose losses are written, and the 11th; of 4 the third.
    """
    kept, logged = (9, [10]) if steps == 12 else (2, [])
    options |= {"steps": steps, "checkpoint_every": kept, "pictures_every": steps // 2}
    adapt(source, images, folder / "straight", method, **options)
    with pytest.raises(StoppedError):
        adapt(source, images, folder / "halves", method, callbacks=[At(steps - 1, stop)], **options)
    # It had written losses, and resumes before them.
    assert [r["step"] for r in tff.adaptation.RunFolder(folder / "halves").stats()] == logged
    assert steps_kept(folder / "halves") == [kept]
    run = adapt(source, images, folder / "halves", method, **options)
    assert f"Going on from step {kept}." in (folder / "halves" / "log.txt").read_text("utf-8")
    assert differences(folder / "straight", folder / "halves") == []
    lines = (run.folder / "stats.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [*logged, steps]
    assert run.gan.fingerprint() != source.fingerprint()


def test_a_resumed_run_is_the_uninterrupted_one(source, images, tmp_path, eagerly):
    """Elastic weight consolidation: two players, lazy R1, a penalty, a moving average."""
    check_resumed(source, images, tmp_path, "ewc", 12, fisher_samples=4, fisher_cache=False)


@pytest.mark.download
def test_a_resumed_reconstruction_is_the_uninterrupted_one(source, images, tmp_path, eagerly):
    """Batch statistics adaptation: a latent table with its optimizer, falling rates, noise."""
    check_resumed(source, images, tmp_path, "bsa", latent_learning_rate=0.05, rate_decay_steps=2)


@pytest.mark.download
def test_a_resumed_feature_discriminator_is_the_uninterrupted_one(
    source, images, tmp_path, eagerly
):
    """A third player, whose weights belong to no network of the GAN."""
    check_resumed(source, images, tmp_path, "transfergan", feature_weight=1.0)


def test_a_finished_run_is_not_trained_again(source, images, tmp_path, eagerly):
    adapt(source, images, tmp_path / "run")
    before = everything(tmp_path / "run")
    adapt(source, images, tmp_path / "run", callbacks=[At(step, stop) for step in range(1, 9)])
    assert everything(tmp_path / "run") == before
    # More steps go on where it ended.
    run = adapt(source, images, tmp_path / "run", steps=8)
    assert run.adapter.settings["steps"] == 8
    assert steps_kept(tmp_path / "run") == [6, 8]
    assert "at once" not in (tmp_path / "run" / "log.txt").read_text("utf-8")


@pytest.mark.download
def test_a_run_whose_rates_fall_over_it_says_what_more_steps_do(source, images, tmp_path, eagerly):
    for steps in (1, 1, 2):
        adapt(source, images, tmp_path / "run", "bsa", steps=steps)
    log = (tmp_path / "run" / "log.txt").read_text("utf-8")
    assert log.count("The run had 1 steps and has 2 steps now.") == 1
    assert log.count("the result is not that of 2 steps at once") == 1


def test_the_workdir_of_another_run_is_refused(source, images, tmp_path, eagerly):
    workdir = tmp_path / "run"
    adapt(source, images, workdir, steps=1)
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    other = source.clone()
    other.generator.weights[0].assign_add(tf.ones_like(other.generator.weights[0]))
    for changed, name in (
        (lambda: adapt(source, images, workdir, seed=4), "seed 3 -> 4"),
        (lambda: adapt(source, images, workdir, batch_size=2), "batch_size 4 -> 2"),
        (lambda: adapt(source, images[::-1], workdir), "data_fingerprint"),
        (lambda: adapt(other, images, workdir), "source_fingerprint"),
        (lambda: adapt(source, images, workdir, "scratch"), 'method "transfergan" -> "scratch"'),
    ):
        with pytest.raises(UserError, match="is the workdir of another run") as caught:
            changed()
        assert name in str(caught.value)
    now = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    assert now == before


# Processes that end before they should -----------------------------------------------------


@dataclasses.dataclass
class World:
    """A folder with a source and pictures, and processes that train there."""

    folder: Path

    def adapt(
        self, workdir: str, *flags: str, steps: int = 6, before: str = EAGERLY, after: str = ""
    ) -> Done:
        command = ["adapt", "--source=source.npz", "--data=pictures.npy", "--method=transfergan"]
        command += [f"--config.steps={steps}", "--config.batch_size=4", f"--workdir={workdir}"]
        command += ["--precision=float32", "--checkpoint_every=2", *flags]
        return forks().python(f"{before}{COMMAND}\n{after}", *command, cwd=self.folder)


@pytest.fixture(scope="module")
def world(source, images, tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    save_gan(source, folder / "source.npz")
    np.save(folder / "pictures.npy", images)
    return World(folder)


@pytest.fixture(scope="module")
def straight(world) -> Path:
    """Six steps without any interruption."""
    done = world.adapt("straight")
    assert done.code == 0, done.stderr
    return world.folder / "straight"


# Does something before or after the checkpoint of step 4.
AT_STEP_4 = """
import numpy as np, os, resource, signal, threading
from tf_fewshot.training.checkpoint import Checkpoints
save = Checkpoints.save
def saving(self, step):
    if step == 4:
        {before}
    save(self, step)
    if step == 4:
        {after}
Checkpoints.save = saving
"""
# The signal arrives while the fifth step computes, and not before it.
WITHIN_STEP_5 = """
import os, signal, threading
from tf_fewshot.training.loop import Trainer
stepped = Trainer._stepped
def stepping(self, step):
    if step == 4:
        threading.Timer(0.003, os.kill, (os.getpid(), signal.{name})).start()
    return stepped(self, step)
Trainer._stepped = stepping
"""
HALF_WRITTEN = """
import io, os, signal
import numpy as np
savez = np.savez
def half(file, *args, **arrays):
    if ".step0000004" not in str(file):
        return savez(file, *args, **arrays)
    whole = io.BytesIO()
    savez(whole, *args, **arrays)
    with open(file, "wb") as partial:
        partial.write(whole.getvalue()[: len(whole.getvalue()) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
np.savez = half
"""


def resumed(world: World, workdir: str, step: int) -> None:
    done = world.adapt(workdir)
    assert done.code == 0, done.stderr
    assert f"Going on from step {step}." in done.stderr
    assert differences(world.folder / "straight", world.folder / workdir) == []


def test_killed_while_it_writes_a_checkpoint(world, straight):
    done = world.adapt("killed", before=EAGERLY + HALF_WRITTEN)
    assert done.code == -signal.SIGKILL
    checkpoints = world.folder / "killed" / "checkpoints"
    left = {path.name for path in checkpoints.iterdir()}
    assert len(left) == 2 and "step0000002.npz" in left
    resumed(world, "killed", step=2)
    assert {path.name for path in checkpoints.iterdir()} == {"step0000004.npz", "step0000006.npz"}


def test_a_full_disk_ends_in_one_line_and_keeps_what_was_saved(world, straight):
    full = AT_STEP_4.format(
        before="resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))", after="pass"
    )
    done = world.adapt("full", before=EAGERLY + full)
    assert done.code == 2
    assert re.fullmatch(
        r"Error: No space left on the disk while writing full/checkpoints/step0000004\.npz\. "
        r"Nothing saved before is lost; free some space and run the same command again\.",
        done.error,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    checkpoints = world.folder / "full" / "checkpoints"
    assert [path.name for path in checkpoints.iterdir()] == ["step0000002.npz"]
    resumed(world, "full", step=2)


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        pytest.param(8, EAGERLY, id="eagerly"),
        # The signal arrives while TensorFlow computes.
        pytest.param(60, "", id="graph", marks=pytest.mark.large),
    ],
)
def test_ctrl_c_ends_in_one_line_and_the_run_goes_on_to_the_same_result(
    world, tmp_path, steps, mode
):
    press = WITHIN_STEP_5.format(name="SIGINT")
    halves, whole = tmp_path / "halves", tmp_path / "whole"
    done = world.adapt(str(halves), steps=steps, before=mode + press)
    assert done.code == 130
    assert done.error == "Interrupted. The same command goes on from the last checkpoint."
    assert "Traceback" not in done.stderr
    begun = max(steps_kept(halves))
    assert 4 < begun < steps
    done = world.adapt(str(halves), steps=steps, before=mode)
    assert done.code == 0, done.stderr
    assert f"Going on from step {begun}." in done.stderr
    done = world.adapt(str(whole), steps=steps, before=mode)
    assert done.code == 0, done.stderr
    assert differences(halves, whole) == []


def test_a_job_scheduler_ends_a_run_at_the_end_of_a_step(world, tmp_path):
    end = WITHIN_STEP_5.format(name="SIGTERM")
    done = world.adapt(str(tmp_path / "ended"), steps=8, before=EAGERLY + end)
    assert done.code == 143
    assert done.error == "Terminated. The same command goes on from the last checkpoint."
    assert "Traceback" not in done.stderr
    assert 4 < max(steps_kept(tmp_path / "ended")) < 8


def test_broken_checkpoints(world, straight):
    shutil.copytree(straight, world.folder / "broken")
    old, new = sorted((world.folder / "broken" / "checkpoints").iterdir())
    new.write_bytes(new.read_bytes()[:-100])
    done = world.adapt("broken")
    assert done.code == 0, done.stderr
    assert re.search(r"^Checkpoint step0000006\.npz .+ \(.+\); .+ before.*\.$", done.stderr, re.M)
    assert "Going on from step 4." in done.stderr
    assert differences(straight, world.folder / "broken") == []
    for path in (old, new):
        path.write_bytes(b"")
    done = world.adapt("broken")
    assert done.code == 2
    assert done.error.startswith("Error: No checkpoint in broken/checkpoints can be read (")
    assert "Remove that folder to train from the beginning" in done.error


@pytest.mark.parametrize(
    "architecture", ["dcgan", pytest.param("stylegan", marks=pytest.mark.large)]
)
def test_the_deterministic_flag(world, build_tiny, architecture, tmp_path):
    """All that a step needs has a deterministic implementation, and is used."""
    save_gan(build_tiny(architecture), tmp_path / "source.npz")
    flags = ["--deterministic", f"--source={tmp_path / 'source.npz'}"]
    enabled = (
        "from tensorflow.python.framework import config\nprint(config.is_op_determinism_enabled())"
    )
    for name in ("one", "two"):
        done = world.adapt(str(tmp_path / name), *flags, steps=2, after=enabled)
        assert done.code == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "True"
    assert differences(tmp_path / "one", tmp_path / "two") == []


# Ctrl-C within a step ---------------------------------------------------------------------


def interrupting(loop: Trainer, times: int) -> None:
    """Presses Ctrl-C in the third step, when the first player has moved and the second not."""
    second, calls = loop.players[1], []

    def loss(step):
        calls.append(step.number)
        if len(calls) == 3:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return second.loss(step)

    loop.players[1] = dataclasses.replace(second, loss=loss)


def test_ctrl_c_waits_for_the_end_of_the_step(source, images, tmp_path, eagerly):
    loop = make_trainer(source, images, tmp_path / "interrupted")
    interrupting(loop, times=1)
    with pytest.raises(KeyboardInterrupt):
        loop.run(Schedule(5))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [path.name for path in (tmp_path / "interrupted").iterdir()] == ["step0000003.npz"]
    assert make_trainer(source, images, tmp_path / "interrupted").run(Schedule(5)) == 5
    assert make_trainer(source, images, tmp_path / "whole").run(Schedule(5)) == 5
    with (
        np.load(tmp_path / "interrupted" / "step0000005.npz") as resumed_run,
        np.load(tmp_path / "whole" / "step0000005.npz") as whole_run,
    ):
        assert resumed_run.files == whole_run.files
        for name in whole_run.files:
            np.testing.assert_array_equal(resumed_run[name], whole_run[name], err_msg=name)


def test_a_second_ctrl_c_does_not_wait_and_saves_no_half_step(source, images, tmp_path, eagerly):
    loop = make_trainer(source, images, tmp_path)
    interrupting(loop, times=2)
    with pytest.raises(KeyboardInterrupt):
        loop.run(Schedule(5, checkpoint_every=2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [path.name for path in tmp_path.iterdir()] == ["step0000002.npz"]


def test_who_handles_ctrl_c_already_goes_on_doing_so(source, images, tmp_path, eagerly):
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        loop = make_trainer(source, images, tmp_path)
        interrupting(loop, times=1)
        assert loop.run(Schedule(4)) == 4
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [True]


# Numbers that are not finite ------------------------------------------------------------------


def test_a_learning_rate_that_is_far_too_high(source, images, tmp_path, eagerly):
    with pytest.raises(UserError, match="Training diverged") as caught:
        adapt(source, images, tmp_path / "run", checkpoint_every=1, learning_rate=1e30)
    assert "Lower the learning rate" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "adapter").exists()


def test_divergence_stops_and_keeps_the_last_checkpoint(source, images, tmp_path, eagerly):
    def enlarge(callback):
        for weight in callback.model.trainable_weights:
            weight.assign(weight * 1e38)

    options = {"checkpoint_every": 2}
    workdir = tmp_path / "run"
    with pytest.raises(UserError, match="is not a finite number at step 4"):
        adapt(source, images, workdir, callbacks=[At(3, enlarge)], **options)
    assert steps_kept(workdir) == [2]
    adapt(source, images, workdir, **options)
    assert "Going on from step 2." in (workdir / "log.txt").read_text("utf-8")


@pytest.mark.parametrize("step", [4, 6])
def test_weights_that_are_not_finite_are_never_saved(source, images, tmp_path, step, eagerly):
    """The losses of the step were finite: what came after them broke the weights."""

    def break_weight(callback):
        weight = callback.model.trainable_weights[0]
        weight.assign(weight * np.nan)

    options = {"checkpoint_every": 2}
    workdir = tmp_path / "run"
    with pytest.raises(UserError, match=f"generator/.+ is not finite after step {step}"):
        adapt(source, images, workdir, callbacks=[At(step, break_weight)], **options)
    assert steps_kept(workdir)[-1] == step - 2


def test_losses_that_are_not_finite_are_named(source, images, tmp_path, eagerly):
    loop = make_trainer(source, images, tmp_path)
    player = loop.players[1]

    def loss(step):
        value, logs = player.loss(step)
        return value, {**logs, "strange": tf.constant(np.inf)}

    loop.players[1] = dataclasses.replace(player, loss=loss)
    with pytest.raises(UserError, match=f"{player.name}/strange is not a finite number at step 1"):
        loop.run(Schedule(3))


def test_a_generator_that_is_broken_draws_nothing(source):
    broken = source.clone()
    weight = broken.generator.trainable_weights[-1]
    weight.assign(weight * np.nan)
    with pytest.raises(UserError, match="not finite"):
        tff.sample_images(broken, 2)


# Reports and callbacks -----------------------------------------------------------------------


class Recorder(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple] = []

    def on_train_begin(self, logs=None):
        self.calls.append(("begin",))

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("batch begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch end", batch, sorted(logs or {})))

    def on_train_end(self, logs=None):
        self.calls.append(("end",))


def test_callbacks_are_called_in_order_and_losses_are_reported(source, images, tmp_path, eagerly):
    recorder, reports = Recorder(), {}
    loop = make_trainer(source, images, tmp_path, callbacks=[recorder])
    assert loop.run(Schedule(5, check_every=2), reports.__setitem__) == 5
    assert list(reports) == [1, 2, 4, 5]
    assert recorder.calls[0] == ("begin",)
    assert recorder.calls[-1] == ("end",)
    batches = recorder.calls[1:-1]
    assert [call[:2] for call in batches] == [
        (kind, batch) for batch in range(5) for kind in ("batch begin", "batch end")
    ]
    logged = [call[2] for call in batches if call[0] == "batch end"]
    assert [bool(names) for names in logged] == [True, True, False, True, True]
    assert logged[0] == sorted(reports[1])
    assert {"discriminator/loss", "generator/loss"} <= set(reports[5])
    assert all(type(value) is float for value in reports[5].values())


def test_an_epoch_ends_with_each_checkpoint(source, images, tmp_path, eagerly):
    calls = []

    class Epochs(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            calls.append(("begin", epoch))

        def on_epoch_end(self, epoch, logs=None):
            calls.append(("end", epoch, "generator/loss" in (logs or {})))

    loop = make_trainer(source, images, tmp_path, callbacks=[Epochs()])
    loop.run(Schedule(5, checkpoint_every=2))
    expected = [[("begin", epoch), ("end", epoch, True)] for epoch in range(3)]
    assert calls == [call for pair in expected for call in pair]


def test_the_model_of_a_callback_is_the_generator_in_training(source, images, tmp_path, eagerly):
    seen = []

    def look(callback):
        seen.append({v.path: v.numpy() for v in callback.model.trainable_weights})

    callbacks = [At(1, look), At(2, look)]
    adapt(source, images, tmp_path / "run", steps=2, callbacks=callbacks, ema_decay=0.0)
    assert seen[0].keys() == seen[1].keys() == {v.path for v in source.generator.trainable_weights}
    assert all((seen[0][path] != seen[1][path]).any() for path in seen[0])


def test_stop_training_stops(source, images, tmp_path, eagerly):
    def enough(callback):
        callback.model.stop_training = True

    workdir = tmp_path / "run"
    run = adapt(source, images, workdir, callbacks=[At(4, enough)], checkpoint_every=2)
    assert run.adapter.settings["steps"] == 4
    assert steps_kept(workdir) == [2, 4]
    # The next start knows nothing of it.
    assert adapt(source, images, workdir).adapter.settings["steps"] == 6


def test_callbacks_of_keras_work(source, images, tmp_path, eagerly):
    lines = []
    callbacks = [
        keras.callbacks.LambdaCallback(on_train_end=lambda logs: lines.append("end")),
        keras.callbacks.TerminateOnNaN(),
    ]
    adapt(source, images, tmp_path / "run", steps=2, callbacks=callbacks)
    assert lines == ["end"]


def test_lazy_terms_come_at_their_interval(source, images, tmp_path, eagerly):
    method = methods.get("transfergan").with_settings(batch_size=4, r1_interval=3)
    problem = Problem(source.clone(), source, images, 4, seed=0)
    loop = trainer(assemble(method, problem), Batches(Pictures(images), 4, 0), tmp_path)
    reports = {}
    loop.run(Schedule(7, check_every=1), reports.__setitem__)
    assert [step for step in reports if "discriminator/r1" in reports[step]] == [1, 4, 7]


# Checkpoints ------------------------------------------------------------------------------------


def variables(value: float) -> dict[str, list[keras.Variable]]:
    return {
        "network": [keras.Variable(np.full((3, 2), value, np.float32)), keras.Variable(value)],
        "seeds": [keras.Variable(np.full(2, value, np.uint32), dtype="uint32")],
    }


def test_checkpoints_keep_the_newest_and_every_bit(tmp_path):
    groups = variables(0.0)
    checkpoints = Checkpoints(tmp_path, groups, keep=3)
    assert checkpoints.restore() == (0, [])
    for step in (1, 2, 10, 9, 100):
        groups["network"][0].assign(np.full((3, 2), 1 / np.float32(step)))
        groups["seeds"][0].assign(np.full(2, 2**32 - step))
        checkpoints.save(step)
    assert [step for step, _ in checkpoints._files()] == [9, 10, 100]
    fresh = variables(7.0)
    assert Checkpoints(tmp_path, fresh).restore() == (100, [])
    np.testing.assert_array_equal(fresh["network"][0], np.full((3, 2), np.float32(0.01)))
    np.testing.assert_array_equal(fresh["seeds"][0].numpy(), [2**32 - 100] * 2)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_checkpoint_changes_nothing_and_the_one_before_is_used(tmp_path, data):
    shutil.rmtree(tmp_path)
    for step, value in ((1, 1.0), (2, 2.0)):
        Checkpoints(tmp_path, variables(value)).save(step)
    newest = tmp_path / "step0000002.npz"
    whole = newest.read_bytes()
    newest.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    fresh = variables(7.0)
    step, remarks = Checkpoints(tmp_path, fresh).restore()
    assert step == 1
    assert len(remarks) == 1 and "step0000002.npz" in remarks[0]
    older = variables(1.0)
    for group in fresh:
        for variable, expected in zip(fresh[group], older[group], strict=True):
            np.testing.assert_array_equal(variable, expected)


def test_a_checkpoint_of_other_variables_is_not_read(tmp_path):
    Checkpoints(tmp_path, variables(1.0)).save(1)
    for change in (
        lambda groups: groups["network"].pop(),
        lambda groups: groups["network"].append(keras.Variable(1.0)),
        lambda groups: groups["network"].reverse(),
    ):
        groups = variables(7.0)
        change(groups)
        with pytest.raises(UserError, match=r"No checkpoint in .+ can be read \(.*step0000001"):
            Checkpoints(tmp_path, groups).restore()
        assert float(groups["seeds"][0][0]) == 7


# The moving average ------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.5, 0.98])
def test_the_moving_average_is_that_of_numpy(source, decay):
    gan = source.clone()
    average = EMA(gan, decay)
    trainable = {v.path for v in gan.generator.trainable_weights}
    expected = {v.path: v.numpy().astype(np.float64) for v in gan.generator.weights}
    rng = np.random.default_rng(0)
    for step in range(40):
        for variable in gan.generator.weights:
            variable.assign(rng.standard_normal(variable.shape))
        average.update(tf.constant(step))
        # Karras et al. 2018, with a decay that is smaller in the beginning.
        now = min(decay, (1 + step) / (10 + step))
        for variable in gan.generator.weights:
            share = now if variable.path in trainable else 0.0
            path, value = variable.path, variable.numpy()
            expected[path] = share * expected[path] + (1 - share) * value
    for variable in average.current().generator.weights:
        np.testing.assert_allclose(variable, expected[variable.path], atol=1e-5)


def test_without_decay_the_copy_is_the_network_as_it_is(source):
    gan = source.with_precision("mixed_bfloat16")
    copy = EMA(gan, 0.0)
    first = copy.current()
    assert first.precision == "float32"
    for variable in (*gan.generator.weights, *gan.discriminator.weights):
        variable.assign(variable + 1.0)
    copy.update(tf.constant(0))
    now = copy.current()
    for network in ("generator", "discriminator"):
        assert now.fingerprint(network) == gan.fingerprint(network) != source.fingerprint(network)


def test_an_averaged_generator_has_statistics_of_its_own(source, images, tmp_path, eagerly):
    """Batch normalisation of the average is that of its own samples, not of the trained weights."""
    run = adapt(source, images, tmp_path / "run", ema_decay=0.9, learning_rate=0.02)
    norms = [n for n in run.gan.generator._flatten_layers() if hasattr(n, "moving_mean")]
    before = [(n.moving_mean.numpy(), n.moving_variance.numpy()) for n in norms]
    again = run.gan.clone()
    measured = [n for n in again.generator._flatten_layers() if hasattr(n, "moving_mean")]
    for layer in measured:
        layer.momentum = 0.0
    # What other latents give, at once.
    again.generator(again.sample_latents(2048, seed=9), training=True)
    for (mean, variance), layer in zip(before, measured, strict=True):
        spread = np.sqrt(layer.moving_variance.numpy())
        assert np.abs(mean - layer.moving_mean.numpy()).max() < 0.25 * spread.mean()
        np.testing.assert_allclose(variance, layer.moving_variance.numpy(), rtol=0.3)


def test_the_centre_of_truncation_is_the_mean_of_the_mined_styles(
    tiny_stylegan, images, tmp_path, eagerly
):
    gan = tiny_stylegan
    settings = {"miner_steps": 3, "learning_rate": 0.05}
    run = adapt(gan, images, tmp_path / "run", "minegan", **settings)
    generator = run.gan.generator
    styles = np.asarray(generator.styles(run.gan.sample_latents(4096, seed=5)))
    error = np.abs(generator.w_avg - styles.mean(0)) / styles.std(0)
    assert error.max() < 0.1
    # It lies elsewhere than before.
    assert np.linalg.norm(generator.w_avg - gan.generator.w_avg) > 1e-3
    # What nothing of the styles was trained of keeps its centre, bit by bit.
    other = adapt(gan, images, tmp_path / "other", "bsa", steps=1)
    np.testing.assert_array_equal(other.gan.generator.w_avg, gan.generator.w_avg)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_other_decays_are_refused(source, images, tmp_path, decay):
    with pytest.raises(UserError, match="ema_decay must be at least 0 and below 1"):
        EMA(source, decay)
    with pytest.raises(UserError, match="ema_decay must be at least 0 and below 1"):
        adapt(source, images, tmp_path / "run", ema_decay=decay)
    assert not (tmp_path / "run").exists()


# Precision ----------------------------------------------------------------------------------------


def test_precisions_by_name(source):
    assert precision.choose("float32", source, 4)[0] == "float32"
    assert precision.choose("bfloat16", source, 4)[0] == "mixed_bfloat16"
    with pytest.raises(UserError, match=r"Unknown precision 'bfloat61'\. Did you mean 'bfloat16'"):
        precision.choose("bfloat61", source, 4)


@pytest.fixture
def nothing_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))


def test_the_automatic_precision_is_measured(source, nothing_measured):
    policy, why = precision.choose("auto", source, 4)
    match = re.fullmatch(
        r"Precision (float32|bfloat16): bfloat16 is (\d+\.\d\d) times as fast as float32 here\.",
        why,
    )
    assert match
    assert policy == precision.POLICIES[match[1]]
    # Rounding is a price that a little speed does not pay.
    ratio = float(match[2])
    assert (match[1] == "bfloat16") == (ratio >= 1.15) or abs(ratio - 1.15) < 0.006


def test_the_same_networks_are_measured_once(source, nothing_measured, tmp_path, monkeypatch):
    policy, why = precision.choose("auto", source, 4)
    calls = []

    def measured(gan, n, room):
        calls.append(n)
        return precision.Measured(1.0, 0.5, n)

    monkeypatch.setattr(precision, "_best_seconds", measured)
    again = precision.choose("auto", source, 4)
    (kept,) = (tmp_path / "cache" / "precision").iterdir()
    today = datetime.date.today().isoformat()
    assert again == (
        policy,
        f"{why[:-1]}, as measured on {today} (without {kept} it is measured again).",
    )
    assert calls == []
    # Another batch, other networks, another way to compute, and a damaged file.
    precision.choose("auto", source, 8)
    precision.choose("auto", source.without_discriminator(), 4)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "7")
    precision.choose("auto", source, 4)
    monkeypatch.undo()
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(precision, "_best_seconds", measured)
    for damage in (b"", b"[]", b"{}", b'{"full": 0, "half": 1, "day": "2026-01-01"}', b"\xff"):
        kept.write_bytes(damage)
        assert precision.choose("auto", source, 4)[0] == "mixed_bfloat16"
    assert calls == [8, 4, 4, *[4] * 5]
    # Where nothing can be kept, it is measured each time.
    (tmp_path / "file").touch()
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert "as measured" not in precision.choose("auto", source, 4)[1]


def test_the_precision_of_a_source_with_classes_is_measured(nothing_measured):
    """Of both networks: their passes take labels."""
    gan = backbones.build("sngan", **{**TINY["sngan"], "num_classes": 3})
    assert gan.discriminator is not None
    assert precision.choose("auto", gan, 4)[0] in precision.POLICIES.values()


@pytest.mark.parametrize(
    ("seconds", "policy"), [(0.99, "float32"), (0.9, "float32"), (0.5, "mixed_bfloat16")]
)
def test_half_precision_must_be_worth_it(source, monkeypatch, seconds, policy, nothing_measured):
    measured = precision.Measured(1.0, seconds, 4)
    monkeypatch.setattr(precision, "_best_seconds", lambda gan, n, room: measured)
    assert precision.choose("auto", source, 4)[0] == policy


def test_a_resumed_run_keeps_its_precision(source, images, tmp_path, eagerly):
    adapt(source, images, tmp_path / "run", steps=1, precision="bfloat16")
    run = adapt(source, images, tmp_path / "run", steps=2, precision="auto")
    assert (
        "Precision mixed_bfloat16, as when the run began." in (run.folder / "log.txt").read_text()
    )
    assert run.gan.precision == "float32"
