"""Cell: the reconstruction objective."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

import numpy as np
import tensorflow as tf

from ...features.trunk import Preprocess
from ...losses.perceptual import PerceptualLoss
from ..player import Adam, Group, Player
from .objective import Objective, penalised

# BSA (ICCV 2019), section 4.1: learning rates of SNGAN by number of pictures.
_PAPER_RATES = ((25, 0.1), (50, 0.06), (100, 0.03), (500, 0.02))


def rate_by_size(pictures: int) -> float:
    """BSA's learning rate for a number of pictures, by interpolation in its logarithm."""
    sizes, rates = zip(*_PAPER_RATES, strict=True)
    return float(np.exp(np.interp(np.log(pictures), np.log(sizes), np.log(rates))))


def as_shown(images: tf.Tensor, pictures: tf.Tensor) -> tf.Tensor:
    """Images ``[N, H, W, C]``, of 1 or -1 where ``pictures`` are and the images are beyond."""
    beyond_white = (pictures >= 1.0) & (images > 1.0)
    beyond_black = (pictures <= -1.0) & (images < -1.0)
    return tf.where(beyond_white | beyond_black, pictures, images)


@dataclasses.dataclass(frozen=True)
class Reconstruction(Objective):
    """Each latent's image becomes its picture: pixels and VGG16 activations.

    Source: BSA (ICCV 2019), section 3.3.

    Attributes:
        learning_rate: Adam's, of the generator's variables; None takes the paper's for
            the number of pictures times ``rate_factor``.
        rate_factor: The paper's rates are those of SNGAN; this brings them to another
            backbone.
        latent_learning_rate: Of the latents; None takes ``learning_rate``.
        reconstruction_norm: "l1" (the paper for SNGAN, and the code) or "l2" of the
            pixels.
        perceptual_norm: "l1" (the code) or "l2" (the paper for BigGAN).
        perceptual_weight: λ_C of each layer; None is adaptive, 0.1 by the layer's loss
            (the paper for BigGAN); the code's fixed value is 0.001 with
            ``perceptual_input="bsa"``.
        perceptual_input: Scale of VGG16's input, see :class:`VGG16Features`.
        clip_images: Takes pixels beyond white (1) or black (-1) for white or black where the
            picture is so itself, as they are shown. Generators that were trained with
            ``clip_images`` leave flat white far beyond 1; to bring it back exactly costs
            what the pictures need. Elsewhere pixels count as they are, so that there is
            always a gradient.
        rate_decay: Factor of the learning rates after every ``rate_decay_steps`` (the code:
            0.2 and 3000).
        rate_decay_steps: None lets the rates fall along a cosine instead, to ``rate_decay``
            at the end of the run; one that is continued with more steps goes on at the
            rates of the longer run.
    """

    learning_rate: float | None = None
    rate_factor: float = 1.0
    latent_learning_rate: float | None = None
    reconstruction_norm: Literal["l1", "l2"] = "l1"
    perceptual_norm: Literal["l1", "l2"] = "l1"
    perceptual_weight: float | None = None
    perceptual_input: Preprocess = "torchvision"
    clip_images: bool = True
    rate_decay: float = 0.2
    rate_decay_steps: int | None = 3000

    def players(self, problem, selection, latents, penalties):
        perceptual = PerceptualLoss(
            problem.images,
            self.perceptual_norm,
            self.perceptual_weight,
            self.perceptual_input,
            dtype=problem.gan.precision,
        )
        measure = {"l1": tf.abs, "l2": tf.square}[self.reconstruction_norm]

        def loss(batch, lazy):
            del lazy
            drawn = latents.draw(batch)
            images = drawn.images(problem.gan, batch.labels)
            if self.clip_images:
                images = as_shown(images, batch.images)
            pixels = tf.reduce_mean(measure(images - batch.images))
            weighted, plain = perceptual(images, batch.images, batch.indices)
            logs = {"pixels": pixels, "perceptual": plain}
            return penalised(pixels + weighted, logs, penalties, drawn, "generator")

        rate = self.learning_rate
        if rate is None:
            rate = self.rate_factor * rate_by_size(len(problem.images))
        latent_rate = rate if self.latent_learning_rate is None else self.latent_learning_rate
        falling = functools.partial(self._falling, steps=problem.steps)
        groups = [
            Group(some, falling(rate if own is None else own), begins)
            for some, begins, own in selection.groups()
        ]
        if latents.variables:
            groups.append(Group(latents.variables, falling(latent_rate)))
        problem.say(f"Learning rate {rate:.4g}, of the latents {latent_rate:.4g}.")
        return [Player("generator", groups, loss, Adam(beta_1=0.9, beta_2=0.999))]

    def _falling(self, rate: float, steps: int):
        from keras.optimizers.schedules import CosineDecay, ExponentialDecay

        if self.rate_decay_steps is None:
            return CosineDecay(rate, steps, alpha=self.rate_decay)
        return ExponentialDecay(rate, self.rate_decay_steps, self.rate_decay, staircase=True)
