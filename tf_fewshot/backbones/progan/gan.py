"""Progressive GAN.

Source: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (ICLR 2018). The backbone of MineGAN's comparisons (Wang et al., CVPR 2020).
"""

from __future__ import annotations

import tensorflow as tf

from ..feedforward import FeedForwardGAN
from ..parts import Stage
from ..registry import register
from .config import ProGANConfig
from .discriminator import ProGANDiscriminator
from .generator import ProGANGenerator


@register("progan")
class ProGAN(FeedForwardGAN):
    """Progressive GAN, grown to its end; :class:`ProGANConfig` has its settings.

    Its generator divides latents by their root mean square. What comes of that is the free space,
    since z = 0, where a latent table begins, is a pole of the division.
    """

    configuration_class = ProGANConfig
    generator_class = ProGANGenerator
    discriminator_class = ProGANDiscriminator
    equalized_rates = True

    @property
    def image_shape(self) -> tuple[int, int, int]:
        config = self.configuration
        return (config.resolution, config.resolution, config.image_channels)

    def free_latents(self, z, label=None):
        """Maps ``z`` to latents of root mean square 1."""
        del label
        return self.generator.free(tf.convert_to_tensor(z))

    def drawn_latents(self, z, label=None):
        z = tf.convert_to_tensor(z)
        return self.generator.latents.carry(z, self.free_latents(z, label))

    def synthesize(self, free, label=None, training: bool = False):
        del label, training
        return self.generator.drawn(tf.convert_to_tensor(free))[-1]

    def latent_stages(self) -> list[Stage]:
        points = self.generator.latents
        return [Stage(e.name, tuple(e.weights)) for e in (*points.entering, *points.free)]
