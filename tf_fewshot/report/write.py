"""Puts a report together, section by section; what the run did not leave is left out."""

from __future__ import annotations

import html
import importlib.resources
import os
import string
from collections.abc import Iterable
from pathlib import Path

from ..files import write_text
from .charts import line_chart
from .content import Run
from .pictures import figure
from .tables import number_table

PROGRESS_PICTURES = 10
PROGRESS_BYTES = 120_000  # there are many of them, and they are shown small


def write_report(run: str | os.PathLike) -> Path:
    """Writes ``report.html`` into a run folder: one file with everything in it.

    It reads ``config.json``, ``stats.jsonl``, ``metric-*.jsonl`` and the pictures
    ``source_samples.png`` and ``samples.png`` (same latents in the same grid), ``reals.png``,
    ``fakes_init.png``, ``fakes<step>.png``, ``interpolation.png``, ``reconstructions.png``
    (targets over reconstructions) and ``nearest.png`` (samples over the nearest training
    pictures). Sections of what is not there are left out.

    Args:
        run: The run folder or its path; the run may still be in progress.

    Returns:
        Where the report is.

    Raises:
        UserError: if there is no such folder, or its JSON files are damaged.
    """
    records = Run(Path(run).expanduser())
    sections = [
        ("samples", "Samples", samples(records)),
        ("pictures", "Training pictures", training_pictures(records)),
        ("numbers", "Numbers", _numbers(records)),
        ("progress", "Progress", _progress(records)),
        ("interpolation", "Interpolation", interpolation(records)),
        ("reconstructions", "Reconstructions", reconstructions(records)),
        ("nearest", "Nearest training pictures", _nearest(records)),
        ("curves", "Curves", _curves(records)),
        ("settings", "Settings", _settings(records)),
    ]
    present = [section for section in sections if section[2]]
    path = records.path / "report.html"
    write_text(path, page(title(records), _header(records), present))
    return path


def page(title: str, header: str, sections: list[tuple[str, str, str]]) -> str:
    """Returns the HTML of a whole page.

    Args:
        title: Plain text.
        header: HTML above the sections.
        sections: Name, plain title and HTML of each.
    """
    files = importlib.resources.files(str(__package__))
    template = string.Template(files.joinpath("template.html").read_text(encoding="utf-8"))
    named = [(html.escape(name), html.escape(text), body) for name, text, body in sections]
    return template.substitute(
        title=html.escape(title),
        style=files.joinpath("style.css").read_text(encoding="utf-8"),
        header=header,
        links="".join(f'<li><a href="#{name}">{text}</a></li>' for name, text, _ in named),
        sections="\n".join(
            f'<section id="{name}" aria-labelledby="{name}-title">'
            f'<h2 id="{name}-title">{text}</h2>\n{body}\n</section>'
            for name, text, body in named
        ),
    )


# The top ---------------------------------------------------------------------------


def title(run: Run) -> str:
    """Returns the title of a run: its method, its source and its pictures."""
    return f"{run.method}: {_from_to(run)}" if _from_to(run) else run.method


def _from_to(run: Run) -> str:
    return " → ".join(name for name in (run.source, run.target) if name)


