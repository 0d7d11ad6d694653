"""What an experiment of a paper is: comparisons, what they show, and what was found there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from ..comparison.plan import Trial
from .findings import Finding

Axis = Literal["method", "pictures", "part", "target"]

# What methods with a discriminator have in all experiments; chosen on another target, personas.
ADVERSARIAL = {"learning_rate": 0.004, "feature_weight": 2.0, "feature_learning_rate": 0.001}


@dataclasses.dataclass(frozen=True)
class Part:
    """One comparison of an experiment, in a folder of its own.

    Attributes:
        name: Of the folder. Experiments may look at the same one.
        methods: Names of methods.
        targets: Names of DiceBear's styles that are drawn for it.
        pictures: Numbers of training pictures.
        source: Name of the source.
        settings: Of single methods, by the method's name.
        seeds: Of training and of samples.
        steps: Updates of the generator.
        label: What its rows are called where parts are compared.
    """

    name: str
    methods: tuple[str, ...]
    targets: tuple[str, ...] = ("toon-head",)
    pictures: tuple[int, ...] = (10,)
    source: str = "avataaars64"
    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    steps: int = 1000
    label: str = ""

    def trials(self) -> list[Trial]:
        """Returns what is trained and measured."""
        return [
            Trial(method, target, count, seed)
            for seed in self.seeds
            for target in self.targets
            for count in self.pictures
            for method in self.methods
        ]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or a figure of a paper.

    Attributes:
        name: Short, for flags and files.
        paper: Where it stands: "EWC, Table 1".
        title: What is varied.
        found: What the paper found, as one sentence.
        axis: What the rows are: methods, numbers of training pictures, parts or targets, in the
            order in which they are written.
        columns: What the columns are, beside metrics.
        parts: The comparisons.
        findings: What has to be so for the paper's finding to hold here.
        metrics: Names of the metrics that are shown; the first has the chart.
        note: What else to know of it.
    """

    name: str
    paper: str
    title: str
    found: str
    axis: Axis
    columns: Axis
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    metrics: tuple[str, ...] = ("fid", "intra_lpips", "nearest_lpips")
    note: str = ""

    def key(self, axis: Axis, part: Part, trial: Trial) -> str:
        """Returns the row, or the column, that a trial belongs to."""
        return {
            "method": trial.method,
            "pictures": str(trial.shots),
            "part": part.label or part.name,
            "target": trial.target,
        }[axis]
