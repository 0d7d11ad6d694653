"""Cell: the game against discriminators on projected features of a frozen network."""

from __future__ import annotations

import dataclasses

from ...errors import UserError
from ...features import ALEXNET_LEAST_SIZE
from ...losses.projected import (
    FeatureNetwork,
    ProjectedDiscriminator,
    feature_network,
)
from .adversarial import AdversarialGame
from .opponents import FeatureOpponent, Opponent

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
        rate = self.rates.of_discriminator
        return [FeatureOpponent(game, heads, rate, name=HEADS, log_name="loss", augment=augment)]
