"""Cell: the adversarial objective with two discriminators, of whole images and of patches."""

from __future__ import annotations

import dataclasses
import math

import keras
import tensorflow as tf

from ...errors import UserError
from ...layers import EqualizedConv2D
from ..problem import Problem
from .adversarial import Adversarial
from .judge import Judge, Judgement, Opinion


@dataclasses.dataclass(frozen=True)
class ImageAndPatch(Adversarial):
    """Near anchors an image must be real as a whole, elsewhere in its patches only.

    Source: Ojha et al., "Few-shot Image Generation via Cross-domain Correspondence" (CVPR
    2021), section 3.2. Patches are what one place of an early stage of the discriminator
    sees; one convolution reads a map of logits off it.

    Attributes:
        patch_stage: Stage of the discriminator, counted from 0 at the pixels; None takes
            log2 of the resolution - 5, where a place sees about a fifth of the width of
            StyleGAN's pictures at 64 pixels; in the code it is a quarter, at 256.
        image_share: Of the loss, that of whole images; the rest is that of patches. The
            code's: one step in four.
    """

    patch_stage: int | None = None
    image_share: float = 0.25

    def judge(self, problem: Problem) -> Judge:
        return _ImageAndPatch(problem, self.patch_stage, self.image_share)


class _ImageAndPatch(Judge):
    def __init__(self, problem: Problem, stage: int | None, share: float):
        super().__init__(problem.gan)
        shape = (2, *problem.gan.image_shape)
        stages = problem.gan.discriminator_features(tf.zeros(shape))
        if stage is None:
            stage = max(round(math.log2(problem.gan.image_shape[0])) - 5, 0)
            stage = min(stage, len(stages) - 1)
        if not 0.0 <= share <= 1.0:
            raise UserError(f"image_share must be from 0 to 1, not {share}.")
        if not 0 <= stage < len(stages):
            raise UserError(
                f"patch_stage must be from 0 to {len(stages) - 1} for this discriminator, "
                f"not {stage}."
            )
        self._stage, self._share = stage, share
        keras.utils.set_random_seed(problem.seed)
        # At an equalized rate, as the code's: else it knows the patches long before the rest.
        self._head = EqualizedConv2D(1, 3, gain=1.0, name="patch_head", dtype="float32")
        self._head.build(stages[stage].shape)
        self.variables = self._head.trainable_variables

    def __call__(self, images, labels, anchored: int) -> Judgement:
        whole, rest = (None, None) if labels is None else (labels[:anchored], labels[anchored:])
        logits = self.gan.discriminator(images[:anchored], whole, training=True)
        features = self.gan.discriminator_features(images[anchored:], rest, training=True)
        patches = self._head(tf.cast(features[self._stage], tf.float32))
        opinions = [Opinion(self._share, logits), Opinion(1.0 - self._share, patches)]
        return Judgement(opinions, features)
