"""Cell: each image resembles the picture whose latents it is of."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ..player import GENERATOR, Penalty, Turn
from ..problem import Problem
from ..selection import Selection
from .latents import LatentSource
from .reconstruction import Perceptual
from .regularizers import Regularizer

_LPIPS = Perceptual(perceptual_network="alexnet", perceptual_weight=1.0)


@dataclasses.dataclass(frozen=True)
class Likeness(Regularizer):
    """The mean absolute difference of pixels, and a perceptual one, of image and picture.

    For latents that belong to the pictures of a step, one each. Beside a discriminator, which says
    what pictures look like, it says which picture a latent stands for.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks"
    (CVPR 2017), equation 4; they compare pixels alone, with weight 100.

    Attributes:
        likeness_weight: Of the sum of both, beside the adversarial loss.
        perceptual: Settings that belong together.
    """

    likeness_weight: float = 10.0
    perceptual: Perceptual = _LPIPS

    @property
    def trained_through(self):
        return self.perceptual.looks_through

    def prepare(self, problem: Problem, selection: Selection, latents: LatentSource) -> Penalty:
        perceptual = self.perceptual.loss(problem)

        def term(turn: Turn):
            images, pictures = turn.generated.images, turn.step.pictures
            total = pixels = tf.reduce_mean(tf.abs(images - pictures))
            numbers = {"pixels": pixels}
            if perceptual is not None:
                indices = turn.step.indices
                weighted, numbers["perceptual"] = perceptual(images, pictures, indices)
                total = pixels + weighted
            return self.likeness_weight * total, numbers

        return Penalty(GENERATOR, term)
