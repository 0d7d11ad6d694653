"""Settings of adversarial games: how fast players learn, and what discriminators look at."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from ...errors import UserError
from ...losses import adversarial
from ...losses.augmentation import ADA, AdaptiveProbability, Augmentation, DiffAugment
from ...losses.feature_discriminator import FeatureDiscriminator
from ..problem import Problem
from .opponents import FeatureOpponent, Game

# Steps between two changes of ADA's probability, as in the paper.
_ADAPT_EVERY = 4


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
            sure the discriminator is, with the losses "non_saturating", "hinge" and
            "relativistic".
        ada_target: Mean sign of the logits of real pictures, for "relativistic" less those of
            the generated images, at which that probability stays, in [-1, 1].
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
