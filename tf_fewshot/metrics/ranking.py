"""How well scores tell two kinds of samples apart."""

from __future__ import annotations

import numpy as np

from ..errors import UserError


def average_precision(wanted: np.ndarray, others: np.ndarray) -> float:
    """Computes the average precision of finding the samples that are wanted by their scores.

    The precision at each threshold, weighted by the recall that it adds: the sum of
    (R_k - R_(k-1)) P_k, without interpolation. Equal scores pass a threshold together.

    Args:
        wanted: Scores of the samples to be found, ``[M]``; higher is surer.
        others: Scores of the other samples, ``[N]``.

    Returns:
        The average precision: 1 if all that are wanted come before all others, and
        M / (M + N) if all scores are equal.

    Raises:
        UserError: if nothing is wanted, or a score is NaN.
    """
    wanted, others = np.ravel(wanted).astype(np.float64), np.ravel(others).astype(np.float64)
    if not len(wanted) or np.isnan(wanted).any() or np.isnan(others).any():
        raise UserError("Average precision needs scores to rank, and none of them NaN.")
    thresholds, counts = np.unique(wanted, return_counts=True)
    # Of both kinds, those whose score is at least the threshold.
    found = counts[::-1].cumsum()[::-1]
    false = len(others) - np.searchsorted(np.sort(others), thresholds, side="left")
    return float((counts / len(wanted) * (found / (found + false))).sum())


def chance(wanted: int, others: int) -> float:
    """Computes the mean average precision of all orders of so many samples.

    It comes near to their share, ``wanted / (wanted + others)``, from above as they get more.
    """
    total = wanted + others
    harmonic = float((1.0 / np.arange(1, total + 1)).sum())
    # The k-th sample is a wanted one with the probability of their share, and then so is each
    # of the k - 1 before it with that of the rest: the sum over k of (1 + (k - 1) rest) / k.
    rest = (wanted - 1) / (total - 1) if total > 1 else 0.0
    return (harmonic + rest * (total - harmonic)) / total
