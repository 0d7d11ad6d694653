"""Cell: the game against discriminators on projected features of a frozen network."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from ...errors import UserError
from ...features import ALEXNET_LEAST_SIZE
from ...losses.augmentation import Augmentation
from ...losses.projected import (
    FeatureNetwork,
    ProjectedDiscriminator,
    discriminator_hinge,
    feature_network,
    generator_hinge,
)
from ..drawn import Generated
from ..player import Group, Player, Turn, penalised
from ..step import Shared, Step
from .adversarial import AdversarialGame
from .opponents import Game, Opponent

HEADS = "heads"


@dataclasses.dataclass(frozen=True)
class Projected(AdversarialGame):
    """The game of a generator and heads on projected features of a frozen network.

    The GAN's own discriminator has no part in it: a source needs none, and what is trained keeps
    none. The loss is the hinge, without R1. Heads are told the class where the GAN has classes.

    Source: Sauer et al., "Projected GANs Converge Faster" (NeurIPS 2021). There the network is
    EfficientNet-Lite1 (in the code Lite0) at 224 pixels, the mixtures of coarser scales are wider,
    and heads have batch normalisation; AlexNet at 96 pixels is what a processor is fast with.

    Attributes:
        feature_network: "alexnet", "vgg16" or "efficientnet_lite0". FID is to be measured with
            another network than this one.
        feature_size: Width and height to which images are brought for it, in pixels; None takes
            their own, at least 96.
        feature_channels: Of the mixtures, and of the heads.
    """

    feature_network: FeatureNetwork = "alexnet"
    feature_size: int | None = None
    feature_channels: int = 64

    @property
    def trained_through(self):
        return (self.feature_network,)

    def prepare(self, problem):
        if self.feature_size is not None and self.feature_size < 32:
            raise UserError(f"feature_size must be at least 32 pixels, not {self.feature_size}.")
        if self.feature_channels < 1:
            raise UserError(f"feature_channels must be at least 1, not {self.feature_channels}.")
        return dataclasses.replace(problem, gan=problem.gan.without_discriminator())

    def opponents(self, problem, selection, game) -> list[Opponent]:
        del selection
        gan = problem.gan
        network = feature_network(self.feature_network, gan.generator.dtype_policy.name)
        heads = ProjectedDiscriminator(
            network,
            problem.images,
            self.feature_size or max(ALEXNET_LEAST_SIZE, *gan.image_shape[:2]),
            self.feature_channels,
            problem.seed,
            gan.num_classes,
        )
        augment = self.augmenting.for_problem(problem)
        return [ProjectedOpponent(game, heads, self.rates.of_discriminator, augment)]


class ProjectedOpponent(Opponent):
    """Heads on projected features.

    Args:
        game: What they see.
        discriminator: The heads, and what they look through.
        learning_rate: Of the heads.
        augment: What happens to the images that they are shown.
    """

    def __init__(
        self,
        game: Game,
        discriminator: ProjectedDiscriminator,
        learning_rate: Any,
        augment: Augmentation | None = None,
    ):
        self._game, self._discriminator = game, discriminator
        self._rate, self._augment = learning_rate, augment
        self._features = Shared(self._features_of_generated)

    def generator_loss(self, step: Step, generated: Generated) -> tf.Tensor:
        features = self._features.given(step, self._seen(generated.images))
        return generator_hinge(self._discriminator.logits(features, step.labels))

    def player(self) -> Player:
        own = self._discriminator
        augmented = self._augment.state if self._augment else ()
        state = [*own.variables, *own.state, *augmented]
        groups = [Group(own.variables, self._rate)]
        return Player(HEADS, groups, self._own_loss, self._game.optimizer, state=state)

    def _seen(self, images: tf.Tensor) -> list[tf.Tensor]:
        return self._discriminator.features(self._augment(images) if self._augment else images)

    def _features_of_generated(self, step: Step) -> list[tf.Tensor]:
        return self._seen(self._game.generated.seen(step).images)

    def _own_loss(self, step: Step):
        game, labels = self._game, step.labels
        real = game.real.seen(step)
        of_real, of_fake = self._seen(real), self._features.seen(step)
        real_logits = self._discriminator.logits(of_real, labels, training=True)
        fake_logits = self._discriminator.logits(of_fake, labels)
        total = discriminator_hinge(real_logits, fake_logits)
        numbers = {"loss": total, "real": _mean(real_logits), "fake": _mean(fake_logits)}
        if self._augment:
            by_picture = tf.add_n([tf.reduce_mean(some, [1, 2]) for some in real_logits])
            numbers |= self._augment.observe(by_picture, tf.shape(real)[0])
        turn = Turn(HEADS, step, game.generated.seen(step), real, of_real, of_fake)
        return penalised(total, numbers, game.penalties, turn)


def _mean(logits: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_mean(some) for some in logits]) / len(logits)
