"""Methods on equal terms: one source, the same pictures, seeds and metrics for all."""

from .plan import DEFAULT_METRICS, ComparisonPlan, Trial, plan
from .runner import Outcome, compare, engine_of, run
from .targets import Target

__all__ = [
    "DEFAULT_METRICS",
    "ComparisonPlan",
    "Outcome",
    "Target",
    "Trial",
    "compare",
    "engine_of",
    "plan",
    "run",
]
