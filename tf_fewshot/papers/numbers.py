"""The numbers of an experiment, read from what its comparisons have left."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from ..comparison.results import Results
from ..comparison.tables import Spread
from .experiment import Experiment, Part
from .findings import Finding


@dataclasses.dataclass(frozen=True)
class Numbers:
    """What was measured.

    Attributes:
        values: By row, column and metric, rows and columns in the order of the experiment.
        done, of: How many trials are finished, and how many there are.
        seeds: How many seeds the numbers are of: fewest and most.
    """

    values: dict[str, dict[str, dict[str, Spread]]]
    done: int
    of: int
    seeds: tuple[int, int]

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return list(dict.fromkeys(name for row in self.values.values() for name in row))

    def column(self, column: str, metric: str) -> dict[str, float]:
        """Returns the means of a metric in one column, by row."""
        return {
            row: cells[column][metric].mean
            for row, cells in self.values.items()
            if metric in cells.get(column, {})
        }

    def outcomes(self, finding: Finding) -> list[bool]:
        """Returns of each comparison that a finding makes whether it is as was found."""
        return [
            outcome
            for column in self.columns
            for outcome in finding.holds(self.column(column, finding.metric))
        ]


def results_of(part: Part, folder: Path) -> Results:
    """Returns what is finished of a part, of the folder that holds all of them."""
    return Results(folder / part.name / "results.jsonl", logging.getLogger(__name__).warning)


def numbers_of(experiment: Experiment, folder: Path) -> Numbers:
    """Gathers the numbers of an experiment.

    Args:
        experiment: The experiment.
        folder: Holds the folders of all parts; parts that are not begun have none.

    Raises:
        UserError: for results that are damaged.
    """
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    done = of = 0
    for part in experiment.parts:
        results = results_of(part, folder)
        for trial in part.trials():
            row = found.setdefault(experiment.key(experiment.axis, part, trial), {})
            of += 1
            record = results.get(trial)
            if record is None:
                continue
            done += 1
            cell = row.setdefault(experiment.key(experiment.columns, part, trial), {})
            for measured in record["metrics"]:
                cell.setdefault(measured["metric"], []).append(measured["value"])
    values = {
        row: {
            column: {m: Spread(tuple(values)) for m, values in cell.items()}
            for column, cell in cells.items()
        }
        for row, cells in found.items()
        if cells
    }
    counts = [
        len(spread.values)
        for cells in values.values()
        for cell in cells.values()
        for spread in cell.values()
    ]
    return Numbers(values, done, of, (min(counts, default=0), max(counts, default=0)))
