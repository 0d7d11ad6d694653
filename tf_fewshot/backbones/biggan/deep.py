"""BigGAN-deep, class-conditional; the generator only, since no discriminator was released.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B, figure 16, with the constants of the modules
deepmind/biggan-deep-128, -256 and -512.
"""

from __future__ import annotations

import itertools

import keras
import tensorflow as tf

from ...layers import upscale2d
from ..registry import register
from .config import BigGANDeepConfig
from .family import BigGANFamily
from .generator import Block, FamilyGenerator


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANDeepBlock(Block):
    """Residual block with a bottleneck of a quarter of the channels.

    Four times normalisation, ReLU and convolution (1 × 1, 3 × 3, 3 × 3, 1 × 1), with the
    doubling, if any, before the second. Beside it the first ``filters`` channels of the
    input, doubled likewise.
    """

    def build(self, input_shape, condition_shape):
        before, narrow = input_shape[-1], max(input_shape[-1] // 4, 1)
        self._add_layers(
            condition_shape,
            [(before, narrow, 1), *2 * [(narrow, narrow, 3)], (narrow, self.filters, 1)],
            doubling=1 if self.doubled else None,
        )

    def call(self, x, condition, at=None, training=False):
        h = x
        for i, conv in enumerate(self.convs):
            h = conv(self._activated(i, h, condition, at, training), training=training)
        x = x[..., : self.filters]
        return h + (upscale2d(x) if self.doubled else x)


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANDeepGenerator(FamilyGenerator):
    """BigGAN-deep's generator; see :class:`FamilyGenerator`.

    The first layer and every block are told all of ``z`` and then the vector of the class.
    Each resolution has one block of its own before the one that doubles it.
    """

    configuration = BigGANDeepConfig

    def _blocks(self) -> list[Block]:
        sizes = [
            (filters, doubled)
            for before, after in itertools.pairwise(self.channels)
            for filters, doubled in ((before, False), (after, True))
        ]
        return [
            BigGANDeepBlock(
                filters,
                doubled,
                self.rows,
                self.extensions,
                self.config.normalisation,
                name=f"GBlock_{i}",
                dtype=self.dtype_policy,
            )
            for i, (filters, doubled) in enumerate(sizes)
        ]

    def _split(self, told, classes):
        condition = tf.concat([told, classes], 1)
        return condition, [condition] * (2 * len(self.channels) - 2)


@register("biggan_deep")
class BigGANDeep(BigGANFamily):
    """BigGAN-deep's generator.

    As :class:`~tf_fewshot.backbones.biggan.gan.BigGAN`, but for its blocks, and for its
    statistics: those of truncations 0, 0.02, … 1, between which ``generate`` interpolates.
    Training moves the row of truncation 1 alone; for the others see
    :func:`~tf_fewshot.backbones.biggan.standing_statistics.accumulate_statistics`.
    :class:`BigGANDeepConfig` has the settings.
    """

    configuration_class = BigGANDeepConfig
    generator_class = BigGANDeepGenerator
