"""Looks inside generators, as the papers do: functions that return arrays.

What draws them is in :mod:`.drawing`, what writes pictures, data and one HTML page in
:mod:`.pages`, which ``tf-fewshot analyze`` calls.
"""

from .activations import LayerActivations, activation_rates
from .change import ChangeRates, change_rates
from .drift import Drifts, drifts_of_runs
from .embedding import embedded, silhouette
from .importance import Importance, fisher_by_layer
from .statistics import LayerStatistics, Statistics, statistics_of_classes, statistics_of_domains
from .subjects import Subject, load_subjects

__all__ = [
    "ChangeRates",
    "Drifts",
    "Importance",
    "LayerActivations",
    "LayerStatistics",
    "Statistics",
    "Subject",
    "activation_rates",
    "change_rates",
    "drifts_of_runs",
    "embedded",
    "fisher_by_layer",
    "load_subjects",
    "silhouette",
    "statistics_of_classes",
    "statistics_of_domains",
]
