"""Values by layer: bars from 0, or points on a logarithmic axis, which has no 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .style import colour, legend_outside, line_style, marker, new_figure, styled


def bars_by_layer(
    layers: Sequence[str],
    series: Mapping[str, np.ndarray],
    y_label: str,
    x_label: str = "layer, from latents to pixels",
    log: bool = False,
) -> Any:
    """Draws the value of each layer and series.

    Args:
        layers: Their names, L of them.
        series: Values ``[L]`` by name; NaN draws nothing.
        y_label: What the values are.
        x_label: What the layers are.
        log: Whether the axis of the values is logarithmic; values of 0 are left out then.

    Returns:
        A Matplotlib figure.
    """
    with styled():
        figure = new_figure(5.2)
        axes = figure.subplots()
        places, width = np.arange(len(layers)), 0.8 / max(len(series), 1)
        handles: list[Any] = []
        for number, values in enumerate(series.values()):
            shown = np.asarray(values, np.float64)
            if log:
                shown = np.where(shown > 0, shown, np.nan)
                look = {"marker": marker(number), "linestyle": line_style(number), "markersize": 9}
                handles += axes.plot(places, shown, color=colour(number), **look)
            else:
                at = places + (number - (len(series) - 1) / 2) * width
                handles.append(axes.bar(at, shown, 0.92 * width, color=colour(number)))
        if log:
            axes.set_yscale("log")
        else:
            axes.axhline(0, color="#5b646e", linewidth=0.8)
        slanted = len(layers) > 9 or max(map(len, layers)) > 12
        axes.set_xticks(
            places, layers, rotation=30 if slanted else 0, ha="right" if slanted else "center"
        )
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if len(series) > 1:
            legend_outside(figure, handles, list(series))
    return figure
