"""Cell: the adversarial objective with two discriminators, of whole images and of patches."""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from ..errors import UserError
from .adversarial import Adversarial, Judge
from .player import Problem


@dataclasses.dataclass(frozen=True)
class ImageAndPatch(Adversarial):
    """Near anchors an image must be real as a whole, elsewhere in its patches only.

    Source: Ojha et al., "Few-shot Image Generation via Cross-domain Correspondence" (CVPR
    2021), section 3.2. Patches are what one place of an early stage of the discriminator
    sees; one convolution reads a map of logits off it.

    Attributes:
        patch_stage: Stage of the discriminator, counted from 0 at the pixels.
    """

    patch_stage: int = 2

    def judge(self, problem: Problem) -> Judge:
        return _ImageAndPatch(problem, self.patch_stage)


class _ImageAndPatch(Judge):
    def __init__(self, problem: Problem, stage: int):
        super().__init__(problem.gan)
        shape = (2, *problem.gan.image_shape)
        stages = problem.gan.discriminator_features(tf.zeros(shape))
        if not 0 <= stage < len(stages):
            raise UserError(
                f"patch_stage must be from 0 to {len(stages) - 1} for this discriminator, "
                f"not {stage}."
            )
        self._stage, self._batch_size = stage, problem.batch_size
        self._head = keras.layers.Conv2D(
            1,
            3,
            padding="same",
            kernel_initializer=keras.initializers.GlorotUniform(problem.seed),
            name="patch_head",
            dtype="float32",
        )
        self._head.build(stages[stage].shape)
        self.variables = self._head.trainable_variables

    def __call__(self, images, labels, anchored: int):
        whole, rest = (None, None) if labels is None else (labels[:anchored], labels[anchored:])
        logits = self.gan.discriminator(images[:anchored], whole, training=True)
        features = self.gan.discriminator_features(images[anchored:], rest, training=True)
        patches = self._head(tf.cast(features[self._stage], tf.float32))
        share = anchored / self._batch_size
        return [(share, logits), (1.0 - share, patches)]
