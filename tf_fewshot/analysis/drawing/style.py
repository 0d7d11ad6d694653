"""The one look of all figures, and how they are written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...compat.optional import optional
from ...files import atomic_path

WIDTH = 12.0
"""Inches; with 100 dots each a figure is 1,200 pixels wide."""
DPI = 100
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito, "Color Universal Design" (2008), without the yellow that white swallows."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Groups beyond the colours, and for those who see none, are told apart by shape."""
LINES = ("-", "--", "-.", ":")

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 13,
    "figure.constrained_layout.use": True,
    "figure.dpi": DPI,
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "grid.color": "#e1e4e8",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "savefig.dpi": DPI,
    "svg.hashsalt": "tf-fewshot",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Inside this, figures have the look; whoever uses Matplotlib beside keeps theirs."""
    with optional("matplotlib").rc_context(_STYLE):
        yield


def new_figure(height: float, width: float = WIDTH) -> Any:
    """Returns an empty figure of this size in inches; it belongs to no window."""
    return optional("matplotlib.figure").Figure(figsize=(width, height))


def colour(number: int) -> str:
    """Returns the colour of a series or group by its number."""
    return PALETTE[number % len(PALETTE)]


def marker(number: int) -> str:
    """Returns the shape of a group's points by its number; colour and shape tell 49 apart."""
    return MARKERS[(number + number // len(PALETTE)) % len(MARKERS)]


def line_style(number: int) -> str:
    """Returns the dashes of a series by its number."""
    return LINES[number % len(LINES)]


def legend_outside(figure: Any, handles: list, labels: list[str], columns: int = 6) -> None:
    """Puts a legend above the axes."""
    figure.legend(
        handles, labels, loc="outside upper center", ncols=max(1, min(columns, len(labels)))
    )


def save_figure(figure: Any, folder: str | os.PathLike, name: str) -> list[Path]:
    """Writes a figure as PNG and SVG, each whole or not at all.

    Args:
        figure: A Matplotlib figure.
        folder: Where.
        name: Of the files, without suffix.

    Returns:
        Where the PNG and the SVG are.
    """
    paths = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        path = Path(folder) / f"{name}{suffix}"
        with styled(), atomic_path(path) as partial:
            figure.savefig(partial, metadata=metadata)
        paths.append(path)
    return paths
