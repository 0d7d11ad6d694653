"""A Gaussian in place of the prior of latents.

Source: Bojanowski et al., "Optimizing the Latent Space of Generative Networks" (2018), section
3.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from ...layers import LatentGaussian
from .extension import Extension, Place, register
from .fitted import FittedLatents


@register
@dataclasses.dataclass(frozen=True)
class GaussianOfLatents(FittedLatents):
    """A Gaussian of free latents, which takes the place of the prior once it is fitted.

    Attributes:
        rank: Number of its axes.
    """

    name = layer_name = "latent_gaussian"
    words = "a Gaussian of latents"

    rank: int = 1

    def merged(self, other: Extension) -> Extension | None:
        return max(self, cast(GaussianOfLatents, other), key=lambda gaussian: gaussian.rank)

    def widened(self, weight: np.ndarray, to: Extension) -> np.ndarray:
        missing = cast(GaussianOfLatents, to).rank - self.rank
        return np.pad(weight, ((0, missing), (0, 0)))

    def layer(self, name: str, place: Place, dtype: Any) -> LatentGaussian:
        del dtype
        return LatentGaussian(self.rank, place.size, name=name)
