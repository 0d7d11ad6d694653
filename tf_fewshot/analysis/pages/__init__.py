"""What analyses leave in a folder: pictures, data, and one HTML page with a section of each."""

from .activations import write_activations
from .correspondence import write_correspondence
from .drift import write_drift
from .fisher import write_fisher
from .neighbours import write_neighbours
from .projection import projected, write_projection
from .selection import write_selection
from .statistics import write_statistics
from .truncation import write_truncation
from .ways import write_interpolation, write_morphing
from .weights import write_change

__all__ = [
    "projected",
    "write_activations",
    "write_change",
    "write_correspondence",
    "write_drift",
    "write_fisher",
    "write_interpolation",
    "write_morphing",
    "write_neighbours",
    "write_projection",
    "write_selection",
    "write_statistics",
    "write_truncation",
]
