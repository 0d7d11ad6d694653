"""What the pictures themselves measure, beside which the numbers of methods are read."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics import evaluate
from .plan import ComparisonPlan, Trial
from .results import Record

REPEATED = "(training pictures)"
UNSEEN = "(unseen pictures)"
NOTE = (
    f"{REPEATED} are these, repeated: what a method that learns them by heart comes to. "
    f"{UNSEEN} are half of the evaluation pictures, compared with the other half."
)


def references(plan: ComparisonPlan) -> list[Trial]:
    """Returns what is measured of the pictures, in the form of trials without training.

    They are of seed 0, whichever those of the methods are: nothing is drawn.
    """
    return [
        Trial(kind, target, shots, 0)
        for target, domain in plan.domains.items()
        for shots in plan.shots
        if shots <= len(domain.training)
        for kind in (REPEATED, UNSEEN)
    ]


def measured(plan: ComparisonPlan, trial: Trial, names: Sequence[str]) -> Record:
    """Returns the record of the pictures themselves.

    Args:
        plan: The comparison.
        trial: One of those that :func:`references` returns.
        names: The metrics to measure.

    Raises:
        UserError: if there are too few pictures for a metric.
    """
    begun = time.monotonic()
    domain = plan.domains[trial.target]
    training, reference, n = domain.training.take(trial.shots), domain.reference, plan.n
    shown = training
    if trial.method == UNSEEN:
        half = len(reference) // 2
        shown, reference = reference.select(range(half)), reference.select(range(half, 2 * half))
        n = min(n, half)

    def draw(count: int, seed: int) -> np.ndarray:
        del seed
        return shown.images[np.arange(count) % len(shown)]

    records: list[dict[str, Any]] = evaluate(
        draw, reference, names, n, trial.seed, training=training
    )
    return {
        **dataclasses.asdict(trial),
        "metrics": records,
        "seconds": round(time.monotonic() - begun, 3),
    }
