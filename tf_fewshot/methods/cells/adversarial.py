"""Cell: the adversarial objective."""

from __future__ import annotations

import abc
import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from ...backbones.fresh import fresh_discriminator
from ...data.augment import random_flip
from ...errors import UserError
from ...losses import adversarial
from ...losses.augmentation import ADA, AdaptiveProbability, Augmentation, DiffAugment, seeds_for
from ...losses.feature_discriminator import FeatureDiscriminator
from ..drawn import Generated
from ..optimizers import adam_with
from ..player import DISCRIMINATOR, GENERATOR, Group, Player, Turn, penalised
from ..problem import Problem
from ..selection import Selection
from ..step import Shared, Step
from .judge import Judge
from .objective import Objective
from .opponents import FeatureOpponent, Game, Opponent, OwnDiscriminator

# Steps between two changes of ADA's probability, as in the paper.
_ADAPT_EVERY = 4
# Losses whose discriminator gives logits of either sign, and 0 where it cannot tell.
_UNDECIDED_AT_0 = ("non_saturating", "hinge")


@dataclasses.dataclass(frozen=True)
class GameRates:
    """How fast the players of a game learn.

    Attributes:
        learning_rate: Adam's, of the generator.
        d_learning_rate: Adam's, of the discriminator; None takes the generator's.
        beta_1, beta_2: Adam's moments, of both.
    """

    learning_rate: float = 0.002
    d_learning_rate: float | None = None
    beta_1: float = 0.0
    beta_2: float = 0.99

    @property
    def of_discriminator(self) -> Any:
        """The discriminator's rate: a number, or a Keras schedule."""
        return self.learning_rate if self.d_learning_rate is None else self.d_learning_rate


@dataclasses.dataclass(frozen=True)
class LazyR1:
    """The gradient penalty of the discriminator, in some steps only.

    Attributes:
        r1_gamma: Weight γ of R1; the term is γ/2 · R1. 0 leaves it out. StyleGAN's own is
            10, of 1024-pixel pictures; 3 suits 64 pixels.
        r1_interval: Steps between two R1 terms.
    """

    r1_gamma: float = 3.0
    r1_interval: int = 16


@dataclasses.dataclass(frozen=True)
class OnFeatures:
    """A second discriminator, on the activations of a frozen AlexNet.

    Attributes:
        feature_weight: Weight of the generator's loss against a second discriminator, on
            the activations of a frozen AlexNet
            (:class:`tf_fewshot.losses.feature_discriminator.FeatureDiscriminator`).
            0 leaves it out.
        feature_learning_rate: Adam's, of that discriminator.
        feature_group: Images of which that discriminator also sees how they differ, for
            batches whose classes lie in such groups (:class:`tf_fewshot.data.batches.Batches`);
            0 leaves it out.
    """

    feature_weight: float = 0.0
    feature_learning_rate: float = 0.0005
    feature_group: int = 0

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.feature_weight != 0.0

    @property
    def trained_through(self) -> tuple[str, ...]:
        """The network that it looks through, if there is one."""
        return ("alexnet",) if self.given else ()

    def opponent(
        self,
        problem: Problem,
        game: Game,
        augment: Augmentation | None = None,
        loss: adversarial.AdversarialLoss | None = None,
    ) -> FeatureOpponent:
        """Returns the player that it is in a game.

        Args:
            problem: The problem.
            game: What all players see.
            augment: What happens to pictures before it is shown them.
            loss: What is minimised in place of its own hinge loss.
        """
        heads = FeatureDiscriminator(
            problem.images,
            problem.seed,
            problem.gan.generator.dtype_policy.name,
            problem.gan.num_classes,
            self.feature_group,
        )
        rate, weight = self.feature_learning_rate, self.feature_weight
        return FeatureOpponent(game, heads, rate, weight, augment=augment, loss=loss)


@dataclasses.dataclass(frozen=True)
class Augmenting:
    """What happens to the pictures that the discriminator sees, real and generated alike.

    Attributes:
        augment: What happens to the pictures that the discriminator sees, real and
            generated alike: "none", "diffaugment"
            (:class:`tf_fewshot.losses.augmentation.DiffAugment`), or "ada"
            (:class:`tf_fewshot.losses.augmentation.ADA`). R1 is then that of the
            augmented real pictures. The frozen features are those of plain pictures.
        augment_p: Probability of each transformation of "ada"; None adapts it to how
            sure the discriminator is, with the losses "non_saturating" and "hinge".
        ada_target: Mean sign of the logits of real pictures at which that probability
            stays, in [-1, 1].
        ada_images: Real pictures within which it can go from 0 to 1. The paper's 500,000
            are for training from scratch; 400 steps of 8 pictures reach 0.8 here.
    """

    augment: Literal["none", "diffaugment", "ada"] = "none"
    augment_p: float | None = None
    ada_target: float = 0.6
    ada_images: int = 4_000

    def __post_init__(self):
        if self.augment_p is not None:
            if self.augment != "ada":
                raise UserError(
                    f"augment_p is a setting of augment='ada', and augment is {self.augment!r}. "
                    "Leave it out, or choose 'ada'."
                )
            if not 0.0 <= self.augment_p <= 1.0:
                raise UserError(f"augment_p is a probability, in [0, 1], not {self.augment_p}.")
        if not -1.0 <= self.ada_target <= 1.0:
            raise UserError(f"ada_target is a mean sign, in [-1, 1], not {self.ada_target}.")
        if self.ada_images < 1:
            raise UserError(f"ada_images must be 1 or more, not {self.ada_images}.")

    @property
    def adapts(self) -> bool:
        """Whether its strength follows the discriminator."""
        return self.augment == "ada" and self.augment_p is None

    def for_problem(self, problem: Problem) -> Augmentation | None:
        """Returns the augmentation of one problem; None if there is none."""
        if self.augment == "none":
            return None
        if self.augment == "diffaugment":
            return DiffAugment(problem.seed)
        if self.augment_p is not None:
            return ADA(problem.seed, self.augment_p)
        every = _ADAPT_EVERY * problem.batch_size
        return ADA(problem.seed, AdaptiveProbability(self.ada_target, self.ada_images, every))


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
    rates: GameRates = GameRates()
    augmenting: Augmenting = Augmenting()

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
    r1: LazyR1 = LazyR1()
    on_features: OnFeatures = OnFeatures()

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
