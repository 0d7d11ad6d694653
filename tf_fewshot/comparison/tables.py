"""The numbers of a comparison: mean and spread over seeds, as text and as Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics import METRICS
from ..report.content import metric_name
from .plan import ComparisonPlan, Trial
from .references import NOTE, references
from .results import Results

_NOTHING = 1e-6
_ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


@dataclasses.dataclass(frozen=True)
class Spread:
    """A number measured with several seeds.

    Attributes:
        values: One a seed.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float | None:
        """Sample standard deviation (n - 1); None for one value."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None

    def __str__(self) -> str:
        spread = "" if self.std is None else f" ± {self.std:.2g}"
        # Equal pictures are apart by rounding.
        mean = self.mean if abs(self.mean) >= _NOTHING else 0.0
        return f"{mean:.4g}{spread}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One method on so many pictures of one target.

    Attributes:
        target, shots, method: What was trained on which pictures, and how many.
        steps: Updates of the generator; None if it is no method, but pictures.
        done: Trials that are finished.
        failed: Trials that failed or cannot be run.
        of: All trials, one a seed.
        values: By metric; metrics that no finished trial has are left out.
    """

    target: str
    shots: int
    method: str
    steps: int | None
    done: int
    failed: int
    of: int
    values: dict[str, Spread]

    def seeds(self) -> str:
        """Returns how many seeds the numbers are of, and what became of the others."""
        if self.steps is None:
            return "–"
        waiting = self.of - self.done - self.failed
        parts = [str(self.done)]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{waiting} to do"] if waiting else []
        return ", ".join(parts)


def rows_of(plan: ComparisonPlan, results: Results, failures: Mapping[Trial, str]) -> list[Row]:
    """Returns a row for each target, number of pictures and method, in that order."""
    groups: dict[tuple[str, int, str], list[Trial]] = {}
    for target in plan.domains:
        for shots in plan.shots:
            for method in plan.methods:
                trials = [Trial(method, target, shots, seed) for seed in plan.seeds]
                groups[target, shots, method] = trials
    return [
        _row(plan, results, failures, trials, plan.methods[method].run.steps)
        for (_, _, method), trials in groups.items()
    ]


def rows_of_pictures(plan: ComparisonPlan, results: Results) -> list[Row]:
    """Returns a row for each of :func:`.references.references` that has been measured."""
    rows = [_row(plan, results, {}, [trial], None) for trial in references(plan)]
    return [row for row in rows if row.done]


def _row(
    plan: ComparisonPlan,
    results: Results,
    failures: Mapping[Trial, str],
    trials: Sequence[Trial],
    steps: int | None,
) -> Row:
    done = [t for t in trials if not results.missing(t, plan.metrics)]
    values: dict[str, list[float]] = {}
    for trial in done:
        for record in (results.get(trial) or {})["metrics"]:
            values.setdefault(record["metric"], []).append(record["value"])
    return Row(
        target=trials[0].target,
        shots=trials[0].shots,
        method=trials[0].method,
        steps=steps,
        done=len(done),
        failed=sum(t in failures for t in trials),
        of=len(trials),
        values={m: Spread(tuple(values[m])) for m in plan.metrics if m in values},
    )


def heading(metric: str) -> str:
    """Returns a metric's name with the direction in which it is better."""
    return metric_name(metric) + _ARROWS[METRICS[metric].better]


def cells(plan: ComparisonPlan, rows: Sequence[Row]) -> list[list[str]]:
    """Returns headings and a list of texts a row, ordered by target and number of pictures."""
    targets = list(plan.domains)
    rows = sorted(rows, key=lambda row: (targets.index(row.target), plan.shots.index(row.shots)))
    head = ["target", "pictures", "method", "steps", "seeds", *map(heading, plan.metrics)]
    body = [
        [
            row.target,
            str(row.shots),
            row.method,
            "–" if row.steps is None else f"{row.steps:,}",
            row.seeds(),
            *(str(row.values.get(metric, "–")) for metric in plan.metrics),
        ]
        for row in rows
    ]
    return [head, *body]


def as_text(table: Sequence[Sequence[str]]) -> str:
    """Returns the table in columns, for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(
    table: Sequence[Sequence[str]], notes: Sequence[str], failures: Mapping[Trial, str]
) -> str:
    """Returns a Markdown table with its notes."""
    head, *body = table
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]
    lines += ["", *(f"- {note}" for note in notes)]
    lines += [f"- Failed: {trial}: {reason}" for trial, reason in failures.items()]
    return "\n".join(lines) + "\n"


def notes_of(plan: ComparisonPlan, results: Results) -> list[str]:
    """Returns what the numbers depend on, a sentence each."""
    notes = [
        f"Source {plan.source_name}. Mean ± sample standard deviation (n − 1) over seeds; "
        f"{plan.n:,} samples a trial, drawn with its seed, at the method's own truncation.",
        "Training pictures are the first ones of a target, the same for all methods and seeds.",
        NOTE,
    ]
    networks: dict[str, list[str]] = {}
    noted: dict[tuple[str, str, str], dict[str, None]] = {}
    for trial in plan.trials():
        for record in (results.get(trial) or {"metrics": []})["metrics"]:
            if record["metric"] in plan.metrics:
                names = networks.setdefault(record["feature_network"], [])
                names += [record["metric"]] * (record["metric"] not in names)
            if record.get("note"):
                what = (metric_name(record["metric"]), trial.target, record["note"])
                noted.setdefault(what, {})[trial.method] = None
    for (metric, target, note), methods in noted.items():
        of = "" if len(methods) == len(plan.methods) else f" of {', '.join(methods)}"
        notes.append(f"{metric}{of}, {target}: {note}.")
    for network, names in networks.items():
        notes.append(f"{', '.join(map(metric_name, names))}: features of {network}.")
    for name, method in plan.methods.items():
        if method.trained_through:
            notes.append(f"{name} is trained through {', '.join(method.trained_through)}.")
    for domain in plan.domains.values():
        notes.append(
            f"{domain.name}: compared with {len(domain.reference):,} pictures of "
            f"{domain.reference.source}."
        )
        notes += [f"{note}." for note in domain.notes]
    return list(dict.fromkeys(notes))
