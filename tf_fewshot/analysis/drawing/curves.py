"""Lines over a common axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .style import colour, legend_outside, line_style, new_figure, styled


def curves(
    series: Mapping[str, tuple[Sequence[float] | np.ndarray, np.ndarray]],
    x_label: str,
    y_label: str,
    points: bool = False,
    ticks: Sequence[str] = (),
    shares: bool = False,
    from_zero: bool = False,
) -> Any:
    """Draws lines.

    Args:
        series: x and y, ``[N]`` each, by name.
        x_label, y_label: What they are.
        points: Whether measured points are marked.
        shares: Whether y is a share: the axis is the whole, from 0 to 1.
        from_zero: Whether the axis of y begins at 0, where distances do.
        ticks: Names of the places 0, 1, … of x, in place of numbers.

    Returns:
        A Matplotlib figure.
    """
    with styled():
        figure = new_figure(5.2)
        axes = figure.subplots()
        handles = []
        for number, (x, y) in enumerate(series.values()):
            (line,) = axes.plot(
                x,
                y,
                color=colour(number),
                linestyle=line_style(number),
                marker="o" if points or len(x) == 1 else None,
            )
            handles.append(line)
        if ticks:
            axes.set_xticks(range(len(ticks)), ticks)
        if shares:
            axes.set_ylim(-0.03, 1.03)
        if from_zero:
            axes.set_ylim(bottom=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if len(series) > 1:
            legend_outside(figure, handles, list(series), columns=4)
    return figure
