"""Pictures in rows, with names of rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data.grid import image_grid
from .style import WIDTH, new_figure, styled

_GAP = 0.06  # of a picture's side


def picture_rows(
    rows: Sequence[tuple[str, np.ndarray]],
    titles: Sequence[str] = (),
    x_label: str = "",
    y_label: str = "",
) -> Any:
    """Draws rows of pictures.

    Args:
        rows: The name of each row, and its uint8 pictures ``[N, H, W, 3]``; pictures of all rows
            have one size. The last row may be shorter than others.
        titles: Names of the columns.
        x_label: What the columns are.
        y_label: What the rows are.

    Returns:
        A Matplotlib figure.
    """
    height, width = rows[0][1].shape[1:3]
    columns = max(len(images) for _, images in rows)
    gap = max(1, round(_GAP * width))
    sheet = image_grid(np.concatenate([images for _, images in rows]), columns, pad=gap)
    # A third of an inch for titles, and what names of rows take of the width.
    longest = max(len(part) for name, _ in rows for part in name.split("\n"))
    named = 0.3 + 0.11 * longest + (0.35 if y_label else 0.0)
    shown = (WIDTH - named) * sheet.shape[0] / sheet.shape[1]
    with styled():
        figure = new_figure(shown + (0.5 if titles else 0.1) + (0.4 if x_label else 0))
        axes = figure.subplots()
        axes.imshow(sheet, interpolation="nearest", aspect="equal")
        axes.grid(visible=False)
        axes.set_anchor("E")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize=12)
        at = [gap + i * (height + gap) + height / 2 for i in range(len(rows))]
        axes.set_yticks(at, [name for name, _ in rows])
        axes.xaxis.set_ticks_position("top")
        axes.xaxis.set_label_position("top")
        places = [gap + j * (width + gap) + width / 2 for j in range(len(titles))]
        axes.set_xticks(places, titles)
        axes.set_xlabel(x_label, labelpad=8)
        axes.set_ylabel(y_label)
    return figure
