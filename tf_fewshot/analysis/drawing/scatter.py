"""Points in two dimensions, a panel a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .labels import place_labels
from .style import WIDTH, colour, legend_outside, marker, new_figure, styled

COLUMNS = 4
FEW_POINTS = 14
"""Up to so many points without groups have a colour and shape each."""
_SHORT = 3  # Letters of names that fit beside a point.


def panels_by_layer(
    panels: Mapping[str, np.ndarray],
    groups: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Any:
    """Draws a panel of points for each layer.

    Args:
        panels: Points ``[P, 2]`` by the title of their panel.
        groups: The group of each point, which colours it; None has none.
        names: What the points are called. The legend names few points without groups; short
            names stand beside points with groups, where there is room.
        notes: What stands below the title of a panel.

    Returns:
        A Matplotlib figure, four panels a row.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    side = min(WIDTH / columns, 3.0)
    count = len(next(iter(panels.values())))
    if groups is None and names is not None and count <= FEW_POINTS:
        groups, names = names, None
    kinds = list(dict.fromkeys(groups or [""]))
    beside = groups is not None and names is not None and max(map(len, names)) <= _SHORT
    with styled():
        figure = new_figure(rows * side + 1.0)
        grid = figure.subplots(rows, columns, squeeze=False)
        handles: list[Any] = []
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (title, points) in zip(grid.flat, panels.items(), strict=False):
            handles = []
            for number, kind in enumerate(kinds):
                chosen = points if groups is None else points[[g == kind for g in groups]]
                look = {"color": colour(number), "marker": marker(number)}
                handles.append(
                    axes.scatter(*chosen.T, s=60, edgecolors="white", linewidths=0.6, **look)
                )
            note = (notes or {}).get(title, "")
            axes.set_title(f"{title}\n{note}" if note else title, fontsize=12)
            axes.set_xticks([])
            axes.set_yticks([])
            # One scale in both directions, as distances are what is shown.
            axes.set_aspect("equal", "datalim")
            axes.margins(0.12)
            for spine in axes.spines.values():
                spine.set(visible=True, color="#c9ced4")
        figure.supxlabel("first dimension", fontsize=12)
        figure.supylabel("second dimension", fontsize=12)
        if groups is not None:
            legend_outside(figure, handles, kinds)
        if beside and names is not None:
            figure.draw_without_rendering()
            for axes, points in zip(grid.flat, panels.values(), strict=False):
                place_labels(axes, points, names)
    return figure
