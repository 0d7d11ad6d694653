"""What an adaptation leaves: adapter files, and generators for other places to run them."""

from .adapter import Adapter
from .formats import FORMATS, Exported, export, export_file
from .sampling import Sampling
from .saved_model import export_saved_model
from .verify import Example, Report, verify_saved_model

__all__ = [
    "FORMATS",
    "Adapter",
    "Example",
    "Exported",
    "Report",
    "Sampling",
    "export",
    "export_file",
    "export_saved_model",
    "verify_saved_model",
]
