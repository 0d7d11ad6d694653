"""Diversity and memorisation by perceptual distance (LPIPS)."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import UserError
from .embeddings import Embeddings, distances, mean_pairwise
from .metric import Inputs, Metric


@dataclasses.dataclass(frozen=True)
class IntraLpips:
    """The intra-cluster LPIPS of generated pictures.

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
    """Measures the diversity of what is generated near each training picture.

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
