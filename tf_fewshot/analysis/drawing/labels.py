"""Names beside points, as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_SIZE = 9  # points
_POINT = 4.0  # pixels from the middle of a point to its edge
_OFFSET = 5.0  # pixels from there to the name
_WIDTH, _HEIGHT = 0.66, 0.85  # of a digit, by the size of the letters


def place_labels(axes: Any, points: np.ndarray, names: Sequence[str]) -> None:
    """Writes names beside points, where they overlap neither points nor one another.

    Each is tried above and below its point on both sides, and left away where there is no room.

    Args:
        axes: Those of the points, whose figure has been laid out.
        points: ``[P, 2]``.
        names: P of them.
    """
    places = axes.transData.transform(points)
    letter = _SIZE * axes.figure.dpi / 72
    frame = axes.get_window_extent()
    taken = [(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in places]
    for i, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        width, height = _WIDTH * letter * len(name), _HEIGHT * letter
        for right, up in ((1, 1), (0, 1), (1, 0), (0, 0)):
            left = x + _OFFSET if right else x - _OFFSET - width
            low = y + 1 if up else y - 1 - height
            box = (left, low, left + width, low + height)
            inside = (
                frame.x0 < box[0] and box[2] < frame.x1 and frame.y0 < box[1] and box[3] < frame.y1
            )
            others = (other for j, other in enumerate(taken) if j != i)
            if inside and not any(_overlap(box, other) for other in others):
                taken.append(box)
                _write(axes, name, points[i], (left + width / 2 - x, low + height / 2 - y))
                break


def _write(axes: Any, name: str, point: np.ndarray, away: tuple[float, float]) -> None:
    by_dot = 72 / axes.figure.dpi
    text = axes.annotate(
        name,
        point,
        (away[0] * by_dot, away[1] * by_dot),
        textcoords="offset points",
        fontsize=_SIZE,
        ha="center",
        va="center",
    )
    text.set_in_layout(False)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
