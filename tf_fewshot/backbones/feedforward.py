"""What DCGAN and SNGAN share: networks that are a chain of layers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from .base import GAN
from .extensions import Point
from .network import Network
from .parts import Stage


class FeedForwardDiscriminator(Network):
    """Blocks, and what makes a logit of their last map; a subclass makes both."""

    kind = "discriminator"
    points = frozenset({Point.HIDDEN})

    blocks: list
    to_logit: Any

    @property
    def chain(self) -> list:
        """The layers from pixels to logits."""
        return [*self.blocks, self.to_logit]

    def activations(self, images, training=False) -> list:
        """What each layer but the last gives."""
        maps = [tf.cast(images, self.compute_dtype)]
        for block in self.blocks:
            maps.append(self._part(block)(maps[-1], training=training))
        return maps[1:]

    def stages(self) -> list[Stage]:
        """The parts from pixels to logit; every variable in exactly one."""
        return stages_of(self.chain)


class FeedForwardGAN(GAN):
    """A GAN whose networks pass their input through one layer after the other.

    Both networks have ``chain``, these layers from input to output, and ``activations``,
    what they give.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        config = self.configuration
        return (config.resolution, config.resolution, config.channels)

    def generator_features(self, z, label=None) -> list:
        return self.generator.activations(z, label)

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label
        return self.discriminator.activations(images, training)

    def generator_stages(self) -> list[Stage]:
        return [*self.latent_stages(), *self.synthesis_stages()]

    def synthesis_stages(self) -> list[Stage]:
        return stages_of(self.generator.chain)

    def discriminator_stages(self) -> list[Stage]:
        return [] if self.discriminator is None else self.discriminator.stages()


def stages_of(layers) -> list[Stage]:
    """One for each of these layers."""
    return [Stage(layer.name, tuple(layer.weights)) for layer in layers]
