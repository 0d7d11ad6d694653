"""Cell: cross-domain distance consistency."""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from ...errors import UserError
from ...losses.consistency import distance_consistency
from ..player import GENERATOR, Penalty, Turn
from ..problem import Problem
from .regularizers import Regularizer


@dataclasses.dataclass(frozen=True)
class DistanceConsistency(Regularizer):
    """Keeps latents as alike to one another as they are in the source.

    Source: Ojha et al. (CVPR 2021), section 3.1. The released code takes a layer at random
    for each latent, without the first and the last; here it is the mean over these layers.

    Attributes:
        consistency_weight: λ; the paper's and the code's.
        consistency_batch: Latents that are compared with one another; the code's.
    """

    consistency_weight: float = 1000.0
    consistency_batch: int = 4

    def prepare(self, problem: Problem, selection, latents) -> Penalty:
        source, gan = problem.source, problem.gan
        if source is None:
            raise UserError("Distance consistency needs a source to be consistent with.")
        if self.consistency_batch < 3:
            raise UserError(
                f"consistency_batch must be at least 3, not {self.consistency_batch}: two latents "
                "have one likeness only."
            )

        def term(turn: Turn):
            del turn
            shape = (self.consistency_batch, gan.latent_dim)
            z = keras.random.normal(shape, seed=latents.seeds)
            wanted = [tf.stop_gradient(f) for f in source.generator_features(z)[1:-1]]
            loss = distance_consistency(wanted, gan.generator_features(z)[1:-1])
            return self.consistency_weight * loss, {"consistency": loss}

        return Penalty(GENERATOR, term)
