"""What an adaptation leaves: adapter files and SavedModels for TF-Serving."""

from .adapter import Adapter
from .sampling import Sampling
from .saved_model import export_saved_model
from .verify import Example, Report, verify_saved_model

__all__ = [
    "Adapter",
    "Example",
    "Report",
    "Sampling",
    "export_saved_model",
    "verify_saved_model",
]
