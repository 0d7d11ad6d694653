"""A chart of single measurements, a row of dots for each name, as inline SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from .charts import HEIGHT, RIGHT, TOP, WIDTH, nice_ticks, tick_label, widen

ROW = 26
BOTTOM = 24
LETTER = 7  # about the width of a letter, in pixels


def dot_chart(rows: Mapping[str, Sequence[float]]) -> str:
    """Draws the values of each name on one axis, and their mean as an upright line.

    Args:
        rows: Finite values by name, at least one each.

    Returns:
        An ``<svg>`` element that takes its colours from the page's style sheet.
    """
    values = [value for row in rows.values() for value in row]
    ticks = nice_ticks(*widen(min(values), max(values)))
    low, high = ticks[0], ticks[-1]
    left = min(LETTER * max(map(len, rows)) + 12, WIDTH // 2)
    height = max(TOP + ROW * len(rows) + BOTTOM, HEIGHT // 2)
    foot = height - BOTTOM

    def x_at(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - RIGHT)

    parts = []
    for tick in ticks:
        at = f"{x_at(tick):.1f}"
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{foot}"/>')
        parts.append(
            f'<text x="{at}" y="{height - 6}" text-anchor="middle">{tick_label(tick, ticks)}</text>'
        )
    for number, (name, row) in enumerate(rows.items()):
        colour, y = f"c{number % 6}", TOP + ROW * (number + 0.5)
        mean = f"{x_at(sum(row) / len(row)):.1f}"
        parts.append(
            f'<text x="{left - 8}" y="{y:.1f}" dy=".32em" text-anchor="end">'
            f"{html.escape(name)}</text>"
        )
        parts.append(
            f'<line class="line {colour}" x1="{mean}" x2="{mean}" y1="{y - 8:.1f}" '
            f'y2="{y + 8:.1f}"/>'
        )
        parts += [
            f'<circle class="dot {colour}" cx="{x_at(v):.1f}" cy="{y:.1f}" r="3"/>' for v in row
        ]
    summary = "; ".join(
        f"{name}: {', '.join(f'{value:.4g}' for value in row)}" for name, row in rows.items()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(summary)}">{"".join(parts)}</svg>'
    )
