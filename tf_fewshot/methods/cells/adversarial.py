"""Cell: the adversarial objective."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from ...backbones import GAN
from ...backbones.fresh import fresh_discriminator
from ...data.augment import random_flip
from ...errors import UserError
from ...losses import adversarial
from ...losses.augmentation import ADA, AdaptiveProbability, Augmentation, DiffAugment, seeds_for
from ...losses.feature_discriminator import FeatureDiscriminator
from ..player import Adam, Group, Player, Problem
from .objective import Objective, penalised

# Steps between two changes of ADA's probability, as in the paper.
_ADAPT_EVERY = 4
# Losses whose discriminator gives logits of either sign, and 0 where it cannot tell.
_UNDECIDED_AT_0 = ("non_saturating", "hinge")


class Judge:
    """The discriminator's opinion of pictures.

    Attributes:
        variables: What is trained beside the discriminator.
    """

    variables: Sequence[keras.Variable] = ()

    def __init__(self, gan: GAN):
        self.gan = gan

    def __call__(self, images, labels, anchored: int) -> list[tuple[float, tf.Tensor]]:
        """Logits, with the weight of the loss that is taken of them.

        ``anchored`` is how many of the first pictures are of anchors, see
        :class:`~tf_fewshot.methods.cells.latents.DrawnLatents`.
        """
        del anchored
        return [(1.0, self.gan.discriminator(images, labels, training=True))]


@dataclasses.dataclass(frozen=True)
class Adversarial(Objective):
    """The game of generator and discriminator, with lazy R1.

    Sources: Goodfellow et al. 2014; R1: Mescheder et al. 2018; lazily every
    ``r1_interval`` steps with that factor: Karras et al., StyleGAN2 (2020),
    section 3.1.

    Attributes:
        fresh_discriminator: Begins with a new discriminator
            (:func:`tf_fewshot.backbones.fresh.fresh_discriminator`) rather than the
            source's, as it must where none was released.
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
        mirror: Shows each real picture mirrored left to right half of the time, as the
            released code of CDC, AdAM and FreezeD does. For domains that are the same
            mirrored; samples are then of both kinds.
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

    fresh_discriminator: bool = False
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
    mirror: bool = False
    augment: Literal["none", "diffaugment", "ada"] = "none"
    augment_p: float | None = None
    ada_target: float = 0.6
    ada_images: int = 4_000

    needs_discriminator = True

    def __post_init__(self):
        if self.augment_p is not None:
            if self.augment != "ada":
                raise UserError(
                    f"augment_p is a setting of augment='ada', and augment is {self.augment!r}. "
                    "Leave it out, or choose 'ada'."
                )
            if not 0.0 <= self.augment_p <= 1.0:
                raise UserError(f"augment_p is a probability, in [0, 1], not {self.augment_p}.")
        elif self.augment == "ada" and self.adversarial_loss not in _UNDECIDED_AT_0:
            raise UserError(
                f"ADA adapts to the sign of logits, which says nothing with "
                f"{self.adversarial_loss!r}. Set augment_p, or adversarial_loss to one of "
                f"{', '.join(_UNDECIDED_AT_0)}."
            )
        if not -1.0 <= self.ada_target <= 1.0:
            raise UserError(f"ada_target is a mean sign, in [-1, 1], not {self.ada_target}.")
        if self.ada_images < 1:
            raise UserError(f"ada_images must be 1 or more, not {self.ada_images}.")

    def missing(self, gan):
        return None if self.fresh_discriminator else super().missing(gan)

    def prepare(self, problem):
        if self.fresh_discriminator:
            keras.utils.set_random_seed(problem.seed)
            problem.gan.discriminator = fresh_discriminator(problem.gan)
        return problem

    def players(self, problem, selection, latents, penalties):
        gan, loss = problem.gan, adversarial.get(self.adversarial_loss)
        discriminator = gan.discriminator
        judge = self.judge(problem)
        adam = Adam(self.beta_1, self.beta_2)

        shown: dict[str, Any] = {}
        critic = None
        if self.feature_weight:
            dtype = gan.generator.dtype_policy.name
            critic = FeatureDiscriminator(problem.images, problem.seed, dtype)
        augmentation = self._augmentation(problem)
        mirrors = seeds_for(problem.seed, "mirror") if self.mirror else None

        def seen(images):
            return augmentation(images) if augmentation else images

        def g_loss(batch, lazy):
            del lazy
            # The same ones for every discriminator of this step.
            shown["real"] = (
                batch.images if mirrors is None else random_flip(batch.images, mirrors.next())
            )
            drawn = latents.draw(batch)
            images = drawn.images(gan, batch.labels)
            if self.clip_images:
                images = tf.clip_by_value(images, -1.0, 1.0)
            # The discriminator's turn comes next, on the same images: one pass saved.
            shown["fake"] = tf.stop_gradient(images)
            shown["anchored"] = drawn.anchored
            opinions = judge(seen(images), batch.labels, drawn.anchored)
            total = tf.add_n([weight * loss.generator(logits) for weight, logits in opinions])
            logs = {"loss": total}
            if critic:
                features = critic.features(images)
                shown["features"] = [tf.stop_gradient(f) for f in features]
                logs["features"] = critic.generator_loss(features)
                total += self.feature_weight * logs["features"]
            return penalised(total, logs, penalties, drawn, "generator")

        def d_loss(batch, lazy):
            real = seen(shown["real"])
            of_real = judge(real, batch.labels, shown["anchored"])
            of_fake = judge(seen(shown["fake"]), batch.labels, shown["anchored"])
            pairs = zip(of_real, of_fake, strict=True)
            total = tf.add_n([w * loss.discriminator(r, f) for (w, r), (_, f) in pairs])
            real_logits, fake_logits = of_real[0][1], of_fake[0][1]
            logs = {
                "loss": total,
                "real": tf.reduce_mean(real_logits),
                "fake": tf.reduce_mean(fake_logits),
            }
            if augmentation:
                logs |= augmentation.observe(real_logits, tf.shape(real)[0])
            if lazy and self.r1_gamma:
                r1 = adversarial.r1_penalty(discriminator, real, batch.labels)
                total += 0.5 * self.r1_gamma * self.r1_interval * r1
                logs["r1"] = r1
            return total, logs

        d_rate = self.learning_rate if self.d_learning_rate is None else self.d_learning_rate
        interval = self.r1_interval if self.r1_gamma else None
        groups = [
            Group(some, self.learning_rate if own is None else own, begins)
            for some, begins, own in selection.groups()
        ]
        if latents.variables:
            groups.append(Group(latents.variables, self.learning_rate))
        d_groups = [Group([*selection.discriminator, *judge.variables], d_rate)]
        of_players = zip((groups, d_groups), (self.learning_rate, d_rate), strict=True)
        for (mine, rate), modulation in zip(of_players, selection.modulations, strict=False):
            mine.append(Group(modulation.variables, rate, modulation=modulation))
        states: list[list[keras.Variable]] = [
            [v for m in mods for v in m.state]
            for mods in (selection.modulations[:1], selection.modulations[1:])
        ]
        players = [
            Player(
                "generator",
                groups,
                g_loss,
                adam,
                state=[*states[0], *([] if mirrors is None else [mirrors.state])],
            ),
            Player(
                "discriminator",
                d_groups,
                d_loss,
                adam,
                interval,
                state=[
                    *judge.variables,
                    *states[1],
                    *(augmentation.state if augmentation else ()),
                ],
            ),
        ]
        if critic:
            players.append(_feature_player(critic, shown, self.feature_learning_rate, adam))
        return players

    def judge(self, problem: Problem) -> Judge:
        """Who tells real pictures from generated ones."""
        return Judge(problem.gan)

    def _augmentation(self, problem: Problem) -> Augmentation | None:
        if self.augment == "none":
            return None
        if self.augment == "diffaugment":
            return DiffAugment(problem.seed)
        if self.augment_p is not None:
            return ADA(problem.seed, self.augment_p)
        every = _ADAPT_EVERY * problem.batch_size
        return ADA(problem.seed, AdaptiveProbability(self.ada_target, self.ada_images, every))


def _feature_player(
    critic: FeatureDiscriminator, shown: dict[str, Any], rate: float, adam: Adam
) -> Player:
    def loss(batch, lazy):
        del lazy
        del batch
        total = critic.discriminator_loss(critic.features(shown["real"]), shown["features"])
        return total, {"loss": total}

    state = [*critic.variables, *critic.state]
    return Player("features", [Group(critic.variables, rate)], loss, adam, state=state)
