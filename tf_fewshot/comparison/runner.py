"""Runs the trials of a comparison, one after the other, and keeps what each gives."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import re
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import adaptation
from ..backbones import GAN
from ..backbones.sampling import images_of
from ..errors import UserError
from ..files import write_text
from ..training import precision as precisions
from ..training.run_folder import RunFolder
from . import references, tables
from .page import SOURCE_SAMPLES, evaluation_name, write_page
from .plan import DEFAULT_METRICS, ComparisonPlan, Trial, plan
from .results import Record, Results, settle
from .targets import Target

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
    return run(chosen, workdir, **options)


def run(plan: ComparisonPlan, workdir: str | os.PathLike, **options: Any) -> Outcome:
    """Runs the trials that are not finished; see :func:`compare`.

    Args:
        plan: See :func:`.plan.plan`.
        workdir: The comparison's folder.
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
        _measure_pictures(plan, folder, pictures)
        for number, trial in enumerate(trials, 1):
            if trial in failures or not results.missing(trial, plan.metrics):
                continue
            folder.log(f"Trial {number} of {len(trials)}: {trial}")
            try:
                record = _measured(plan, trial, folder, results, options)
            except Exception as error:  # one trial must not end those that follow
                failures[trial] = _in_words(error)
                folder.log(f"{trial} failed: {failures[trial]}")
                if not isinstance(error, UserError):
                    folder.log(traceback.format_exc())
            else:
                results.add(record)
                _write(plan, folder.path, results, pictures, failures)
            gc.collect()
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
    for trial in references.references(plan):
        names = pictures.missing(trial, plan.metrics)
        if names:
            before = pictures.get(trial) or {"metrics": []}
            try:
                record = references.measured(plan, trial, names)
            except UserError as error:
                folder.log(f"{trial.method} of {trial.target} are not measured: {error}")
                continue
            pictures.add({**record, "metrics": [*before["metrics"], *record["metrics"]]})


def _measured(
    plan: ComparisonPlan, trial: Trial, folder: RunFolder, results: Results, options: dict[str, Any]
) -> Record:
    """Trains and measures; what an earlier start has left is gone on with."""
    begun, place = time.monotonic(), folder.path / trial.folder
    at = _reached(place)
    domain = plan.domains[trial.target]
    pictures = domain.training.take(trial.shots)
    changes = plan.changes[trial.method]
    adapted = adaptation.adapt(
        plan.source, pictures, trial.method, workdir=place, seed=trial.seed, **options, **changes
    )
    names = results.missing(trial, plan.metrics)
    folder.log(f"Measuring {', '.join(names)} of {plan.n:,} samples.")
    records = adapted.evaluate(domain.reference, names, plan.n, trial.seed, training=pictures)
    adapted.add_metrics(records)
    before = results.get(trial) or {"metrics": [], "seconds": 0.0}
    return {
        **dataclasses.asdict(trial),
        "source": plan.source_name,
        "source_fingerprint": plan.source.fingerprint("generator"),
        "training": pictures.source,
        "training_fingerprint": pictures.fingerprint(),
        "evaluation": domain.reference.source,
        "evaluation_fingerprint": domain.reference.fingerprint(),
        "settings": plan.methods[trial.method].settings(),
        "precision": RunFolder(place).config["settings"]["precision"],
        "run": trial.folder.as_posix(),
        "metrics": [*before["metrics"], *records],
        # Of this start, and of the one before if only metrics were added.
        "seconds": round(before["seconds"] + time.monotonic() - begun, 3),
        "resumed_at": at,
    }


def _reached(place: Path) -> int:
    """Returns the step at which a run goes on, 0 if it is new."""
    names = (re.fullmatch(r"step(\d+)\.npz", path.name) for path in place.glob("checkpoints/*"))
    return max((int(name[1]) for name in names if name), default=0)


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "Out of memory. Measure fewer samples, or take fewer pictures."
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"


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
