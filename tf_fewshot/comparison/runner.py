"""Runs the trials of a comparison, one after the other, and keeps what each gives."""

from __future__ import annotations

import dataclasses
import json
import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..backbones import GAN
from ..backbones.sampling import images_of
from ..errors import UserError
from ..files import write_text
from ..training import precision as precisions
from ..training.run_folder import RunFolder
from . import references as of_pictures
from . import tables
from .machines import on_ray
from .page import SOURCE_SAMPLES, evaluation_name, write_page
from .plan import DEFAULT_METRICS, ComparisonPlan, Trial, plan
from .results import Results, settle
from .targets import Target
from .trials import Engine, Task, here, in_words

_SHOWN = 16  # as in the grids of a run, four in a row


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a comparison.

    Attributes:
        folder: Where it is: ``results.jsonl``, ``pictures.jsonl`` (the same of the pictures
            themselves), ``results.md``, ``report.html`` and the run folders of all trials
            below ``runs/``.
        rows: The numbers, over seeds.
        text: The table for a terminal.
        failures: Trials that failed or could not be run, with the reason.
    """

    folder: Path
    rows: list[tables.Row]
    text: str
    failures: dict[Trial, str]

    def check(self) -> None:
        """Raises a UserError if trials failed."""
        if self.failures:
            trial, why = next(iter(self.failures.items()))
            of = sum(row.of for row in self.rows)
            more = "" if len(self.failures) == 1 else " The others are listed in the report."
            raise UserError(f"{len(self.failures)} of {of} trials failed. {trial}: {why}{more}")


def compare(
    source: GAN | str | os.PathLike,
    targets: Iterable[Target | str],
    methods: Sequence[str] = ("transfergan", "ewc", "bsa"),
    *,
    workdir: str | os.PathLike,
    shots: Sequence[int] = (10,),
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    n: int = 1000,
    precision: str = "auto",
    on_error: str = "raise",
    checkpoint_every: int = 200,
    deterministic: bool = False,
    ray: str | None = None,
    references: bool = True,
) -> Outcome:
    """Adapts one source with every method to every target, and measures the results.

    The same call on the same ``workdir`` goes on where it was interrupted. Methods,
    targets, numbers of pictures, seeds and metrics may be added; what has been measured
    stays.

    Args:
        source: A GAN, the name of a preset, or a path.
        targets: See :meth:`Target.parse`.
        methods: Names of ``tf_fewshot.methods.names()``.
        workdir: The comparison's folder: new, empty, or of the same comparison.
        shots: Numbers of training pictures: the first ones of each target, the same for
            all methods and seeds.
        seeds: Of training and of the samples that are measured.
        steps: Updates of the generator, the same for all; None leaves each method its own.
        settings: Of single methods, by the method's name.
        metrics: Names in ``tf_fewshot.metrics.METRICS``.
        n: How many samples are measured.
        precision: "float32", "bfloat16", "float16", or "auto", which measures the first two
            once.
        on_error: "raise" or "skip" for pictures that cannot be used.
        checkpoint_every: Steps between checkpoints.
        deterministic: Whether TensorFlow must give bit-equal results again.
        ray: The address of a Ray cluster on whose machines trials are computed, see
            :func:`.machines.on_ray`; None computes one after the other here.
        references: Whether the pictures themselves are measured, too.

    Returns:
        The numbers. A trial that fails leaves the others alone and is in ``failures``.

    Raises:
        UserError: for anything that is wrong for all trials, before the first begins.
    """
    chosen = plan(
        source,
        targets,
        methods,
        shots=shots,
        seeds=seeds,
        steps=steps,
        settings=settings,
        metrics=metrics,
        n=n,
        precision=precision,
        on_error=on_error,
    )
    options = {"checkpoint_every": checkpoint_every, "deterministic": deterministic}
    return run(chosen, workdir, engine_of(ray), references, **options)


def engine_of(ray: str | None) -> Engine:
    """Returns what computes the trials: this process, or a Ray cluster by its address."""
    return here if ray is None else on_ray(ray)


def run(
    plan: ComparisonPlan,
    workdir: str | os.PathLike,
    engine: Engine = here,
    references: bool = True,
    **options: Any,
) -> Outcome:
    """Runs the trials that are not finished; see :func:`compare`.

    Args:
        plan: See :func:`.plan.plan`.
        workdir: The comparison's folder.
        engine: What computes the trials.
        references: Whether the pictures themselves are measured, too.
        **options: Of :func:`tf_fewshot.adapt`.
    """
    trials = plan.trials()
    failures = {t: why for t in trials if (why := plan.obstacle(t)) is not None}
    if len(failures) == len(trials):
        raise UserError(f"No trial can be run. {trials[0]}: {failures[trials[0]]}")
    with RunFolder.open(workdir, {"kind": "comparison"}) as folder:
        results = Results(folder.path / "results.jsonl", folder.log)
        options["precision"] = _begin(plan, folder, results)
        for domain in plan.domains.values():
            for note in domain.notes:
                folder.log(note)
        for trial, why in failures.items():
            folder.log(f"{trial} cannot be run: {why}")
        pictures = Results(folder.path / "pictures.jsonl", folder.log)
        if references:
            _measure_pictures(plan, folder, pictures)
        tasks = [
            Task(trial, number, len(trials), names, results.get(trial))
            for number, trial in enumerate(trials, 1)
            if trial not in failures and (names := results.missing(trial, plan.metrics))
        ]
        for task, result in engine(plan, tasks, folder.path, options, folder.log):
            if isinstance(result, Exception):
                failures[task.trial] = in_words(result)
                folder.log(f"{task.trial} failed: {failures[task.trial]}")
                if not isinstance(result, UserError):
                    folder.log("".join(traceback.format_exception(result)))
            else:
                results.add(result)
                _write(plan, folder.path, results, pictures, failures)
        results.sort(trials)
        outcome = _write(plan, folder.path, results, pictures, failures)
        folder.log(f"Done: {folder.report_path}")
    return outcome


def _begin(plan: ComparisonPlan, folder: RunFolder, results: Results) -> str:
    """Checks what the folder holds against what is asked for; returns the precision."""
    settings = folder.config["settings"]
    before = settings.get("compared", {})
    asked = json.loads(json.dumps(plan.identity()))
    settle(before, asked, folder.path, results)
    dtype = before.get("precision") if plan.precision == "auto" else None
    if dtype is None:
        batch = next(iter(plan.methods.values())).run.batch_size
        policy, why = precisions.choose(plan.precision, plan.source.with_one_class(), batch)
        dtype = policy.removeprefix("mixed_")
        folder.log(why)
    compared = settle(before, {**asked, "precision": dtype}, folder.path, results)
    folder.record_settings({"source": plan.source_name, "compared": compared})
    gan = plan.source.with_one_class()
    folder.save_grid(SOURCE_SAMPLES, images_of(gan, gan.sample_latents(_SHOWN, plan.seeds[0])), 4)
    for name, domain in plan.domains.items():
        if len(domain.reference):
            folder.save_grid(evaluation_name(name), domain.reference.images[:_SHOWN], 4)
    return dtype


def _measure_pictures(plan: ComparisonPlan, folder: RunFolder, pictures: Results) -> None:
    for trial in of_pictures.references(plan):
        names = pictures.missing(trial, plan.metrics)
        if names:
            before = pictures.get(trial) or {"metrics": []}
            try:
                record = of_pictures.measured(plan, trial, names)
            except UserError as error:
                folder.log(f"{trial.method} of {trial.target} are not measured: {error}")
                continue
            pictures.add({**record, "metrics": [*before["metrics"], *record["metrics"]]})


def _write(
    plan: ComparisonPlan,
    folder: Path,
    results: Results,
    pictures: Results,
    failures: Mapping[Trial, str],
) -> Outcome:
    """Renews the tables and the page."""
    rows = tables.rows_of(plan, results, failures)
    table = tables.cells(plan, [*tables.rows_of_pictures(plan, pictures), *rows])
    notes = tables.notes_of(plan, results)
    write_text(folder / "results.md", tables.as_markdown(table, notes, failures))
    write_page(folder, plan, rows, table, notes, failures)
    return Outcome(folder, rows, tables.as_text(table), dict(failures))
