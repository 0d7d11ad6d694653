"""Cell: reconstruction of the pictures, and a game for what lies between them."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ...losses.augmentation import seeds_for
from ..drawn import Generated
from ..optimizers import adam_with
from ..step import Shared, Step
from .fitted import between
from .game import Augmenting, OnFeatures
from .opponents import Game
from .reconstruction import Reconstruction

# Of the heads, as in every game here.
_BETAS = (0.0, 0.99)
_HEADS = OnFeatures(feature_weight=0.3, feature_learning_rate=0.001)
_AUGMENTING = Augmenting(augment="diffaugment")


@dataclasses.dataclass(frozen=True)
class JudgedReconstruction(Reconstruction):
    """Reconstruction whose samples are judged, too.

    Reconstruction keeps every picture in reach, and says nothing of what lies between the latents
    of two of them: there it draws one picture over the other. Here latents of each step are also
    drawn as samples are, from the Gaussian of the latents that are fitted so far, and heads on the
    activations of a frozen AlexNet
    (:class:`~tf_fewshot.losses.feature_discriminator.FeatureDiscriminator`) tell their images
    from the pictures. The generator plays against them; the latents that it draws from do not.

    Source: this project. Reconstruction is BSA's (ICCV 2019), the game that of Goodfellow et al.
    (2014), on features as in Sauer et al. (NeurIPS 2021), the Gaussian that of Bojanowski et al.
    (2018).

    Attributes:
        on_features, augmenting: Settings that belong together.
    """

    on_features: OnFeatures = _HEADS
    augmenting: Augmenting = _AUGMENTING

    @property
    def trained_through(self):
        through = (*super().trained_through, *self.on_features.trained_through)
        return tuple(dict.fromkeys(through))

    def players(self, problem, selection, latents, penalties):
        (generator,) = super().players(problem, selection, latents, penalties)
        gan, chosen = problem.gan, self.on_features
        if not chosen.given:
            return [generator]
        seeds = seeds_for(problem.seed, "between")

        def draw(step: Step) -> Generated:
            drawn = between(latents, tf.shape(step.indices)[0], seeds)
            return Generated(drawn, tf.clip_by_value(drawn.images(gan, step.labels), -1.0, 1.0))

        def shown(step: Step) -> tf.Tensor:
            return step.pictures

        generated, real = Shared(draw), Shared(shown, trained=False)
        game = Game(gan, generated, real, adam_with(*_BETAS))
        opponent = chosen.opponent(problem, game, self.augmenting.for_problem(problem))

        def loss(step: Step):
            total, numbers = generator.loss(step)
            judged = opponent.generator_loss(step, generated.fresh(step))
            return total + chosen.feature_weight * judged, {**numbers, opponent.log_name: judged}

        state = [*generator.state, seeds.state]
        return [dataclasses.replace(generator, loss=loss, state=state), opponent.player()]
