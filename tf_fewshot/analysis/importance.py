"""Which layers matter: the Fisher information of the source's weights.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020),
equation 2 and figure 2: its average by layer rises towards the pixels.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from ..backbones import GAN
from ..methods.cells.elastic import FisherPenalty


@dataclasses.dataclass(frozen=True, eq=False)
class Importance:
    """Average Fisher information by layer.

    Attributes:
        layers: Names of the generator's stages with trainable weights, from latents to pixels.
        means: float64 ``[L]``, the mean of the diagonal over the weights of a stage.
        counts: int64 ``[L]``, how many weights these are.
        likelihood: "discriminator" or "pixels", see
            :class:`~tf_fewshot.methods.cells.fisher_estimate.FisherEstimate`.
        samples: Generated images of the estimate.
    """

    layers: tuple[str, ...]
    means: np.ndarray
    counts: np.ndarray
    likelihood: str
    samples: int


Likelihood = Literal["discriminator", "pixels"]


def fisher_by_layer(
    source: GAN, samples: int = 256, likelihood: Likelihood | None = None, cache: bool = True
) -> Importance:
    """Estimates the Fisher diagonal of a source as EWC does, and averages it by stage.

    Args:
        source: The GAN; classes are taken as their mean, as for an adaptation.
        samples: Generated images. The default is EWC's, so that both share what is kept.
        likelihood: "discriminator" or "pixels"; None takes the first where there is a
            discriminator.
        cache: Whether the diagonal is kept on disk, where EWC looks for it, too.

    Raises:
        UserError: for an unknown likelihood, or a discriminator's without a discriminator.
    """
    gan = source.with_one_class()
    if likelihood is None:
        likelihood = "pixels" if gan.discriminator is None else "discriminator"
    penalty = FisherPenalty(
        fisher_samples=samples, fisher_likelihood=likelihood, fisher_cache=cache
    )
    diagonal = penalty.diagonal(gan)
    layers, means, counts = [], [], []
    for stage in gan.generator_stages():
        values = [diagonal[v.path] for v in stage.variables if v.path in diagonal]
        if values:
            layers.append(stage.name)
            counts.append(sum(v.size for v in values))
            means.append(sum(float(v.sum(dtype=np.float64)) for v in values) / counts[-1])
    return Importance(tuple(layers), np.array(means), np.array(counts), likelihood, samples)
