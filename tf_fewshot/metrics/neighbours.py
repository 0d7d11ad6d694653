"""Fidelity and diversity told apart: precision and recall, density and coverage.

All four say how two sets of features lie among each other's nearest neighbours. Sources:
Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models"
(NeurIPS 2019), with 3 neighbours, and Naeem et al., "Reliable Fidelity and Diversity Metrics for
Generative Models" (ICML 2020), with 5. What lies exactly on the edge of a ball is within it, as
copies of pictures that are repeated do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..errors import UserError
from .metric import Inputs, Metric

PRECISION_NEIGHBOURS = 3
DENSITY_NEIGHBOURS = 5
# Rows of a matrix of distances that are held at a time, so that memory stays bounded.
_ROWS = 1024
# Samples whose squared distance is smaller, in units of their squared sizes, are equal: features of
# one picture differ by the rounding of float32, and distances by that of sums. Of 800 drawings of
# one style the nearest two are at 0.05 (EfficientNet-Lite0).
_EQUAL = 1e-10


def precision(real: np.ndarray, fake: np.ndarray, k: int = PRECISION_NEIGHBOURS) -> float:
    """Computes the share of the generated samples that lie among the real ones.

    Kynkäänniemi et al. 2019, eq. 1 and 2: within the ball of any real sample, which reaches as
    far as its k-th nearest other real sample.

    Args:
        real: Features ``[N, D]``, N above k.
        fake: Features ``[M, D]``, M above k.
        k: Which neighbour gives the radius.

    Returns:
        The share, from 0 to 1.

    Raises:
        UserError: if there are too few samples, or other shapes.
    """
    real, fake = _checked(real, fake, k)
    return _share_within(fake, real, k)


def recall(real: np.ndarray, fake: np.ndarray, k: int = PRECISION_NEIGHBOURS) -> float:
    """Computes the share of the real samples that lie among the generated ones.

    Arguments, result and source are those of :func:`precision`; the balls are those of the
    generated samples.
    """
    real, fake = _checked(real, fake, k)
    return _share_within(real, fake, k)


def density(real: np.ndarray, fake: np.ndarray, k: int = DENSITY_NEIGHBOURS) -> float:
    """Computes in how many real samples' balls a generated sample lies, by ``k``.

    Naeem et al. 2020, eq. 5. It is 1 where both sets have one distribution, and may be above 1;
    a single real outlier, whose ball is large, counts little.

    Args:
        real: Features ``[N, D]``, N above k.
        fake: Features ``[M, D]``, M above k.
        k: Which neighbour gives the radius.

    Returns:
        The mean number of balls by ``k``, 0 or above.

    Raises:
        UserError: if there are too few samples, or other shapes.
    """
    real, fake = _checked(real, fake, k)
    radii = _squared_radii(real, k)
    within = sum(int((block <= radii).sum()) for block in _squared_distances(fake, real))
    return within / (k * len(fake))


def coverage(real: np.ndarray, fake: np.ndarray, k: int = DENSITY_NEIGHBOURS) -> float:
    """Computes the share of the real samples whose ball holds a generated one.

    Naeem et al. 2020, eq. 6. As the balls are those of real samples, generated outliers do not
    raise it. Arguments and errors are those of :func:`density`.

    Returns:
        The share, from 0 to 1.
    """
    real, fake = _checked(real, fake, k)
    nearest = np.concatenate([block.min(1) for block in _squared_distances(real, fake)])
    return float((nearest <= _squared_radii(real, k)).mean())


def _checked(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"Features must be [N, D] twice, not {real.shape} and {fake.shape}.")
    if k < 1 or min(len(real), len(fake)) <= k:
        raise UserError(
            f"The {k}th neighbour needs at least {max(k, 1) + 1} pictures on both sides, "
            f"not {len(real)} real and {len(fake)} generated."
        )
    return real, fake


def _squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the squared distances of rows of ``a`` to all of ``b``, block by block."""
    # Around a common centre, as rounding grows with the size of the features.
    centre = b.mean(0)
    b = b - centre
    squares = np.square(b).sum(1)
    for start in range(0, len(a), _ROWS):
        rows = a[start : start + _ROWS] - centre
        sizes = np.square(rows).sum(1)[:, None] + squares
        distances = sizes - 2 * rows @ b.T
        yield np.where(distances > _EQUAL * sizes, distances, 0.0)


def _squared_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Returns the squared distance of each sample to its k-th nearest other: ``[N]``."""
    parts = []
    for number, block in enumerate(_squared_distances(features, features)):
        rows = np.arange(len(block))
        block[rows, number * _ROWS + rows] = np.inf
        parts.append(np.partition(block, k - 1, axis=1)[:, k - 1])
    return np.concatenate(parts)


def _share_within(samples: np.ndarray, manifold: np.ndarray, k: int) -> float:
    radii = _squared_radii(manifold, k)
    within = sum(
        int((block <= radii).any(1).sum()) for block in _squared_distances(samples, manifold)
    )
    return within / len(samples)


def _metric(
    name: str, measure: Callable[[np.ndarray, np.ndarray, int], float], k: int, summary: str
) -> Metric:
    def measured(inputs: Inputs) -> dict:
        value = measure(inputs.real_features, inputs.fake_features, k)
        return {"value": value, **inputs.extractor_facts(), "neighbours": k}

    return Metric(name, measured, summary, min_real=k + 1, min_fake=k + 1, better="higher")


PRECISION = _metric(
    "precision", precision, PRECISION_NEIGHBOURS, "fidelity: share of samples among real pictures"
)
RECALL = _metric(
    "recall", recall, PRECISION_NEIGHBOURS, "diversity: share of real pictures among samples"
)
DENSITY = _metric(
    "density", density, DENSITY_NEIGHBOURS, "fidelity: real pictures around each sample, by 5"
)
COVERAGE = _metric(
    "coverage", coverage, DENSITY_NEIGHBOURS, "diversity: share of real pictures with a sample near"
)
