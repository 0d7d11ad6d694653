"""Cell: the adversarial objective."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import tensorflow as tf

from ..losses import adversarial
from ..losses.feature_discriminator import FeatureDiscriminator
from .objective import Objective, penalised
from .player import Adam, Group, Player


@dataclasses.dataclass(frozen=True)
class Adversarial(Objective):
    """The game of generator and discriminator, with lazy R1.

    Sources: Goodfellow et al. 2014; R1: Mescheder et al. 2018; lazily every
    ``r1_interval`` steps with that factor: Karras et al., StyleGAN2 (2020),
    section 3.1.

    Attributes:
        adversarial_loss: "non_saturating", "hinge", "wasserstein" or "least_squares".
        learning_rate: Adam's, of the generator.
        d_learning_rate: Adam's, of the discriminator; None takes the generator's.
        r1_gamma: Weight γ of R1; the term is γ/2 · R1. 0 leaves it out. StyleGAN's own is
            10, of 1024-pixel pictures; 3 suits 64 pixels.
        r1_interval: Steps between two R1 terms.
        beta_1, beta_2: Adam's moments, of both.
        feature_weight: Weight of the generator's loss against a second discriminator, on
            the activations of a frozen AlexNet
            (:class:`tf_fewshot.losses.feature_discriminator.FeatureDiscriminator`).
            0 leaves it out.
        feature_learning_rate: Adam's, of that discriminator.
        clip_images: Shows the discriminator generated images clipped to [-1, 1], as
            picture files are. An unbounded generator need not hit flat white or black
            to the last digit then, which alone tells it from drawings.
    """

    adversarial_loss: Literal["non_saturating", "hinge", "wasserstein", "least_squares"] = (
        "non_saturating"
    )
    learning_rate: float = 0.002
    d_learning_rate: float | None = None
    r1_gamma: float = 3.0
    r1_interval: int = 16
    beta_1: float = 0.0
    beta_2: float = 0.99
    clip_images: bool = True
    feature_weight: float = 0.0
    feature_learning_rate: float = 0.0005

    needs_discriminator = True

    def players(self, problem, selection, latents, penalties):
        gan, loss = problem.gan, adversarial.get(self.adversarial_loss)
        discriminator = gan.discriminator
        adam = Adam(self.beta_1, self.beta_2)

        shown: dict[str, Any] = {}
        critic = None
        if self.feature_weight:
            dtype = gan.generator.dtype_policy.name
            critic = FeatureDiscriminator(problem.images, problem.seed, dtype)

        def g_loss(batch, lazy):
            del lazy
            drawn = latents.draw(batch)
            images = drawn.images(gan, batch.labels)
            if self.clip_images:
                images = tf.clip_by_value(images, -1.0, 1.0)
            # The discriminator's turn comes next, on the same images: one pass saved.
            shown["fake"] = tf.stop_gradient(images)
            total = loss.generator(discriminator(images, batch.labels, training=True))
            logs = {"loss": total}
            if critic:
                features = critic.features(images)
                shown["features"] = [tf.stop_gradient(f) for f in features]
                logs["features"] = critic.generator_loss(features)
                total += self.feature_weight * logs["features"]
            return penalised(total, logs, penalties, drawn, "generator")

        def d_loss(batch, lazy):
            real_logits = discriminator(batch.images, batch.labels, training=True)
            fake_logits = discriminator(shown["fake"], batch.labels, training=True)
            total = loss.discriminator(real_logits, fake_logits)
            logs = {
                "loss": total,
                "real": tf.reduce_mean(real_logits),
                "fake": tf.reduce_mean(fake_logits),
            }
            if lazy and self.r1_gamma:
                r1 = adversarial.r1_penalty(discriminator, batch.images, batch.labels)
                total += 0.5 * self.r1_gamma * self.r1_interval * r1
                logs["r1"] = r1
            return total, logs

        d_rate = self.learning_rate if self.d_learning_rate is None else self.d_learning_rate
        interval = self.r1_interval if self.r1_gamma else None
        players = [
            Player(
                "generator",
                [Group([*selection.generator, *latents.variables], self.learning_rate)],
                g_loss,
                adam,
            ),
            Player(
                "discriminator", [Group(selection.discriminator, d_rate)], d_loss, adam, interval
            ),
        ]
        if critic:
            players.append(_feature_player(critic, shown, self.feature_learning_rate, adam))
        return players


def _feature_player(
    critic: FeatureDiscriminator, shown: dict[str, Any], rate: float, adam: Adam
) -> Player:
    def loss(batch, lazy):
        del lazy
        total = critic.discriminator_loss(critic.features(batch.images), shown["features"])
        return total, {"loss": total}

    state = [*critic.variables, *critic.state]
    return Player("features", [Group(critic.variables, rate)], loss, adam, state=state)
