"""User studies: pairs of pictures in, one HTML file that asks out; answers of people pooled."""

from .answers import Answers, Pooled, pool_answers, read_answers, wilson_interval
from .page import write_study
from .pairs import Study, draw_study

__all__ = [
    "Answers",
    "Pooled",
    "Study",
    "draw_study",
    "pool_answers",
    "read_answers",
    "wilson_interval",
    "write_study",
]
