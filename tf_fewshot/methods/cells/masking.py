"""Cells: masks on what the discriminator sees in images, and likenesses that it keeps to.

Source: Zhu et al., "Few-shot Image Generation via Masked Discrimination" (arXiv 2210.15194).
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from ...backbones import GAN
from ...errors import UserError
from ...losses.augmentation import seeds_for
from ...losses.consistency import distance_consistency
from ..player import DISCRIMINATOR, Penalty, Turn
from ..problem import Problem
from .adversarial import Adversarial
from .judge import Judge, Judgement, Opinion
from .regularizers import Regularizer


@dataclasses.dataclass(frozen=True)
class Masked(Adversarial):
    """The adversarial objective of a discriminator that judges by part of what it sees.

    What the discriminator extracts of an image, real or generated, is masked at random before
    its last stage judges it. An image that shares only some features with the pictures can then
    pass for real, and the generator need not copy them. R1 is that of the discriminator without
    masks.

    Source: Zhu et al. (2022). Where in the network and how a mask is drawn is this
    implementation's: after the last stage but one, of 4 pixels in most architectures here, each
    place of an image is masked by itself, in all channels; what is kept is not scaled up.

    Attributes:
        mask_share: Probability that a place is masked, in [0, 1).
    """

    mask_share: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 <= self.mask_share < 1.0:
            raise UserError(
                f"mask_share is a probability of at least 0 and below 1, not {self.mask_share}."
            )

    def judge(self, problem: Problem) -> Judge:
        return MaskedJudge(problem.gan, self.mask_share, problem.seed)


class MaskedJudge(Judge):
    """The opinion that a discriminator has of what masks leave of images.

    Args:
        gan: Whose discriminator judges.
        share: Probability that a place is masked.
        seed: Of the masks.
    """

    def __init__(self, gan: GAN, share: float, seed: int):
        super().__init__(gan)
        self._share, self._seeds = share, seeds_for(seed, "masks")
        self.state = [self._seeds.state]

    def __call__(self, images, labels, anchored: int) -> Judgement:
        del anchored
        features = self.gan.discriminator_features(images, labels, training=True)
        shown = features[-1] * tf.cast(self.masks(features[-1]), features[-1].dtype)
        logits = self.gan.discriminator_logits(shown, labels, training=True)
        return Judgement([Opinion(1.0, logits)], features)

    def masks(self, features: tf.Tensor) -> tf.Tensor:
        """Draws masks for features ``[N, h, w, C]``: float32 ``[N, h, w, 1]`` of 0 and 1."""
        shape = (*tf.unstack(tf.shape(features)[:3]), 1)
        return tf.cast(keras.random.uniform(shape, seed=self._seeds) >= self._share, tf.float32)


@dataclasses.dataclass(frozen=True)
class DiscriminatorConsistency(Regularizer):
    """Keeps generated images as alike to one another in the discriminator's eyes as they were.

    How alike an image is to each other one of the batch is a softmax over cosines of activations,
    of each stage but the last. The Kullback-Leibler divergence from what the source's
    discriminator makes of the same images is added to the discriminator's loss. Both look at
    whole images, without masks and augmentation, and as in inference.

    Source: Zhu et al. (2022), after Ojha et al. (CVPR 2021), who hold the generator to it.

    Attributes:
        d_consistency_weight: Of the divergence. That of Ojha et al. for the generator.
    """

    d_consistency_weight: float = 1000.0

    keeps_discriminator = True

    def prepare(self, problem: Problem, selection, latents) -> Penalty:
        source, gan = problem.source, problem.gan
        if source is None or source.discriminator is None:
            raise UserError(
                "The discriminator's consistency needs a source with a discriminator to be "
                "consistent with."
            )
        if problem.batch_size < 3:
            raise UserError(
                f"The discriminator's consistency needs a batch_size of at least 3, not "
                f"{problem.batch_size}: two images have one likeness only."
            )

        def term(turn: Turn):
            images, labels = turn.generated.images, turn.step.labels
            wanted = [tf.stop_gradient(f) for f in source.discriminator_features(images, labels)]
            loss = distance_consistency(wanted, gan.discriminator_features(images, labels))
            return self.d_consistency_weight * loss, {"likeness": loss}

        return Penalty(DISCRIMINATOR, term)
