"""What analyses leave in a folder: pictures, data, and one HTML page with a section of each."""

from .activations import write_activations
from .drift import write_drift
from .fisher import write_fisher
from .statistics import write_statistics
from .weights import write_change

__all__ = ["write_activations", "write_change", "write_drift", "write_fisher", "write_statistics"]
