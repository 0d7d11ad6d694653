"""Cell: the adversarial objective."""

from __future__ import annotations

import abc
import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Literal

import keras
import tensorflow as tf

from ...backbones.fresh import fresh_discriminator
from ...data.augment import random_flip
from ...errors import UserError
from ...losses import adversarial
from ...losses.augmentation import seeds_for
from ..drawn import Generated
from ..optimizers import adam_with
from ..player import DISCRIMINATOR, GENERATOR, Group, Player, Turn, penalised
from ..problem import Problem
from ..selection import Selection
from ..step import Shared, Step
from .game import Augmenting, GameRates, LazyR1, OnFeatures
from .judge import Judge
from .objective import Objective
from .opponents import Game, Opponent, OwnDiscriminator

# Losses whose discriminator gives logits of either sign, and 0 where it cannot tell.
_UNDECIDED_AT_0 = ("non_saturating", "hinge", "relativistic")
# All of them as they are by default.
_RATES, _AUGMENTING, _R1, _ON_FEATURES = GameRates(), Augmenting(), LazyR1(), OnFeatures()


@dataclasses.dataclass(frozen=True)
class AdversarialGame(Objective):
    """The game of a generator and those that tell its images from real pictures.

    Source: Goodfellow et al., "Generative Adversarial Nets" (NeurIPS 2014). A subclass says who
    these are (:meth:`opponents`).

    Attributes:
        clip_images: Shows the discriminator generated images clipped to [-1, 1], as
            picture files are. An unbounded generator need not hit flat white or black
            to the last digit then, which alone tells it from drawings.
        mirror: Shows each real picture mirrored left to right half of the time, as the
            released code of CDC, AdAM and FreezeD does. For domains that are the same
            mirrored; samples are then of both kinds.
        rates, augmenting: Settings that belong together.
    """

    clip_images: bool = True
    mirror: bool = False
    rates: GameRates = _RATES
    augmenting: Augmenting = _AUGMENTING

    moves = (GENERATOR,)

    def players(self, problem, selection, latents, penalties):
        if not selection.has(GENERATOR):
            raise UserError(
                f"{type(self).__name__} trains the generator, and none of its weights are "
                "selected. Choose a trainable part that selects some, such as 'All'."
            )
        mirrors = seeds_for(problem.seed, "mirror") if self.mirror else None

        def generate(step: Step) -> Generated:
            drawn = latents.draw(step)
            images = drawn.images(problem.gan, step.labels)
            return Generated(drawn, self._shown(images))

        def real(step: Step) -> tf.Tensor:
            return step.pictures if mirrors is None else random_flip(step.pictures, mirrors.next())

        optimizer = adam_with(self.rates.beta_1, self.rates.beta_2)
        game = Game(
            problem.gan, Shared(generate), Shared(real, trained=False), optimizer, penalties
        )
        opponents = self.opponents(problem, selection, game)
        groups = selection.groups(GENERATOR, self.rates.learning_rate)
        if latents.variables:
            groups.append(Group(latents.variables, self.rates.learning_rate))
        state = [*selection.state_of(GENERATOR), *([] if mirrors is None else [mirrors.state])]
        loss = _generator_loss(game, opponents)
        generator = Player(GENERATOR, groups, loss, optimizer, state=state)
        return [generator, *(opponent.player() for opponent in opponents)]

    def _shown(self, images: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(images, -1.0, 1.0) if self.clip_images else images

    @abc.abstractmethod
    def opponents(self, problem: Problem, selection: Selection, game: Game) -> list[Opponent]:
        """Returns who the generator plays against, in the order in which they move after it.

        Args:
            problem: The problem.
            selection: What is trained of the networks.
            game: What all players see.

        Raises:
            UserError: if nothing is selected that they can learn with.
        """


@dataclasses.dataclass(frozen=True)
class Adversarial(AdversarialGame):
    """The game of a generator and the GAN's own discriminator.

    An objective whose discriminator judges in another way overrides :meth:`judge`.

    Attributes:
        fresh_discriminator: Begins with a new discriminator
            (:func:`tf_fewshot.backbones.fresh.fresh_discriminator`) rather than the
            source's, as it must where none was released.
        adversarial_loss: "non_saturating", "hinge", "wasserstein", "least_squares", or
            "relativistic": a generated image against a real picture, also for the discriminator
            on frozen features, which otherwise has the hinge loss.
        r1, on_features: Settings that belong together.
    """

    fresh_discriminator: bool = False
    adversarial_loss: Literal[
        "non_saturating", "hinge", "wasserstein", "least_squares", "relativistic"
    ] = "non_saturating"
    r1: LazyR1 = _R1
    on_features: OnFeatures = _ON_FEATURES

    needs_discriminator = True
    moves = (GENERATOR, DISCRIMINATOR)

    @property
    def trained_through(self):
        return self.on_features.trained_through

    def __post_init__(self):
        if self.augmenting.adapts and self.adversarial_loss not in _UNDECIDED_AT_0:
            raise UserError(
                f"ADA adapts to the sign of logits, which says nothing with "
                f"{self.adversarial_loss!r}. Set augment_p, or adversarial_loss to one of "
                f"{', '.join(_UNDECIDED_AT_0)}."
            )

    def missing(self, gan):
        return None if self.fresh_discriminator else super().missing(gan)

    def prepare(self, problem):
        if self.fresh_discriminator:
            keras.utils.set_random_seed(problem.seed)
            gan = problem.gan.with_discriminator(fresh_discriminator(problem.gan))
            problem = dataclasses.replace(problem, gan=gan)
        return problem

    def opponents(self, problem: Problem, selection: Selection, game: Game) -> list[Opponent]:
        if not selection.has(DISCRIMINATOR):
            raise UserError(
                f"{type(self).__name__} trains the discriminator, and none of its weights are "
                "selected. Choose a trainable part that selects some, such as 'All', or the "
                "objective 'Reconstruction'."
            )
        judge, loss = self.judge(problem), adversarial.get(self.adversarial_loss)
        rate = self.rates.of_discriminator
        own = OwnDiscriminator(
            game,
            judge,
            loss,
            selection.groups(DISCRIMINATOR, rate, beside=judge.variables),
            selection.state_of(DISCRIMINATOR),
            self.augmenting.for_problem(problem),
            self.r1.r1_gamma,
            self.r1.r1_interval,
        )
        if not self.on_features.given:
            return [own]
        relative = loss if loss.relative else None
        return [own, self.on_features.opponent(problem, game, loss=relative)]

    def judge(self, problem: Problem) -> Judge:
        """Returns how the GAN's discriminator tells real pictures from generated ones."""
        return Judge(problem.gan)


def _generator_loss(game: Game, opponents: Sequence[Opponent]):
    def loss(step: Step):
        generated = game.generated.fresh(step)
        numbers: dict[str, tf.Tensor] = {}
        terms: list[tf.Tensor] = []
        for opponent in opponents:
            term = numbers[opponent.log_name] = opponent.generator_loss(step, generated)
            terms.append(term if opponent.weight is None else opponent.weight * term)
        # Term by term: how a graph sums decides on the last bit of its gradients.
        total = functools.reduce(operator.add, terms)
        return penalised(total, numbers, game.penalties, Turn(GENERATOR, step, generated))

    return loss
