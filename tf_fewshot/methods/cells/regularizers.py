"""Cells: what keeps the training near the source, or the latents near their prior."""

from __future__ import annotations

import abc
import dataclasses
from typing import Literal

import keras
import tensorflow as tf

from ...errors import UserError, check_least
from ...losses.latent_prior import latent_prior_loss
from ..player import GENERATOR, Penalty, Turn
from ..problem import Problem
from ..selection import Selection
from .latents import LatentSource


class Regularizer(abc.ABC):
    """A cell that says what is added to the loss of a player.

    Attributes:
        keeps_discriminator: Whether it holds the discriminator to something that the source's
            has learned, so that one that has learned nothing will not do.
    """

    keeps_discriminator: bool = False

    @property
    def trained_through(self) -> tuple[str, ...]:
        """Names of the frozen networks that it looks through."""
        return ()

    def sketch(self) -> Regularizer:
        """Returns a cell whose penalty is as large to compute, without measuring anything first."""
        return self

    @abc.abstractmethod
    def prepare(self, problem: Problem, selection: Selection, latents: LatentSource) -> Penalty:
        """Makes the penalty ready for a problem."""


@dataclasses.dataclass(frozen=True)
class LatentPrior(Regularizer):
    """Pulls the latents of the pictures towards the prior, and the prior towards them.

    Source: BSA (ICCV 2019), section 3.3.

    Attributes:
        latent_prior_convention: "code" (means) or "paper" (sums by latent size).
        latent_prior_weight: None takes what belongs to the convention: 0.1 in the
            released code, 0.2 in the paper. With those the latents of a StyleGAN stay
            where the prior wants them and tell the pictures apart badly; the default was
            found on other pictures than those reported.
        latent_prior_samples: Samples of the prior for each latent of a batch.
    """

    latent_prior_convention: Literal["code", "paper"] = "code"
    latent_prior_weight: float | None = 0.0001
    latent_prior_samples: int = 10

    def __post_init__(self):
        check_least(self, latent_prior_samples=1)

    def prepare(self, problem: Problem, selection: Selection, latents: LatentSource) -> Penalty:
        convention, weight = self.latent_prior_convention, self.latent_prior_weight
        if convention not in ("code", "paper"):
            raise UserError(
                f"latent_prior_convention must be 'code' or 'paper', not {convention!r}."
            )
        if weight is None:
            weight = 0.1 if convention == "code" else 0.2
        gan = problem.gan

        def term(turn: Turn):
            drawn = turn.generated.drawn
            n = tf.shape(drawn.clean)[0] * self.latent_prior_samples
            z = keras.random.normal((n, gan.latent_dim), seed=latents.seeds)
            prior = tf.stop_gradient(gan.free_latents(z)) if drawn.free else z
            loss = latent_prior_loss(drawn.clean, prior, convention)
            return weight * loss, {"latent_prior": loss}

        return Penalty(GENERATOR, term)


@dataclasses.dataclass(frozen=True)
class ScaleShiftDecay(Regularizer):
    """Pulls scales to 1 and shifts to 0: Σ over layers of mean (γ - 1)² + mean β².

    Source: BSA (ICCV 2019), section 3.3. Maps that compute scale and shift are pulled to
    where they were in the source.

    Attributes:
        scale_shift_weight: The released code's l_re is 0.02.
    """

    scale_shift_weight: float = 0.02

    def prepare(self, problem: Problem, selection: Selection, latents: LatentSource) -> Penalty:
        anchors = []
        for role in problem.gan.scale_shift_roles():
            for variables, identity in ((role.gammas, 1.0), (role.betas, 0.0)):
                for v in variables:
                    anchors.append((v, identity if role.direct else tf.constant(v.numpy())))

        def term(turn: Turn):
            del turn
            loss = tf.add_n([tf.reduce_mean(tf.square(v - anchor)) for v, anchor in anchors])
            return self.scale_shift_weight * loss, {"scale_shift": loss}

        return Penalty(GENERATOR, term)
