"""The main job: from a source and a few pictures to an adapted generator, in a run folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .adapted import ADAPTER_FILE, Adapted
from .backbones import GAN
from .backbones.sampling import images_of, quantised
from .choosing import AUTO
from .data.batches import Batches
from .data.pictures import Pictures
from .export import Adapter
from .planning import Plan, plan
from .report import write_report
from .training import memory as memory_sizes
from .training import precision as precisions
from .training.assemble import Assembly, assemble, trainer
from .training.callbacks import check_callbacks
from .training.devices import Devices
from .training.drift import STAT, Drift
from .training.fitting import Fitting, TooLargeError, drawn_at_once
from .training.loop import Schedule, Trainer
from .training.run_config import CONFIG, read_config
from .training.run_folder import RunFolder, fakes_name
from .training.shared_folder import shared_folder
from .training.status import StatusLine
from .training.strategies import WORKER_TIMEOUT, devices

_SHOWN = 16
_COLUMNS = 4


def adapt(
    source: GAN | str | os.PathLike,
    data: str | os.PathLike | Pictures | np.ndarray,
    method: str = AUTO,
    *,
    workdir: str | os.PathLike,
    seed: int = 0,
    precision: str = "auto",
    limit: int | None = None,
    on_error: str = "raise",
    checkpoint_every: int = 200,
    pictures_every: int = 100,
    deterministic: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    memory: str | int | None = None,
    strategy: str | tf.distribute.Strategy = "none",
    replicas: int | None = None,
    worker_timeout: float = WORKER_TIMEOUT,
    **settings: Any,
) -> AdaptationRun:
    """Adapts a generator to pictures.

    The same call on the same ``workdir`` goes on from the last checkpoint and comes to
    the same result as an uninterrupted run.

    Args:
        source: A GAN, the name of a preset, or a path.
        data: A folder (or anything else of :func:`tf_fewshot.data.load.load_pictures`),
            pictures, or a uint8 array ``[N, H, W, 3]``.
        method: A name of ``tf_fewshot.methods.names()``, or "auto", which looks at the pictures
            (:func:`tf_fewshot.choosing.choose`) and says what it takes and why. A run that has
            begun goes on with the method that it began with.
        workdir: The run folder: new, empty, or of the same run.
        seed: Of everything that is drawn.
        precision: "float32", "bfloat16", "float16", or "auto", which measures the first two.
        limit: At most so many pictures.
        on_error: "raise" or "skip" for pictures that cannot be used.
        checkpoint_every: Steps between checkpoints.
        pictures_every: Steps between grids of samples.
        deterministic: Whether TensorFlow must give bit-equal results again.
        callbacks: Keras callbacks; their model is the generator in training.
        memory: The most that the process may take: bytes, or text such as "8G". None takes what
            the machine, and the container around it, has free. Where a step does not fit, it is
            computed in a way that takes less, with the same results but for rounding. With
            "unlimited" nothing is looked at.
        strategy: What computes a step: "none" is one device, "mirrored" the GPUs of this machine,
            "multi_worker" the machines that the environment variable TF_CONFIG lists; or a
            strategy of ``tf.distribute``. They share each batch, and the result is that of one
            device but for rounding. Of several machines one writes ``workdir``.
        replicas: Of "mirrored": how many devices. Without a GPU they are parts of the CPU, 2 by
            default.
        worker_timeout: Of "multi_worker": how many seconds to wait for the other machines.
        **settings: Of the method, such as ``steps``, ``batch_size``, ``learning_rate``;
            ``Method.settings()`` lists them.

    Returns:
        The run, from which to sample, save, export and evaluate.

    Raises:
        UserError: for anything that the caller can mend.
    """
    check_callbacks(callbacks)
    memory_sizes.parsed(memory)
    # Before anything is computed: then TensorFlow takes no more processes.
    shared = devices(strategy, replicas, worker_timeout)
    if method == AUTO:
        method = shared.agree(_begun_with(Path(workdir).expanduser()) if shared.chief else None)
    planned = plan(
        source,
        data,
        method,
        seed=seed,
        precision=precision,
        limit=limit,
        on_error=on_error,
        **settings,
    )
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    every = checkpoint_every, pictures_every
    return _Session(planned, Path(workdir), *every, callbacks, memory, shared).run()


def _begun_with(workdir: Path) -> str:
    """Returns the method of the run in a folder; that of a new one is to be chosen."""
    if not (workdir / CONFIG).is_file():
        return AUTO
    return read_config(workdir)["identity"].get("method", AUTO)


class AdaptationRun(Adapted):
    """An adapted generator with the folder of its run.

    Attributes:
        folder: The run folder.
        written: Whether this process has written it; of several machines one does.
    """

    def __init__(self, gan: GAN, adapter: Adapter, folder: Path, written: bool = True):
        super().__init__(gan, adapter, folder)
        self.folder, self.written = folder, written

    def add_metrics(self, records: Sequence[dict[str, Any]]) -> None:
        """Keeps numbers in the run folder and renews its report."""
        folder = RunFolder(self.folder)
        step = self.adapter.settings["steps"]
        for record in records:
            folder.add_metric({"step": step, **record})
        write_report(self.folder)
        self.write_card(folder.adapter, folder.path.resolve().name)


class _Session:
    """One start of a run."""

    def __init__(
        self,
        planned: Plan,
        workdir: Path,
        checkpoint_every: int,
        pictures_every: int,
        callbacks: Sequence[keras.callbacks.Callback],
        memory: str | int | None,
        shared: Devices,
    ):
        self.memory, self.devices = memory, shared
        self.plan, self.workdir, self.callbacks = planned, workdir, callbacks
        self.checkpoint_every, self.pictures_every = checkpoint_every, pictures_every
        self.run_defaults = planned.method.run
        self.z = planned.source.sample_latents(_SHOWN, planned.seed, self.run_defaults.truncation)

    def run(self) -> AdaptationRun:
        identity, defaults = self.plan.identity(), self.plan.defaults()
        self.devices.check(self.run_defaults.batch_size)
        with shared_folder(self.workdir, identity, self.devices, defaults=defaults) as folder:
            self._say_if_prolonged(folder)
            known = self.devices.agree("dtype" in folder.config["settings"])
            dtype = self._precision(folder)
            for note in (*self.plan.pictures.notes, *self.plan.notes):
                folder.log(note)
            if len(self.plan.pictures) == 1:
                folder.log("One picture only: expect copies of it. Ten or more give variety.")
            try:
                return self._adapted(folder, dtype)
            except TooLargeError:
                half = precisions.POLICIES["bfloat16"]
                if known or self.plan.precision != "auto" or dtype == half:
                    raise
            folder.log("Memory does not hold a step in float32 in any way: trying bfloat16.")
            self._record(folder, half)
            return self._adapted(folder, half)

    def _adapted(self, folder: RunFolder, dtype: str) -> AdaptationRun:
        assembly = assemble(self.plan.method, self.plan.problem(dtype, folder.log))
        batches = Batches(self.plan.pictures, self.run_defaults.batch_size, self.plan.seed)
        size, place = self.run_defaults.batch_size, folder.checkpoints
        fitting = Fitting(size, self.memory, folder.log, self.devices)
        loop = trainer(assembly, batches, place, self.callbacks, fitting, self.devices)
        drift = Drift(assembly.problem.gan.generator, self.plan.start.generator)
        self._first_pictures(folder)
        steps = self._train(loop, folder, drift)
        run = self._finish(assembly, loop, folder, steps)
        write_report(folder)
        folder.log(f"Done: {folder.report_path}")
        return run

    def _say_if_prolonged(self, folder: RunFolder) -> None:
        """Tells what another number of steps than before does to rates that fall over the run."""
        before, steps = folder.config["settings"].get("steps"), self.run_defaults.steps
        over_run = self.plan.method.settings().get("rate_decay_steps", 0) is None
        if over_run and before not in (None, steps):
            folder.log(
                f"The run had {before} steps and has {steps} steps now. Its learning rates fall "
                "along a cosine over all steps, and are those of the new number from here on: "
                f"the result is not that of {steps} steps at once."
            )

    def _precision(self, folder: RunFolder) -> str:
        before = folder.config["settings"].get("dtype")
        if before:
            choice = before, f"Precision {before}, as when the run began."
        elif self.devices.chief:
            choice = precisions.choose(
                self.plan.precision,
                self.plan.start.with_one_class(),
                self.run_defaults.batch_size // self.devices.count,
                self.memory,
            )
        else:
            choice = None
        dtype, why = self.devices.agree(choice)
        folder.log(why)
        self._record(folder, dtype)
        return dtype

    def _record(self, folder: RunFolder, dtype: str) -> None:
        folder.record_settings(
            {
                "source": self.plan.source_name,
                "steps": self.run_defaults.steps,
                "precision": dtype.removeprefix("mixed_"),
                "dtype": dtype,
                "data": self.plan.pictures.source,
                "image_size": self.plan.source.image_shape[0],
                "paper": self.plan.method.paper,
            }
        )

    def _first_pictures(self, folder: RunFolder) -> None:
        truncation = self.run_defaults.truncation
        self.at_once = drawn_at_once(self.plan.start, _SHOWN, self.memory)
        folder.save_grid("reals", self.plan.pictures.images[:64])
        before = images_of(self.plan.start, self.z, truncation, self.at_once)
        folder.save_grid("source_samples", before, columns=_COLUMNS)
        folder.save_grid("fakes_init", before, columns=_COLUMNS)

    def _train(self, loop: Trainer, folder: RunFolder, drift: Drift) -> int:
        steps, truncation = self.run_defaults.steps, self.run_defaults.truncation
        begun = loop.restore(folder.log)
        folder.truncate_stats(begun)
        if begun:
            folder.log(f"Going on from step {begun}.")
        status = StatusLine(steps, self.run_defaults.batch_size, start=begun)

        def report(step: int, numbers: dict[str, float]) -> None:
            status.update(step, numbers)
            if step % 10 == 0 or step == steps:
                numbers = {**numbers, STAT: drift()}
                folder.append_stats(step, numbers)
                folder.events.scalars(step, numbers)
            if step % self.pictures_every == 0 or step == steps:
                fakes = images_of(loop.sampled(), self.z, truncation, self.at_once)
                folder.save_grid(fakes_name(step), fakes, columns=_COLUMNS)

        try:
            reached = loop.run(Schedule(steps, self.checkpoint_every), report)
        finally:
            status.close()
        if reached < steps:
            # There is no more to come: what is said of the run must not call it unfinished.
            folder.record_settings({**folder.config["settings"], "steps": reached})
        return reached

    def _finish(
        self, assembly: Assembly, loop: Trainer, folder: RunFolder, steps: int
    ) -> AdaptationRun:
        planned, truncation = self.plan, self.run_defaults.truncation
        gan = loop.sampled()
        adapter = Adapter.from_gans(
            planned.source,
            gan,
            method=planned.method.name,
            source_name=planned.source_name,
            settings={
                **planned.method.settings(),
                "steps": steps,
                "seed": planned.seed,
                "pictures": len(planned.pictures),
            },
            sampling={"truncation": truncation},
        )
        adapter.save(folder.adapter / ADAPTER_FILE)
        run = AdaptationRun(gan, adapter, self.workdir.expanduser(), self.devices.chief)
        samples = images_of(gan, self.z, truncation, self.at_once)
        folder.save_grid("samples", samples, columns=_COLUMNS)
        run.write_card(folder.adapter, folder.path.resolve().name, samples)
        folder.save_grid("interpolation", run.interpolate(10, planned.seed), columns=10)
        shown = planned.pictures.images[:10]
        labels = planned.pictures.labels
        labels = None if labels is None else labels[:10]
        reconstructions = assembly.latents.reconstructions(gan, len(shown), labels)
        if reconstructions is not None:
            copies = quantised(reconstructions).numpy()
            folder.save_grid("reconstructions", np.concatenate([shown, copies]), columns=len(shown))
        return run
