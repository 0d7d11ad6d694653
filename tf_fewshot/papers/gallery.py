"""The gallery of experiments as one page of Markdown, with its charts and strips beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from .. import methods
from ..comparison.tables import Spread, heading
from ..data.grid import save_png
from ..files import write_text
from ..report.charts import line_chart
from ..report.dots import dot_chart
from ..report.standalone import standalone
from .experiment import Axis, Experiment
from .findings import verdict
from .numbers import Numbers, numbers_of
from .running import strip_of

INTRODUCTION = """
# The papers' experiments, here

What Li et al. (*Few-shot Image Generation with Elastic Weight Consolidation*) and Noguchi and
Harada (*Image Generation From Small Datasets via Batch Statistics Adaptation*) found, on the
sources and targets of this project: drawings of 64 pixels. The source is `avataaars64` where
nothing else is said. `tf-fewshot papers` writes this page and runs what is missing. Values are
means over seeds, with their sample standard deviation; metrics with ↓ are better if lower, with ↑
if higher. Of one seed, differences of a few in FID say nothing. [Comparisons](comparisons.md) has
what else was measured.
"""

_HEADINGS: dict[Axis, str] = {
    "method": "method",
    "pictures": "pictures",
    "part": "",
    "target": "target",
}


def write_gallery(experiments: Iterable[Experiment], folder: Path, page: Path, intro: str) -> Path:
    """Writes the page: of each experiment a table, a chart, a strip, and whether its finding holds.

    Args:
        experiments: In the order of the page.
        folder: Of all comparisons.
        page: The file, ``.md``; charts and strips are beside it, in a folder of its name.
        intro: What the page begins with, in Markdown.

    Returns:
        The page.

    Raises:
        UserError: for results that are damaged.
    """
    beside = page.with_suffix("")
    sections = [
        _section(experiment, numbers_of(experiment, folder), folder, beside)
        for experiment in experiments
    ]
    write_text(page, "\n\n".join([intro.strip(), *sections]) + "\n")
    return page


def _section(experiment: Experiment, numbers: Numbers, folder: Path, beside: Path) -> str:
    blocks = [
        f"## {experiment.paper}: {experiment.title.lower()}",
        f"**{experiment.found}** {_holds(experiment, numbers)}",
    ]
    if numbers.values:
        blocks.append(_table(experiment, numbers))
        chart = beside / f"{experiment.name}.svg"
        write_text(chart, _chart(experiment, numbers))
        metric = heading(experiment.metrics[0])
        blocks.append(f"![{metric} of {experiment.title.lower()}]({beside.name}/{chart.name})")
        strip = _strip(experiment, folder)
        if strip is not None:
            names, image = strip
            path = beside / f"{experiment.name}.png"
            save_png(image, path)
            blocks += [
                f"![Samples: a row each of {', '.join(names)}]({beside.name}/{path.name})",
                f"Samples of the same latents, from above: {', '.join(names)}.",
            ]
    blocks.append(_state(experiment, numbers))
    return "\n\n".join(block for block in blocks if block)


def _holds(experiment: Experiment, numbers: Numbers) -> str:
    """Returns one sentence for a single finding, else one for each metric."""
    said = []
    for finding in experiment.findings:
        outcomes = numbers.outcomes(finding)
        words = verdict(outcomes)
        if outcomes and numbers.done < numbers.of:
            words = f"So far {_lower(words)}"
        one = len(experiment.findings) == 1
        said.append(words if one else f"{heading(finding.metric)[:-2]}: {_lower(words)}")
    return " ".join(said)


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _state(experiment: Experiment, numbers: Numbers) -> str:
    low, high = numbers.seeds
    seeds = "" if not high else f"{low} to {high} seeds. " if low < high else f"{high} seeds. "
    if high == low == 1:
        seeds = "One seed. "
    missing = numbers.of - numbers.done
    state = f"{missing} of {numbers.of} trials are still to be run. " if missing else ""
    return f"{experiment.note} {seeds}{state}".strip()


def _name(axis: Axis, key: str) -> str:
    if axis == "method":
        title = methods.get(key).title
        short = re.search(r"\(([A-Z][A-Za-z]*)\)$", title)
        return short[1] if short else title
    return f"{key} picture{'s' * (key != '1')}" if axis == "pictures" else key


def _table(experiment: Experiment, numbers: Numbers) -> str:
    """Returns a Markdown table: a column for each of the experiment's, of all metrics."""
    columns = numbers.columns
    shown = [m for m in experiment.metrics if any(numbers.column(c, m) for c in columns)]
    names = " / ".join(heading(metric) for metric in shown)
    head = [_HEADINGS[experiment.axis], *(_name(experiment.columns, c) for c in columns)]
    lines = [f"{names}:", "", _row(head), _row(["---"] * len(head))]
    for row, cells in numbers.values.items():
        texts = [
            " / ".join(_number(cells[c][m]) if m in cells[c] else "–" for m in shown)
            if c in cells
            else "–"
            for c in columns
        ]
        lines.append(_row([_name(experiment.axis, row), *texts]))
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(spread: Spread) -> str:
    """Returns the mean with its spread, in three digits."""
    digits = 0 if spread.mean >= 10 else 3
    std = "" if spread.std is None else f" ± {spread.std:.{digits}f}"
    return f"{spread.mean:.{digits}f}{std}"


def _chart(experiment: Experiment, numbers: Numbers) -> str:
    """Returns a line for each column over numbers of pictures, else dots for each column."""
    metric = experiment.metrics[0]
    names = {column: _name(experiment.columns, column) for column in numbers.columns}
    if experiment.axis == "pictures":
        series = {
            name: [(float(row), value) for row, value in numbers.column(column, metric).items()]
            for column, name in names.items()
        }
        return standalone({"": line_chart(series, "training pictures")}, list(series))
    return standalone(
        {
            name: dot_chart(
                {
                    _name(experiment.axis, row): cells[column][metric].values
                    for row, cells in numbers.values.items()
                    if metric in cells.get(column, {})
                }
            )
            for column, name in names.items()
            if numbers.column(column, metric)
        }
    )


def _strip(experiment: Experiment, folder: Path) -> tuple[list[str], np.ndarray] | None:
    """Returns rows of samples, one for each row of the table, of the first column that has all."""
    found: dict[str, dict[str, Path]] = {}
    for part in experiment.parts:
        for trial in part.trials():
            path = folder / strip_of(part, trial.method, trial.target, trial.shots)
            if path.exists():
                column = found.setdefault(experiment.key(experiment.columns, part, trial), {})
                column.setdefault(experiment.key(experiment.axis, part, trial), path)
    if not found:
        return None
    rows = max(found.values(), key=len)
    images = [np.asarray(Image.open(path).convert("RGB")) for path in rows.values()]
    width = min(image.shape[1] for image in images)
    names = [_name(experiment.axis, row) for row in rows]
    return names, np.concatenate([image[:, :width] for image in images])
