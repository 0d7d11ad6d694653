"""What a discriminator makes of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from ...backbones import GAN


class Opinion(NamedTuple):
    """Logits, and the weight of the loss that is taken of them.

    Attributes:
        weight: Of the loss.
        logits: float32, of any shape that begins with ``[N]``.
    """

    weight: float
    logits: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What a judge says of images.

    Attributes:
        opinions: The first is the one that the log and adaptive augmentation look at.
        features: Activations that led to it, for penalties; empty where they are not told.
    """

    opinions: Sequence[Opinion]
    features: Sequence[tf.Tensor] = ()


class Judge:
    """The opinion that the GAN's own discriminator has of images.

    Attributes:
        variables: What is trained beside the discriminator.
        state: What else a resumed run needs.
    """

    variables: Sequence[keras.Variable] = ()
    state: Sequence[keras.Variable] = ()

    def __init__(self, gan: GAN):
        self.gan = gan

    def __call__(self, images: tf.Tensor, labels: tf.Tensor | None, anchored: int) -> Judgement:
        """Judges images.

        Args:
            images: float32 ``[N, H, W, C]``, nominally in [-1, 1].
            labels: int32 ``[N]``, or None.
            anchored: How many of the first images are of anchors, see
                :class:`~tf_fewshot.methods.drawn.DrawnLatents`.
        """
        del anchored
        return Judgement([Opinion(1.0, self.gan.discriminator(images, labels, training=True))])
