"""Cell: the reconstruction objective."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from ...errors import UserError
from ...features.trunk import Preprocess
from ...losses.perceptual import LPIPSLoss, PerceptualLoss
from ..drawn import Generated
from ..optimizers import adam_with
from ..player import GENERATOR, Group, Player, Turn, penalised
from ..problem import Problem
from ..step import Step
from .objective import Objective

# BSA (ICCV 2019), section 4.1: learning rates of SNGAN by number of pictures.
_PAPER_RATES = ((25, 0.1), (50, 0.06), (100, 0.03), (500, 0.02))


def rate_by_size(pictures: int) -> float:
    """Returns BSA's learning rate for a number of pictures, by interpolation in its logarithm."""
    sizes, rates = zip(*_PAPER_RATES, strict=True)
    return float(np.exp(np.interp(np.log(pictures), np.log(sizes), np.log(rates))))


def as_shown(images: tf.Tensor, pictures: tf.Tensor) -> tf.Tensor:
    """Returns images that are 1 or -1 where ``pictures`` are so and the images are beyond.

    Args:
        images, pictures: float32 ``[N, H, W, C]``.
    """
    beyond_white = (pictures >= 1.0) & (images > 1.0)
    beyond_black = (pictures <= -1.0) & (images < -1.0)
    return tf.where(beyond_white | beyond_black, pictures, images)


