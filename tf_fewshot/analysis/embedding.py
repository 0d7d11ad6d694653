"""Many dimensions in two, and how well groups stand apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compat.optional import optional
from ..errors import UserError, unknown_name

METHODS = ("auto", "tsne", "pca")
FEW = 8
"""Fewer points than this are shown by PCA unless asked otherwise: they have no neighbourhoods."""
_MOST_NEIGHBOURS = 30
_MANY = 1000


def embedded(points: np.ndarray, method: str = "auto", seed: int = 0) -> tuple[np.ndarray, str]:
    """Lays points out in two dimensions, near ones near.

    Args:
        points: ``[P, D]``, P of 2 or more.
        method: "tsne" (van der Maaten and Hinton, 2008), whose perplexity, the number of
            neighbours that count, is a third of the other points and 30 at most; "pca", the
            two directions of most variance; or "auto", t-SNE from 8 points on.
        seed: Of t-SNE.

    Returns:
        float64 ``[P, 2]``, and how they were laid out, for people.

    Raises:
        UserError: for an unknown method, or fewer than two points.
    """
    if method not in METHODS:
        raise unknown_name("embedding", method, METHODS)
    points = np.asarray(points, np.float64)
    if len(points) < 2:
        raise UserError(f"{len(points)} points cannot be laid out: give two or more.")
    chosen = ("tsne" if len(points) >= FEW else "pca") if method == "auto" else method
    if chosen == "pca" or not np.ptp(points, axis=0).any():
        return _principal(points), "PCA"
    perplexity = min(_MOST_NEIGHBOURS, max(1.0, (len(points) - 1) / 3))
    tsne = optional("sklearn.manifold").TSNE(
        perplexity=perplexity, init="pca" if min(points.shape) > 1 else "random", random_state=seed
    )
    # More threads than one only wait for one another where there are so few points.
    with optional("threadpoolctl").threadpool_limits(1 if len(points) < _MANY else None):
        shown = np.asarray(tsne.fit_transform(points), np.float64)
    return shown, f"t-SNE, perplexity {perplexity:.3g}"


def _principal(points: np.ndarray) -> np.ndarray:
    centred = points - points.mean(0)
    u, values, _ = np.linalg.svd(centred, full_matrices=False)
    shown = np.zeros((len(points), 2))
    shown[:, : min(2, len(values))] = (u * values)[:, :2]
    # The sign of an axis is nobody's choice: the largest coordinate is made positive.
    signs = np.sign(shown[np.abs(shown).argmax(0), [0, 1]])
    return shown * np.where(signs == 0, 1, signs)


def silhouette(points: np.ndarray, groups: Sequence[str]) -> float:
    """Computes the mean silhouette of groups in all dimensions.

    Rousseeuw, "Silhouettes" (1987): for each point (b - a) / max(a, b), with a the mean distance
    to its own group and b that to the nearest other one; 0 for a point alone in its group.

    Args:
        points: ``[P, D]``.
        groups: The group of each.

    Returns:
        From -1 (each lies among others) through 0 (no groups) to 1 (far apart).

    Raises:
        UserError: if there are fewer than two groups, or no group has two points.
    """
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2 or len(names) >= len(points):
        raise UserError(
            f"Silhouettes need two groups or more, one of them of two points or more, not "
            f"{len(names)} of {len(points)} points."
        )
    score = optional("sklearn.metrics").silhouette_score
    return float(score(np.asarray(points, np.float64), numbers))
