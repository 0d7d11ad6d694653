"""Histograms over one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .style import colour, legend_outside, line_style, new_figure, styled

_BINS = 30


def histograms(
    series: Mapping[str, np.ndarray], x_label: str, y_label: str, marks: Mapping[str, float]
) -> Any:
    """Draws histograms, each as shares of its own values.

    Args:
        series: Values ``[N]`` by name.
        x_label, y_label: What they are.
        marks: Places on the axis that are marked, by name.

    Returns:
        A Matplotlib figure.
    """
    values = np.concatenate([np.asarray(v, np.float64) for v in (*series.values(), [0.0])])
    edges = np.linspace(0.0, max(float(values.max()) * 1.02, 1e-6), _BINS + 1)
    with styled():
        figure = new_figure(4.6)
        axes = figure.subplots()
        handles: list[Any] = []
        for number, v in enumerate(series.values()):
            weights = np.full(len(v), 1 / len(v))
            _, _, drawn = axes.hist(
                v,
                edges,
                weights=weights,
                facecolor=(colour(number), 0.25),
                edgecolor=colour(number),
                linestyle=line_style(number),
                linewidth=2,
                histtype="stepfilled",
            )
            handles.append(drawn[0])
        for number, place in enumerate(marks.values()):
            look = {"color": "#000000", "linestyle": line_style(number + 1)}
            handles.append(axes.axvline(place, **look))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        legend_outside(figure, handles, [*series, *marks], columns=4)
    return figure
