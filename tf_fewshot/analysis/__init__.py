"""Looks inside generators, as the papers do: functions that return arrays.

What draws them is in :mod:`.drawing`, what writes pictures, data and one HTML page in
:mod:`.pages`, which ``tf-fewshot analyze`` calls.
"""

from .activations import LayerActivations, activation_rates
from .change import ChangeRates, change_rates
from .correspondence import corresponding
from .drift import Drifts, drifts_of_runs
from .embedding import embedded, silhouette
from .free import images_of_free, projectable
from .importance import Importance, fisher_by_layer
from .interpolation import between, between_fitted, fitted_latents, interpolated
from .morphing import morphed
from .neighbours import Neighbours, nearest_training
from .pairs import read_pair, write_pairs
from .projection import Projection, project
from .selection import Selection, select, style_vectors, styles_of
from .statistics import (
    LayerStatistics,
    Statistics,
    statistics_of_classes,
    statistics_of_domains,
)
from .subjects import Subject, load_subjects
from .truncation import TruncationSweep, truncation_sweep, usual_truncations

__all__ = [
    "ChangeRates",
    "Drifts",
    "Importance",
    "LayerActivations",
    "LayerStatistics",
    "Neighbours",
    "Projection",
    "Selection",
    "Statistics",
    "Subject",
    "TruncationSweep",
    "activation_rates",
    "between",
    "between_fitted",
    "change_rates",
    "corresponding",
    "drifts_of_runs",
    "embedded",
    "fisher_by_layer",
    "fitted_latents",
    "images_of_free",
    "interpolated",
    "load_subjects",
    "morphed",
    "nearest_training",
    "project",
    "projectable",
    "read_pair",
    "select",
    "silhouette",
    "statistics_of_classes",
    "statistics_of_domains",
    "style_vectors",
    "styles_of",
    "truncation_sweep",
    "usual_truncations",
    "write_pairs",
]
