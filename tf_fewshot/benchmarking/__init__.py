"""Measuring speed: loading, sampling and training steps, as records that can be kept."""

from .measure import Measurements, benchmark
from .operations import flops
from .timing import best_of_each, best_seconds, seconds_and_peak

__all__ = [
    "Measurements",
    "benchmark",
    "best_of_each",
    "best_seconds",
    "flops",
    "seconds_and_peak",
]