@dataclasses.dataclass(frozen=True)
class FallingRates:
    """How fast generator and latents learn, and how that falls.

    Attributes:
        learning_rate: Adam's, of the generator's variables; None takes the paper's for
            the number of pictures times ``rate_factor``.
        rate_factor: The paper's rates are those of SNGAN; this brings them to another
            backbone.
        latent_learning_rate: Of the latents; None takes ``learning_rate``.
        rate_decay: Factor, from 0 to 1, of the learning rates after every ``rate_decay_steps``
            (the code: 0.2 and 3000).
        rate_decay_steps: At least 1; None lets the rates fall along a cosine instead, to
            ``rate_decay`` at the end of the run; one that is continued with more steps goes
            on at the rates of the longer run.

    Raises:
        UserError: for a value that is no such rate, factor or number of steps.
    """

    learning_rate: float | None = None
    rate_factor: float = 1.0
    latent_learning_rate: float | None = None
    rate_decay: float = 0.2
    rate_decay_steps: int | None = 3000

    def __post_init__(self):
        steps = self.rate_decay_steps
        if steps is not None and steps < 1:
            raise UserError(
                f"rate_decay_steps must be at least 1, not {steps}; None is a cosine over the run."
            )
        if not 0.0 <= self.rate_decay <= 1.0:
            raise UserError(f"rate_decay must be a number from 0 to 1, not {self.rate_decay}.")
        for name in ("learning_rate", "latent_learning_rate"):
            rate = getattr(self, name)
            if isinstance(rate, float) and rate < 0.0:
                raise UserError(f"{name} must be at least 0, not {rate}.")

    def first(self, pictures: int) -> tuple[float, float]:
        """Returns the first rates, of the generator and of the latents."""
        rate = self.learning_rate
        if rate is None:
            rate = self.rate_factor * rate_by_size(pictures)
        return rate, rate if self.latent_learning_rate is None else self.latent_learning_rate

    def falling(self, rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
        """Returns the schedule of one rate in a run of so many steps; a schedule stays as it is."""
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            return rate
        schedules = keras.optimizers.schedules
        if self.rate_decay_steps is None:
            return schedules.CosineDecay(rate, steps, alpha=self.rate_decay)
        return schedules.ExponentialDecay(
            rate, self.rate_decay_steps, self.rate_decay, staircase=True
        )


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """How images and pictures are compared by activations of a frozen network.

    Attributes:
        perceptual_network: "vgg16" (BSA), or "alexnet": LPIPS (Zhang et al., 2018) of pictures
            of at least 96 pixels, at a tenth of the cost; of the settings below it has the weight
            alone, which None sets to 1.
        perceptual_norm: "l1" (the code) or "l2" (the paper for BigGAN).
        perceptual_weight: λ_C of each layer; None is adaptive, 0.1 by the layer's loss
            (the paper for BigGAN); the code's fixed value is 0.001 with
            ``perceptual_input="bsa"``. 0 looks through no network.
        perceptual_input: Scale of VGG16's input, see :class:`VGG16Features`.
    """

    perceptual_network: Literal["vgg16", "alexnet"] = "vgg16"
    perceptual_norm: Literal["l1", "l2"] = "l1"
    perceptual_weight: float | None = None
    perceptual_input: Preprocess = "torchvision"

    @property
    def looks_through(self) -> tuple[str, ...]:
        """The frozen network, unless nothing is compared by it."""
        return () if self.perceptual_weight == 0.0 else (self.perceptual_network,)

    def loss(self, problem: Problem) -> PerceptualLoss | LPIPSLoss | None:
        """Returns the comparison with the pictures of a problem; None if its weight is 0."""
        if not self.looks_through:
            return None
        dtype = problem.gan.precision
        if self.perceptual_network == "alexnet":
            weight = 1.0 if self.perceptual_weight is None else self.perceptual_weight
            return LPIPSLoss(weight, dtype)
        return PerceptualLoss(
            problem.images,
            self.perceptual_norm,
            self.perceptual_weight,
            self.perceptual_input,
            dtype=dtype,
        )


@dataclasses.dataclass(frozen=True)
class Reconstruction(Objective):
    """Each latent's image becomes its picture: pixels and VGG16 activations.

    Source: BSA (ICCV 2019), section 3.3.

    Attributes:
        reconstruction_norm: "l1" (the paper for SNGAN, and the code) or "l2" of the
            pixels.
        clip_images: Takes pixels beyond white (1) or black (-1) for white or black where the
            picture is so itself, as they are shown. Generators that were trained with
            ``clip_images`` leave flat white far beyond 1; to bring it back exactly costs
            what the pictures need. Elsewhere pixels count as they are, so that there is
            always a gradient.
        perceptual, rates: Settings that belong together.
    """

    reconstruction_norm: Literal["l1", "l2"] = "l1"
    clip_images: bool = True
    perceptual: Perceptual = Perceptual()
    rates: FallingRates = FallingRates()

    moves = (GENERATOR,)

    @property
    def trained_through(self):
        return self.perceptual.looks_through

    def players(self, problem, selection, latents, penalties):
        gan = problem.gan
        perceptual = self.perceptual.loss(problem)
        measure = {"l1": tf.abs, "l2": tf.square}[self.reconstruction_norm]

        def loss(step: Step):
            drawn = latents.draw(step)
            images = drawn.images(gan, step.labels)
            pictures, indices = step.pictures, step.indices
            if drawn.targets is not None:
                pictures, indices = drawn.targets, None
            if self.clip_images:
                images = as_shown(images, pictures)
            total = pixels = tf.reduce_mean(measure(images - pictures))
            numbers = {"pixels": pixels}
            if perceptual is not None:
                weighted, numbers["perceptual"] = perceptual(images, pictures, indices)
                total = pixels + weighted
            turn = Turn(GENERATOR, step, Generated(drawn, images), pictures)
            return penalised(total, numbers, penalties, turn)

        rate, latent_rate = self.rates.first(len(problem.images))
        falling = functools.partial(self.rates.falling, steps=problem.steps)
        groups = selection.groups(GENERATOR, rate, falling)
        if latents.variables:
            groups.append(Group(latents.variables, falling(latent_rate)))
            problem.say(f"Learning rate {rate:.4g}, of the latents {latent_rate:.4g}.")
        state = selection.state_of(GENERATOR)
        return [Player(GENERATOR, groups, loss, adam_with(0.9, 0.999), state=state)]
