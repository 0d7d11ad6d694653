"""The page of a comparison: numbers, charts, and pictures side by side."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..files import write_text
from ..report.charts import line_chart
from ..report.content import show
from ..report.dots import dot_chart
from ..report.pictures import figure
from ..report.tables import number_table
from ..report.write import page
from .plan import ComparisonPlan, Trial
from .tables import Row, heading

SOURCE_SAMPLES = "source_samples"
_BYTES = 120_000  # of a picture: there are many of them, and they are shown small


def evaluation_name(target: str) -> str:
    """Returns the name of the grid of a target's evaluation pictures."""
    return f"evaluation-{target}"


def write_page(
    folder: Path,
    plan: ComparisonPlan,
    rows: Sequence[Row],
    table: Sequence[Sequence[str]],
    notes: Sequence[str],
    failures: Mapping[Trial, str],
) -> Path:
    """Writes ``report.html`` into the comparison's folder: one file, but for its links.

    Args:
        folder: Of the comparison, with the run folders of its trials below.
        plan: The comparison.
        rows: The numbers.
        table: The same as texts, headings first.
        notes: What the numbers depend on.
        failures: Trials that failed, with the reason.

    Returns:
        Where the page is.
    """
    sections = [("numbers", "Numbers", _numbers(table, notes))]
    for number, target in enumerate(plan.domains):
        body = _charts(plan, [row for row in rows if row.target == target])
        body += "".join(_pictures(folder, plan, target, shots) for shots in plan.shots)
        sections.append((f"target{number}", target, body))
    sections += [
        ("failures", "Failures", _list(f"{trial}: {why}" for trial, why in failures.items())),
        ("runs", "Runs", _runs(folder, plan)),
        ("settings", "Settings", _settings(plan)),
    ]
    path = folder / "report.html"
    title = f"Comparison: {Path(plan.source_name).name}"
    write_text(path, page(title, _header(plan, rows), [s for s in sections if s[2]]))
    return path


def _header(plan: ComparisonPlan, rows: Sequence[Row]) -> str:
    done, failed, of = (sum(getattr(r, k) for r in rows) for k in ("done", "failed", "of"))
    state = f"{done} of {of} trials finished" + (f", {failed} failed" if failed else "")
    facts = {
        "methods": ", ".join(plan.methods),
        "pictures": ", ".join(map(str, plan.shots)),
        "seeds": ", ".join(map(str, plan.seeds)),
        "samples": f"{plan.n:,}",
        "image size": str(plan.source.image_shape[0]),
    }
    items = "".join(
        f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts.items()
    )
    return (
        f'<p class="status {"done" if done == of else "going"}">{state}</p>\n'
        f"<h1>Comparison <span>{html.escape(Path(plan.source_name).name)} → "
        f"{html.escape(', '.join(plan.domains))}</span></h1>\n"
        f'<dl class="facts">{items}</dl>'
    )


def _numbers(table: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    return f"{number_table(table[0], table[1:])}\n{_list(notes)}"


def _charts(plan: ComparisonPlan, rows: Sequence[Row]) -> str:
    """Returns a chart a metric: over the numbers of pictures, or the seeds of each method."""
    charts = []
    single = len({row.shots for row in rows if row.values}) < 2
    for metric in plan.metrics:
        measured = [row for row in rows if metric in row.values]
        if not measured:
            continue
        legend = ""
        if not single:
            series: dict[str, list[tuple[float, float]]] = {}
            for row in sorted(measured, key=lambda row: row.shots):
                series.setdefault(row.method, []).append((row.shots, row.values[metric].mean))
            keys = "".join(
                f'<li class="c{number % 6}">{html.escape(name)}</li>'
                for number, name in enumerate(series)
            )
            legend = f'<ul class="legend">{keys}</ul>'
            chart = line_chart(series, "training pictures")
        else:
            chart = dot_chart({row.method: row.values[metric].values for row in measured})
        charts.append(
            f"<figure><figcaption><h3>{html.escape(heading(metric))}</h3>{legend}</figcaption>"
            f"{chart}</figure>"
        )
    if not charts:
        return ""
    note = (
        "<p>Dots are seeds, upright lines their means.</p>"
        if single
        else "<p>Means over seeds.</p>"
    )
    return f'{note}\n<div class="charts">{"".join(charts)}</div>\n'


def _pictures(folder: Path, plan: ComparisonPlan, target: str, shots: int) -> str:
    """Returns samples of all methods, of the same latents, beside the source's and real ones."""
    seed = plan.seeds[0]
    places = {m: folder / Trial(m, target, shots, seed).folder for m in plan.methods}
    samples = [
        figure(
            place / "samples.png",
            _truncated(method, plan.methods[method].run.truncation),
            f"Grid of samples of {method} on {shots} pictures of {target}",
            _BYTES,
        )
        for method, place in places.items()
    ]
    if not any(samples):
        return ""
    real = (place / "reals.png" for place in places.values())
    shown = [
        *(
            figure(path, "Training pictures", f"Grid of pictures of {target}", _BYTES)
            for path in [next((path for path in real if path.exists()), None)]
            if path
        ),
        figure(
            folder / f"{evaluation_name(target)}.png",
            "Evaluation pictures",
            f"Grid of other real pictures of {target}",
            _BYTES,
        ),
        figure(
            folder / f"{SOURCE_SAMPLES}.png",
            f"Source: {Path(plan.source_name).name}",
            "Grid of samples of the source, from the same latents",
            _BYTES,
        ),
        *samples,
    ]
    title = "1 picture" if shots == 1 else f"{shots} pictures"
    return (
        f"<h3>{title}</h3>\n<p>Each place in the grids of samples is the same latent "
        f"(seed {seed}).</p>\n"
        f'<div class="many">{"".join(one for one in shown if one)}</div>\n'
    )


def _truncated(method: str, truncation: float | None) -> str:
    return method if truncation is None else f"{method}, truncation {truncation:g}"


def _runs(folder: Path, plan: ComparisonPlan) -> str:
    trials = [trial for trial in plan.trials() if (folder / trial.folder / "report.html").exists()]
    links = "".join(
        f'<li><a href="{html.escape((trial.folder / "report.html").as_posix())}">'
        f"{html.escape(str(trial))}</a></li>"
        for trial in trials
    )
    return f"<ul>{links}</ul>" if links else ""


def _settings(plan: ComparisonPlan) -> str:
    """Returns a table with a column a method, which is empty where it lacks a setting."""
    settings = {name: method.settings() for name, method in plan.methods.items()}
    names = dict.fromkeys(name for values in settings.values() for name in values)
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in settings)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(
            f"<td>{html.escape(show(v[name], name)) if name in v else ''}</td>"
            for v in settings.values()
        )
        + "</tr>"
        for name in names
    )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Settings"><table>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
