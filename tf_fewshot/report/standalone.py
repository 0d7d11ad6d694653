"""Charts as a file of their own, which brings the style that they take from a page elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

_COLOURS = ("#2a6fbb", "#c8591b", "#26875f", "#8553a8", "#a8485f", "#6b7280")
_STYLE = (
    "text{fill:#5b646e;font:12.5px system-ui,sans-serif}.grid{stroke:#e1e4e8}"
    ".line{fill:none;stroke-width:1.6}.band{opacity:.16}.title{font-weight:600}"
)
_LINE = 18


def standalone(charts: Mapping[str, str], legend: Sequence[str] = ()) -> str:
    """Returns charts, one below the other, as the text of an ``.svg`` file on white.

    Args:
        charts: From :func:`.charts.line_chart` or :func:`.dots.dot_chart`, by what is written
            above each; nothing is written for an empty name.
        legend: Names of the series, in the order of their colours; they are written below.
    """
    rules = "".join(
        f".line.c{i}{{stroke:{colour}}}.dot.c{i},.band.c{i},.key.c{i}{{fill:{colour}}}"
        for i, colour in enumerate(_COLOURS)
    )
    parts, widest, y = [], 0, 0
    for title, svg in charts.items():
        if title:
            parts.append(f'<text class="title" x="12" y="{y + 14}">{html.escape(title)}</text>')
            y += _LINE
        width, height = map(int, svg.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split())
        place = f'<svg x="0" y="{y}" width="{width}" height="{height}" '
        parts.append(place + svg.removeprefix("<svg "))
        widest, y = max(widest, width), y + height
    for number, name in enumerate(legend):
        key = f'<rect class="key c{number % 6}" x="12" y="{y + 5}" width="12" height="4"/>'
        parts.append(f'{key}<text x="30" y="{y + 11}">{html.escape(name)}</text>')
        y += _LINE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * widest}" height="{2 * y}" '
        f'viewBox="0 0 {widest} {y}"><style>{_STYLE}{rules}</style>'
        f'<rect width="{widest}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