def _header(run: Run) -> str:
    state = "done" if run.finished else "going"
    facts = [
        (name, value)
        for name, value in run.setting_rows()
        if name in ("seed", "batch_size", "precision", "pictures", "image_size")
    ]
    items = "".join(
        f"<div><dt>{html.escape(name.replace('_', ' '))}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in facts
    )
    bar = ""
    if not run.finished and run.total:
        percent = min(100 * run.step // run.total, 100)
        bar = f'<progress max="100" value="{percent}" aria-label="Steps done">{percent}%</progress>'
    return (
        f'<p class="status {state}">{html.escape(run.status)}</p>\n'
        f"<h1>{html.escape(run.method)}"
        + (f" <span>{html.escape(_from_to(run))}</span>" if _from_to(run) else "")
        + "</h1>\n"
        + bar
        + (f'<dl class="facts">{items}</dl>' if items else "")
    )


# Pictures --------------------------------------------------------------------------


def samples(run: Run) -> str:
    """Returns the HTML of samples before and after; "" if there are none."""
    source = run.source or "the source"
    pair = [
        figure(
            run.path / "source_samples.png",
            f"Before: {source}",
            f"Grid of samples of {source} before it was adapted",
        ),
        figure(
            run.path / "samples.png",
            f"After: {run.method}",
            "Grid of samples of the adapted generator, from the same latents",
        ),
    ]
    note = "Each place in the two grids is the same latent." if all(pair) else ""
    return _pictures("pair", pair, note)


def training_pictures(run: Run) -> str:
    """Returns the HTML of the grid of training pictures; "" if there is none."""
    one = figure(
        run.path / "reals.png", run.target or "Training data", "Grid of real training pictures"
    )
    return _pictures("single", [one])


def _progress(run: Run) -> str:
    shown = [
        figure(
            run.path / "fakes_init.png", "Start", "Samples before the first step", PROGRESS_BYTES
        )
    ]
    shown += [
        figure(file, f"Step {step:,}", f"Samples after {step:,} steps", PROGRESS_BYTES)
        for step, file in _evenly(sorted(run.fakes.items()), PROGRESS_PICTURES)
    ]
    if not any(shown):
        return ""
    body = "".join(f"<li>{one}</li>" for one in shown if one)
    return (
        "<p>The same latents all along.</p>\n"
        f'<div class="strip" tabindex="0" role="group" aria-label="Samples over the steps">'
        f"<ol>{body}</ol></div>"
    )


def interpolation(run: Run) -> str:
    """Returns the HTML of the strip between latents; "" if there is none."""
    one = figure(
        run.path / "interpolation.png",
        "Between neighbouring latents, in even steps.",
        "Strip of samples on the way from one latent to another",
    )
    return _pictures("wide", [one])


def reconstructions(run: Run) -> str:
    """Returns the HTML of pictures over their reconstructions; "" if there are none."""
    one = figure(
        run.path / "reconstructions.png",
        "Above: training pictures. Below: what the generator makes of their latents.",
        "Training pictures over their reconstructions",
    )
    return _pictures("wide", [one])


def _nearest(run: Run) -> str:
    one = figure(
        run.path / "nearest.png",
        "Above: samples. Below: the training picture nearest to each. "
        "Equal pairs mean that pictures were learned by heart.",
        "Samples over the nearest training pictures",
    )
    return _pictures("wide", [one])


def _pictures(kind: str, figures: Iterable[str | None], note: str = "") -> str:
    body = "".join(one for one in figures if one)
    if not body:
        return ""
    return (f"<p>{note}</p>\n" if note else "") + f'<div class="{kind}">{body}</div>'


def _evenly(items: list, most: int) -> list:
    """Chooses at most ``most`` of the items, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


# Numbers ---------------------------------------------------------------------------


def _numbers(run: Run) -> str:
    headings, rows = run.metric_rows()
    if not rows:
        return ""
    return (
        f"{number_table(headings, rows)}\n"
        "<p>Numbers compare only where samples, feature network and resize are the same.</p>"
    )


def _curves(run: Run) -> str:
    charts = []
    for title, series in run.charts().items():
        keys = "".join(
            f'<li class="c{number % 6}">{html.escape(name)}</li>'
            for number, name in enumerate(series)
        )
        legend = f'<ul class="legend">{keys}</ul>' if len(series) > 1 else ""
        charts.append(
            f"<figure><figcaption><h3>{html.escape(title)}</h3>{legend}</figcaption>"
            f"{line_chart(series)}</figure>"
        )
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ""


def _settings(run: Run) -> str:
    rows = _table(run.setting_rows())
    versions = _table([(name, str(value)) for name, value in run.versions.items()])
    if versions:
        versions = f"<details><summary>Versions</summary>{versions}</details>"
    return rows + versions


def _table(rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table class="settings"><tbody>{body}</tbody></table>'
