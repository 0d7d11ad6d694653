"""LPIPS embeddings of pictures, and the distances between them.

LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric") is a squared Euclidean distance between embeddings. All pairs of a set are then
one matrix product of embeddings instead of one pass of the network a pair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..data.augment import to_float
from .distinct import distinct

Embed = Callable[[np.ndarray], np.ndarray]
"""float32 ``[N, H, W, 3]`` in [-1, 1] -> float32 ``[N, E]``, ``|e_a - e_b|²`` = LPIPS."""

_BATCH = 32


class Embeddings:
    """Embeddings of pictures: kept if they fit, else computed again block by block.

    Args:
        embed: The embedding.
        images: uint8 ``[N, H, W, 3]``.
        memory: Bytes that may be kept; blocks take a quarter of it each.
    """

    def __init__(self, embed: Embed, images: np.ndarray, memory: int = 1 << 29):
        self._embed, self._images, self._memory = embed, images, memory
        row = 4 * np.asarray(embed(to_float(images[:1]))).shape[1]
        self.block = max(1, memory // (4 * row))
        self._kept = self._compute(images) if len(images) * row <= memory else None

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self._compute(self._images[rows]) if self._kept is None else self._kept[rows]

    def select(self, indices: np.ndarray) -> Embeddings:
        """Returns the embeddings of the pictures at these indices."""
        part = object.__new__(Embeddings)
        part._embed, part._memory, part.block = self._embed, self._memory, self.block
        part._images = self._images[indices]
        part._kept = None if self._kept is None else self._kept[indices]
        return part

    def _compute(self, images: np.ndarray) -> np.ndarray:
        firsts, same = distinct(images)
        starts = range(0, len(firsts), _BATCH)
        batches = (images[firsts[i : i + _BATCH]] for i in starts)
        parts = [np.asarray(self._embed(to_float(batch))) for batch in batches]
        return np.concatenate(parts, dtype=np.float32)[same]


def distances(a: Embeddings, b: Embeddings) -> np.ndarray:
    """Returns the LPIPS of all of ``a`` to all of ``b``: float32 ``[len(a), len(b)]``."""
    result = np.empty((len(a), len(b)), np.float32)
    for i in range(0, len(a), a.block):
        rows = a[i : i + a.block]
        for j in range(0, len(b), b.block):
            if b is a and j < i:
                result[i : i + a.block, j : j + b.block] = result[
                    j : j + b.block, i : i + a.block
                ].T
                continue
            columns = rows if b is a and j == i else b[j : j + b.block]
            squares = np.square(rows).sum(1)[:, None] + np.square(columns).sum(1)
            result[i : i + a.block, j : j + b.block] = squares - 2 * rows @ columns.T
    # Rounding leaves equal pictures a little above or below 0.
    return np.maximum(result, 0)


def mean_pairwise(embeddings: Embeddings) -> float:
    """Returns the mean LPIPS of all pairs of two different pictures of a set of at least 2."""
    values = distances(embeddings, embeddings)
    return float(values[np.triu_indices(len(values), 1)].mean(dtype=np.float64))
