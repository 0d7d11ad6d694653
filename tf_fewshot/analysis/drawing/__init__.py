"""Figures of what analyses return: arrays in, Matplotlib figures out."""

from .animation import FORMATS, check_format, save_animation, there_and_back
from .bars import bars_by_layer
from .curves import curves
from .histograms import histograms
from .pictures import picture_rows
from .points import point_panels
from .scatter import panels_by_layer
from .style import PALETTE, new_figure, save_figure

__all__ = [
    "FORMATS",
    "PALETTE",
    "bars_by_layer",
    "check_format",
    "curves",
    "histograms",
    "new_figure",
    "panels_by_layer",
    "picture_rows",
    "point_panels",
    "save_animation",
    "save_figure",
    "there_and_back",
]
