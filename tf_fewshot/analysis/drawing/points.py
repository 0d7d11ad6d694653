"""Points over axes of numbers, panel by panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import WIDTH, colour, new_figure, styled


def point_panels(
    rows: Sequence[Sequence[tuple[str, np.ndarray, np.ndarray]]],
    x_labels: Sequence[str],
    y_label: str,
) -> Any:
    """Draws a panel for each entry: its title, x ``[N]`` and y ``[N]`` in [0, 1].

    Args:
        rows: Panels row by row, as many in each.
        x_labels: What x is, one a row.
        y_label: What y is in all.

    Returns:
        A Matplotlib figure.
    """
    columns = len(rows[0])
    with styled():
        figure = new_figure(len(rows) * min(WIDTH / columns, 3.6) + 0.4)
        grid = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
        for number, (row, x_label) in enumerate(zip(rows, x_labels, strict=True)):
            for axes, (title, x, y) in zip(grid[number], row, strict=True):
                axes.scatter(x, y, s=16, color=colour(number), alpha=0.7, linewidths=0)
                axes.set_title(title, fontsize=11)
                axes.set_ylim(-0.04, 1.04)
                axes.set_xlabel(x_label)
                axes.tick_params(labelsize=10)
                axes.locator_params(axis="x", nbins=4)
            grid[number][0].set_ylabel(y_label)
    return figure
