"""Diversity and memorisation by perceptual distance (LPIPS).

LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric") is a squared Euclidean distance between embeddings. All pairs of a set are then
one matrix product of embeddings instead of one pass of the network a pair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..data.augment import to_float
from ..errors import UserError
from .metric import Inputs, Metric

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
        """The embeddings of some of the pictures."""
        part = object.__new__(Embeddings)
        part._embed, part._memory, part.block = self._embed, self._memory, self.block
        part._images = self._images[indices]
        part._kept = None if self._kept is None else self._kept[indices]
        return part

    def _compute(self, images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), _BATCH)
        parts = [np.asarray(self._embed(to_float(images[i : i + _BATCH]))) for i in starts]
        return np.concatenate(parts, dtype=np.float32)


def distances(a: Embeddings, b: Embeddings) -> np.ndarray:
    """LPIPS between all of ``a`` and all of ``b``: float32 ``[len(a), len(b)]``."""
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
    """Mean LPIPS over all pairs of two different pictures of a set of at least 2."""
    values = distances(embeddings, embeddings)
    return float(values[np.triu_indices(len(values), 1)].mean(dtype=np.float64))


@dataclasses.dataclass(frozen=True)
class IntraLpips:
    """Intra-cluster LPIPS.

    Attributes:
        value: Mean of the clusters' means, or None if no cluster has a pair.
        std: Standard deviation of the clusters' means.
        sizes: Generated pictures assigned to each training picture.
        dropped: Clusters of fewer than 2 pictures, which have no pair and do not count.
    """

    value: float | None
    std: float | None
    sizes: list[int]
    dropped: int


def intra_lpips(generated: Embeddings, training: Embeddings, cap: int | None = None) -> IntraLpips:
    """Diversity within what is generated near each training picture.

    Ojha et al. 2021, "Few-shot Image Generation via Cross-domain Correspondence", section
    4.1: each generated picture goes to the training picture of least LPIPS; the mean LPIPS
    of all pairs of a cluster, averaged over clusters. 0 where training pictures are copied.

    Args:
        generated: Embeddings of generated pictures.
        training: Embeddings of the training pictures.
        cap: At most so many pictures of a cluster, the first ones (Ojha et al. take 50);
            None takes all.
    """
    owners = distances(generated, training).argmin(1)
    members = [np.flatnonzero(owners == k) for k in range(len(training))]
    means = [mean_pairwise(generated.select(m[:cap])) for m in members if len(m[:cap]) > 1]
    return IntraLpips(
        value=float(np.mean(means)) if means else None,
        std=float(np.std(means)) if means else None,
        sizes=[len(m) for m in members],
        dropped=len(members) - len(means),
    )


def _measure_intra(inputs: Inputs) -> dict:
    result = intra_lpips(inputs.fake_embeddings, inputs.training_embeddings)
    if result.value is None:
        raise UserError(
            f"No two of {len(inputs.fake)} generated pictures are near the same of "
            f"{len(result.sizes)} training pictures: intra_lpips needs more generated pictures."
        )
    return {
        "value": result.value,
        "std": result.std,
        "num_real": len(result.sizes),
        **inputs.lpips_facts(),
        "cluster_sizes": result.sizes,
        "dropped_clusters": result.dropped,
    }


def _measure_pairwise(inputs: Inputs) -> dict:
    return {"value": mean_pairwise(inputs.fake_embeddings), **inputs.lpips_facts()}


def _measure_nearest(inputs: Inputs) -> dict:
    values = distances(inputs.fake_embeddings, inputs.training_embeddings)
    nearest = values.min(1).astype(np.float64)
    return {
        "value": float(nearest.mean()),
        "std": float(nearest.std()),
        "num_real": values.shape[1],
        **inputs.lpips_facts(),
        "smallest": float(nearest.min()),
    }


INTRA_LPIPS = Metric(
    "intra_lpips",
    _measure_intra,
    "diversity near each training picture",
    min_fake=2,
    needs_training=True,
    better="higher",
)
LPIPS = Metric(
    "lpips",
    _measure_pairwise,
    "diversity: mean LPIPS of all pairs",
    min_fake=2,
    better="higher",
)
NEAREST_LPIPS = Metric(
    "nearest_lpips",
    _measure_nearest,
    "novelty: mean LPIPS to the nearest training picture",
    needs_training=True,
)
