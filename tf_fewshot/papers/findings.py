"""What a paper found, in a form that numbers can be held against."""

from __future__ import annotations

import abc
import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from ..metrics import METRICS

# Of one column: the value of a metric in each row, in the order of the rows. Rows that are not
# measured are left out.
Column = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Finding(abc.ABC):
    """One statement about a metric.

    Attributes:
        metric: Its name.
    """

    metric: str

    @abc.abstractmethod
    def holds(self, column: Column) -> Sequence[bool]:
        """Returns of each comparison that can be made in a column whether it is as was found."""


@dataclasses.dataclass(frozen=True)
class Before(Finding):
    """A row is better than each of some others.

    Attributes:
        row: The row that is to be better.
        others: Names of the rows that it is compared with; empty compares it with all.
    """

    row: str
    others: tuple[str, ...] = ()

    def holds(self, column: Column) -> list[bool]:
        if self.row not in column:
            return []
        sign = -1.0 if METRICS[self.metric].better == "lower" else 1.0
        others = [r for r in self.others or column if r in column and r != self.row]
        return [sign * column[self.row] > sign * column[other] for other in others]


@dataclasses.dataclass(frozen=True)
class Along(Finding):
    """From each row to the next the metric rises, or falls.

    Attributes:
        rises: Which of both.
    """

    rises: bool

    def holds(self, column: Column) -> list[bool]:
        return [(b > a) == self.rises for a, b in itertools.pairwise(column.values())]


@dataclasses.dataclass(frozen=True)
class Inside(Finding):
    """The best row is neither the first nor the last."""

    def holds(self, column: Column) -> list[bool]:
        if len(column) < 3:
            return []
        best = min if METRICS[self.metric].better == "lower" else max
        first, *_, last = column
        return [best(column, key=lambda row: column[row]) not in (first, last)]


def verdict(outcomes: Sequence[bool]) -> str:
    """Returns in words how far a finding holds."""
    if not outcomes:
        return "Nothing of it has been measured here yet."
    if all(outcomes):
        return "It holds here."
    if not any(outcomes):
        return "It does not hold here."
    return f"It holds in {sum(outcomes)} of {len(outcomes)} comparisons here."
