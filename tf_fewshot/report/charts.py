"""Small line charts as inline SVG."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

BINS = 60  # a chart is some 300 pixels wide: more points than this only show noise
DOTS = 12  # so few points are marked
WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 10, 40

Points = Sequence[tuple[float, float]]


def line_chart(series: Mapping[str, Points], x_label: str = "step") -> str:
    """Draws series over a common x axis.

    Args:
        series: ``(x, y)`` points by name, x ascending, all finite.
        x_label: Name of the x axis.

    Returns:
        An ``<svg>`` element that takes its colours from the page's style sheet. Long series
        are the medians of bins, with the middle half of each bin shaded.
    """
    binned = {name: bin_medians(points) for name, points in series.items()}
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for rows in binned.values() for row in rows for y in row[1:]]
    x_low, x_high = widen(min(xs), max(xs))
    x_low = 0.0 if 0 < x_low < x_high / 5 else x_low
    y_ticks = nice_ticks(*widen(min(ys), max(ys)))
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def x_at(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y_at(y: float) -> float:
        return HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for y in y_ticks:
        at = f"{y_at(y):.1f}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{at}" dy=".32em" text-anchor="end">'
            f"{tick_label(y, y_ticks)}</text>"
        )
    x_ticks = [x for x in nice_ticks(x_low, x_high, 5) if x_low <= x <= x_high]
    for x in x_ticks:
        parts.append(
            f'<text x="{x_at(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
            f"{tick_label(x, x_ticks)}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}" '
        f'text-anchor="middle">{html.escape(x_label)}</text>'
    )
    for number, rows in enumerate(binned.values()):
        colour = f"c{number % 6}"
        if len(rows) > 1 and any(low < high for _, _, low, high in rows):
            upper = [f"{x_at(x):.1f},{y_at(high):.1f}" for x, _, _, high in rows]
            lower = [f"{x_at(x):.1f},{y_at(low):.1f}" for x, _, low, _ in reversed(rows)]
            parts.append(f'<polygon class="band {colour}" points="{" ".join(upper + lower)}"/>')
        spots = [(f"{x_at(x):.1f}", f"{y_at(y):.1f}") for x, y, _, _ in rows]
        line = " ".join(f"{x},{y}" for x, y in spots)
        parts.append(f'<polyline class="line {colour}" points="{line}"/>')
        if len(spots) <= DOTS:
            parts += [f'<circle class="dot {colour}" cx="{x}" cy="{y}" r="3"/>' for x, y in spots]
    summary = "; ".join(_in_words(name, points, x_label) for name, points in series.items())
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(summary)}">{"".join(parts)}</svg>'
    )


def bin_medians(points: Points, bins: int = BINS) -> list[tuple[float, float, float, float]]:
    """Returns rows of x, median, lower and upper quartile; of few points, each by itself."""
    if len(points) <= bins:
        return [(x, y, y, y) for x, y in points]
    rows = []
    for part in np.array_split(np.asarray(points, np.float64), bins):
        low, middle, high = np.quantile(part[:, 1], (0.25, 0.5, 0.75))
        rows.append((float(part[:, 0].mean()), float(middle), float(low), float(high)))
    return rows


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Returns multiples of 1, 2 or 5 times a power of ten that enclose ``low`` .. ``high``."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """Writes a tick as short as tells the ticks apart: ``20k``, ``0.05``, ``1.5e-4``."""
    step = min((b - a for a, b in itertools.pairwise(ticks)), default=abs(value) or 1.0)
    if abs(value) < step / 1e6:
        return "0"
    largest = max(abs(ticks[0]), abs(ticks[-1]))
    if largest < 0.01 or largest >= 1e7:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    if largest >= 10_000 and step >= 100:
        return f"{value / 1000:g}k"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def widen(low: float, high: float) -> tuple[float, float]:
    """Returns a range that is not empty, even in floating point."""
    margin = max(abs(low), abs(high)) * 1e-6
    if high - low > margin:
        return low, high
    return (low - 0.5, high + 0.5) if low == 0 else (low - abs(low) / 2, high + abs(high) / 2)


def _in_words(name: str, points: Points, x_label: str) -> str:
    (first_x, first), (last_x, last) = points[0], points[-1]
    return f"{name}: {first:.4g} at {x_label} {first_x:g}, {last:.4g} at {x_label} {last_x:g}"
