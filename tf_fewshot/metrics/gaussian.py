"""The maximum mean discrepancy of two sets of features under a Gaussian kernel (KMMD)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..errors import UserError
from .metric import Inputs, Metric

_ROWS = 1024
"""Rows and columns of a kernel matrix held at a time, so that memory stays bounded."""

MEDIAN_OF = 2000
"""The median is taken of the pairs of at most so many pictures."""


def gaussian_mmd(real: np.ndarray, fake: np.ndarray, bandwidth: float) -> float:
    """Computes the unbiased squared MMD with the kernel exp(-|x - y|² / (2 σ²)).

    Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3. It may be below 0 where the
    sets are alike, and is at most 2.

    Args:
        real: Features ``[N, D]``, N at least 2.
        fake: Features ``[M, D]``, M at least 2.
        bandwidth: σ, above 0, in units of the features.

    Raises:
        UserError: if there are fewer than 2 samples on a side, other shapes, or no such
            bandwidth.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"Features must be [N, D] twice, not {real.shape} and {fake.shape}.")
    n, m = len(real), len(fake)
    if min(n, m) < 2:
        raise UserError(
            "The maximum mean discrepancy needs at least 2 pictures on both sides, "
            f"not {n} real and {m} generated."
        )
    if not (math.isfinite(bandwidth) and bandwidth > 0):
        raise UserError(f"The bandwidth must be a number above 0, not {bandwidth}.")
    # Distances do not change, and lose fewer digits near the origin.
    centre = real.mean(0)
    real, fake = real - centre, fake - centre
    scale = -0.5 / bandwidth**2
    within_real = _sum_of_others(real, scale) / (n * (n - 1))
    within_fake = _sum_of_others(fake, scale) / (m * (m - 1))
    across = sum(float(np.exp(scale * d).sum()) for _, _, d in _tiles(real, fake))
    return within_real + within_fake - 2 * across / (n * m)


def median_distance(features: np.ndarray, most: int = MEDIAN_OF) -> float:
    """Computes the median of the Euclidean distances of all pairs of two different rows.

    Args:
        features: ``[N, D]``, N at least 2.
        most: Of more rows, the pairs are those of so many, drawn without replacement
            with seed 0.
    """
    features = np.asarray(features, np.float64)
    if len(features) > most:
        chosen = np.random.default_rng(0).choice(len(features), most, replace=False)
        features = features[chosen]
    squares = _squared_distances(*[features - features.mean(0)] * 2)
    return float(np.median(np.sqrt(squares[np.triu_indices(len(squares), 1)])))


def _sum_of_others(x: np.ndarray, scale: float) -> float:
    """Sums the kernel over all pairs of two different rows, in both orders."""
    total = 0.0
    for i, j, squares in _tiles(x, x):
        kernel = float(np.exp(scale * squares).sum())
        total += kernel - len(squares) if i == j else 2 * kernel
    return total


def _tiles(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yields row, column and squared distances of each tile.

    Tiles below the diagonal are left out if y is x.
    """
    for i in range(0, len(x), _ROWS):
        for j in range(i if y is x else 0, len(y), _ROWS):
            squares = _squared_distances(x[i : i + _ROWS], y[j : j + _ROWS])
            if y is x and i == j:
                np.fill_diagonal(squares, 0.0)
            yield i, j, squares


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    norms = np.square(x).sum(1)[:, None] + np.square(y).sum(1)
    squares = norms - 2 * x @ y.T
    # Rounding leaves equal rows a little above or below 0.
    return np.where(squares > 1e-12 * norms, squares, 0.0)


def _measure(inputs: Inputs) -> dict:
    real, fake = inputs.real_features, inputs.fake_features
    bandwidth = median_distance(real)
    if not bandwidth > 0:
        raise UserError(
            f"More than half of the pairs of {len(real)} reference pictures are of equal "
            "pictures: kmmd finds no bandwidth. Leave copies out."
        )
    fixed = math.sqrt(real.shape[1])
    pairs = "different reference pictures"
    if len(real) > MEDIAN_OF:
        pairs += f", of {MEDIAN_OF} drawn with seed 0"
    return {
        "value": gaussian_mmd(real, fake, bandwidth),
        **inputs.extractor_facts(),
        "estimator": "unbiased squared MMD",
        "kernel": "exp(-|x - y|² / (2 σ²))",
        "bandwidth": bandwidth,
        "bandwidth_rule": f"median distance of all pairs of two {pairs}",
        "fixed_value": gaussian_mmd(real, fake, fixed),
        "fixed_bandwidth": fixed,
        "fixed_bandwidth_rule": "square root of the number of features",
    }


KMMD = Metric(
    "kmmd",
    _measure,
    "squared MMD between features, Gaussian kernel",
    min_real=2,
    min_fake=2,
    better="lower",
)
