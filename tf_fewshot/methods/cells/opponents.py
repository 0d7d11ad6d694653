"""Who the generator plays against: players that tell real pictures from generated ones."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ...backbones import GAN
from ...losses import adversarial
from ...losses.augmentation import Augmentation
from ...losses.feature_discriminator import FeatureDiscriminator
from ...losses.projected import ProjectedDiscriminator
from ..drawn import Generated
from ..optimizers import OptimizerFactory
from ..player import DISCRIMINATOR, Group, Penalty, Player, Turn, penalised
from ..step import Shared, Step
from .judge import Judge


@dataclasses.dataclass(frozen=True)
class Game:
    """What all players of one adversarial game see.

    Attributes:
        gan: The GAN that is trained.
        generated: Latents and images of a step.
        real: The real pictures of a step as discriminators are shown them.
        optimizer: Of all players.
        penalties: Made ready for the problem.
    """

    gan: GAN
    generated: Shared[Generated]
    real: Shared[tf.Tensor]
    optimizer: OptimizerFactory
    penalties: Sequence[Penalty] = ()


class Opponent(abc.ABC):
    """A part of an adversarial objective: one discriminator, whatever it looks at.

    Attributes:
        log_name: What the generator's log calls its loss against this opponent.
        weight: Of that loss; None takes it as it is.
    """

    log_name: str = "loss"
    weight: float | None = None

    @abc.abstractmethod
    def generator_loss(self, step: Step, generated: Generated) -> tf.Tensor:
        """Returns what the generator minimises against this opponent, a scalar."""

    @abc.abstractmethod
    def player(self) -> Player:
        """Returns the player that trains this opponent."""


class OwnDiscriminator(Opponent):
    """The GAN's own discriminator, with lazy R1.

    Sources: Goodfellow et al. 2014; R1: Mescheder et al. 2018; lazily every ``r1_interval``
    steps with that factor: Karras et al., StyleGAN2 (2020), section 3.1.

    Args:
        game: What it sees.
        judge: How it judges.
        loss: The adversarial loss.
        groups: What it trains.
        state: What a resumed run needs beside weights and optimizers.
        augment: What happens to the pictures that it is shown.
        r1_gamma: γ of R1; 0 leaves it out.
        r1_interval: Steps between two R1 terms.
    """

    def __init__(
        self,
        game: Game,
        judge: Judge,
        loss: adversarial.AdversarialLoss,
        groups: Sequence[Group],
        state: Sequence[keras.Variable] = (),
        augment: Augmentation | None = None,
        r1_gamma: float = 0.0,
        r1_interval: int = 16,
    ):
        self._game, self._judge, self._loss = game, judge, loss
        self._groups, self._state, self._augment = groups, state, augment
        self._gamma, self._interval = r1_gamma, r1_interval

    def generator_loss(self, step: Step, generated: Generated) -> tf.Tensor:
        shown, anchored = self._shown(generated.images), generated.drawn.anchored
        opinions = self._judge(shown, step.labels, anchored).opinions
        if self._loss.relative:
            real = self._shown(self._game.real.seen(step))
            pairs = zip(self._judge(real, step.labels, anchored).opinions, opinions, strict=True)
            terms = [w * self._loss.generator(f, tf.stop_gradient(r)) for (_, r), (w, f) in pairs]
        else:
            terms = [w * self._loss.generator(logits) for w, logits in opinions]
        return tf.add_n(terms)

    def player(self) -> Player:
        augmented = self._augment.state if self._augment else ()
        state = [*self._judge.variables, *self._state, *augmented, *self._judge.state]
        interval = self._interval if self._gamma else None
        optimizer = self._game.optimizer
        return Player(DISCRIMINATOR, self._groups, self._own_loss, optimizer, interval, state)

    def _shown(self, images: tf.Tensor) -> tf.Tensor:
        return self._augment(images) if self._augment else images

    def _own_loss(self, step: Step):
        game, generated = self._game, self._game.generated.seen(step)
        real, anchored = self._shown(game.real.seen(step)), generated.drawn.anchored
        of_real = self._judge(real, step.labels, anchored)
        of_fake = self._judge(self._shown(generated.images), step.labels, anchored)
        pairs = zip(of_real.opinions, of_fake.opinions, strict=True)
        total = tf.add_n([w * self._loss.discriminator(r, f) for (w, r), (_, f) in pairs])
        real_logits, fake_logits = of_real.opinions[0].logits, of_fake.opinions[0].logits
        numbers = {
            "loss": total,
            "real": tf.reduce_mean(real_logits),
            "fake": tf.reduce_mean(fake_logits),
        }
        if self._augment:
            sure = real_logits - fake_logits if self._loss.relative else real_logits
            numbers |= self._augment.observe(sure, tf.shape(real)[0])
        if self._gamma and DISCRIMINATOR in step.due:
            r1 = adversarial.r1_penalty(game.gan.discriminator, real, step.labels)
            total += 0.5 * self._gamma * self._interval * r1
            numbers["r1"] = r1
        turn = Turn(DISCRIMINATOR, step, generated, real, of_real.features, of_fake.features)
        return penalised(total, numbers, game.penalties, turn)


class FeatureOpponent(Opponent):
    """A discriminator on the activations of a frozen network.

    Args:
        game: What it sees.
        discriminator: The heads that look at the activations, and are trained.
        learning_rate: Of the heads.
        weight: Of the generator's loss against it; None takes that as it is.
        name: Of its player.
        log_name: What the generator's log calls its loss; None takes ``name``.
        augment: What happens to the images that it is shown.
        loss: What both minimise at each place of the heads' maps; None takes the
            discriminator's own.
    """

    def __init__(
        self,
        game: Game,
        discriminator: FeatureDiscriminator | ProjectedDiscriminator,
        learning_rate: Any,
        weight: float | None = None,
        name: str = "features",
        log_name: str | None = None,
        augment: Augmentation | None = None,
        loss: adversarial.AdversarialLoss | None = None,
    ):
        self._game, self._discriminator = game, discriminator
        self._rate, self.weight, self._name = learning_rate, weight, name
        self.log_name = name if log_name is None else log_name
        self._augment, self._loss = augment, loss
        self._features = Shared(self._features_of_generated)
        self._features_of_real = Shared(lambda step: self._seen(game.real.seen(step)), False)

    def generator_loss(self, step: Step, generated: Generated) -> tf.Tensor:
        features = self._features.given(step, self._seen(generated.images))
        own = self._discriminator
        fake = own.logits(features, step.labels)
        if self._loss is None:
            return own.generator_loss(fake)
        real: list[Any] = [None] * len(fake)
        if self._loss.relative:
            of_real = own.logits(self._features_of_real.seen(step), step.labels)
            real = [tf.stop_gradient(logits) for logits in of_real]
        pairs = zip(fake, real, strict=True)
        return tf.add_n([self._loss.generator(f, r) for f, r in pairs]) / len(fake)

    def player(self) -> Player:
        own = self._discriminator
        augmented = self._augment.state if self._augment else ()
        groups = [Group(own.variables, self._rate)]
        state = [*own.variables, *own.state, *augmented]
        return Player(self._name, groups, self._own_loss, self._game.optimizer, state=state)

    def _seen(self, images: tf.Tensor) -> list[tf.Tensor]:
        return self._discriminator.features(self._augment(images) if self._augment else images)

    def _features_of_generated(self, step: Step) -> list[tf.Tensor]:
        return self._seen(self._game.generated.seen(step).images)

    def _own_loss(self, step: Step):
        game, own, real = self._game, self._discriminator, self._game.real.seen(step)
        of_real, of_fake = self._features_of_real.seen(step), self._features.seen(step)
        real_logits = own.logits(of_real, step.labels, training=True)
        fake_logits = own.logits(of_fake, step.labels)
        if self._loss is None:
            total = own.discriminator_loss(real_logits, fake_logits)
        else:
            pairs = zip(real_logits, fake_logits, strict=True)
            terms = [self._loss.discriminator(r, f) for r, f in pairs]
            total = tf.add_n(terms) / len(terms)
        numbers = {"loss": total, "real": _mean(real_logits), "fake": _mean(fake_logits)}
        if self._augment:
            by_picture = tf.add_n([tf.reduce_mean(some, [1, 2]) for some in real_logits])
            if self._loss is not None and self._loss.relative:
                by_picture -= tf.add_n([tf.reduce_mean(some, [1, 2]) for some in fake_logits])
            numbers |= self._augment.observe(by_picture, tf.shape(real)[0])
        turn = Turn(self._name, step, game.generated.seen(step), real, of_real, of_fake)
        return penalised(total, numbers, game.penalties, turn)


def _mean(logits: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_mean(some) for some in logits]) / len(logits)
