"""Looks inside generators, as the papers do: functions that return arrays.

What draws them is in :mod:`.drawing`, what writes pictures, data and one HTML page in
:mod:`.pages`, which ``tf-fewshot analyze`` calls.
"""

from .activations import LayerActivations, activation_rates
from .change import ChangeRates, change_rates
from .drift import Drifts, drifts_of_runs
from .embedding import embedded, silhouette
from .importance import Importance, fisher_by_layer
from .neighbours import Neighbours, nearest_training
from .statistics import LayerStatistics, Statistics, statistics_of_classes, statistics_of_domains
from .subjects import Subject, load_subjects
from .truncation import TruncationSweep, truncation_sweep, usual_truncations

__all__ = [
    "ChangeRates",
    "Drifts",
    "Importance",
    "LayerActivations",
    "LayerStatistics",
    "Neighbours",
    "Statistics",
    "Subject",
    "TruncationSweep",
    "activation_rates",
    "change_rates",
    "drifts_of_runs",
    "embedded",
    "fisher_by_layer",
    "load_subjects",
    "nearest_training",
    "silhouette",
    "statistics_of_classes",
    "statistics_of_domains",
    "truncation_sweep",
    "usual_truncations",
]
