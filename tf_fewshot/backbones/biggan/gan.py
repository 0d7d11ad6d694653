"""BigGAN, class-conditional; no discriminator was released.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B, figure 15, with the constants of the modules deepmind/biggan-128,
-256 and -512. One of the frameworks of the BSA paper.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...layers import ChoiceMap, SpectralConv2D, upscale2d
from ..configuration import Configuration
from ..parts import ClassTable
from ..registry import register
from ..sngan.discriminator import SNGANDiscriminator
from .config import BigGANConfig
from .family import BigGANFamily
from .generator import Block, FamilyGenerator


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANBlock(Block):
    """Residual block that doubles the map ``[N, R, R, C]`` to ``[N, 2R, 2R, filters]``.

    Normalisation, ReLU, doubling (nearest neighbour), 3 × 3 convolution, normalisation,
    ReLU, 3 × 3 convolution; beside it doubling and a 1 × 1 convolution.
    """

    def build(self, input_shape, condition_shape):
        before, after = input_shape[-1], self.filters
        self._add_layers(condition_shape, [(before, after, 3), (after, after, 3)], doubling=0)
        self.conv_sc = SpectralConv2D(
            after, 1, name="conv_sc", dtype=self.dtype_policy, **self.normalisation.spectral()
        )
        self.conv_sc.build(input_shape)

    def call(self, x, condition, at=None, training=False):
        h = self.convs[0](self._activated(0, x, condition, at, training), training=training)
        h = self.convs[1](self._activated(1, h, condition, at, training), training=training)
        # One pixel at a time: the same before doubling as after it, at a quarter of the cost.
        return h + upscale2d(self.conv_sc(x, training=training))


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANGenerator(FamilyGenerator):
    """BigGAN's generator; see :class:`FamilyGenerator`.

    ``z``, or what a mapping network makes of it, is cut into one chunk for the first layer and
    one for each block, which is told its chunk and then the vector of the class. One that is not
    hierarchical tells the first layer all of it, and the blocks the vector alone.
    """

    configuration = BigGANConfig

    def __init__(self, config: BigGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, **kwargs)
        widths, layers = list(config.mapping), []
        if config.choices.given:
            units, classes = widths.pop(0), self.classes.count
            layers.append(ChoiceMap(config.choices, units, classes, name="mapping0"))
        for width in widths:
            # In float32, as the map from the latent that follows is.
            layers.append(
                keras.layers.Dense(
                    width,
                    kernel_initializer="he_normal",
                    name=f"mapping{len(layers)}",
                    dtype="float32",
                )
            )
        self.mapping: list[Any] = layers

    def build(self, input_shape=None):
        super().build(input_shape)
        size = self.latent_dim + self.class_dim
        for layer in self.mapping:
            layer.build((None, size))
            size = layer.units

    @property
    def mapping_weights(self):
        return [weight for layer in self.mapping for weight in layer.weights]

    def _blocks(self) -> list[Block]:
        config, dtype = self.config, self.dtype_policy
        return [
            BigGANBlock(
                filters,
                True,
                self.rows,
                self.extensions,
                config.normalisation,
                name=f"GBlock_{i}",
                dtype=dtype,
            )
            for i, filters in enumerate(self.channels[1:])
        ]

    def told(self, z, label=None):
        if not self.mapping:
            return super().told(z, label)
        z = tf.cast(z, tf.float32)
        return self.latents.carry(z, self._mapped(self.latents.enter(z), label))

    def _split(self, told, classes):
        if not self.config.hierarchical:
            return told, [classes] * len(self.blocks)
        first, *chunks = tf.split(told, len(self.channels), axis=1)
        return first, [tf.concat([chunk, classes], 1) for chunk in chunks]

    def _mapped(self, z, label):
        """What the mapping network makes of ``z``."""
        first, *others = self.mapping
        if isinstance(first, ChoiceMap):
            x = first(z, self._numbers(label) if self.classes.count else None)
        else:
            x = first(tf.concat([z, self._class_vectors(tf.shape(z)[0], label)], 1))
        for layer in others:
            x = layer(tf.nn.leaky_relu(x, 0.2))
        return x


@register("biggan")
class BigGAN(BigGANFamily):
    """BigGAN's generator, and SNGAN's discriminator if it is to have one.

    Every layer but the class table is spectrally normalised, unless the configuration leaves that
    out of the generator, with one power step from a stored vector that only training moves. Batch
    normalisation (epsilon 1e-4) uses stored statistics; with ``training=True`` those of the batch,
    which also move the stored ones. The released statistics are those of latents without
    truncation; for others see
    :func:`~tf_fewshot.backbones.biggan.standing_statistics.accumulate_statistics`.
    :class:`BigGANConfig` has the settings.
    """

    configuration_class = BigGANConfig
    generator_class = BigGANGenerator
    discriminator_class = SNGANDiscriminator

    @property
    def has_discriminator(self) -> bool:
        return bool(self.configuration.discriminator.discriminator_widths)

    @property
    def classes_blend(self) -> bool:
        # The same component of z stands for another choice in each class.
        return not self.configuration.choices.given

    def configuration_of(self, network: str) -> Configuration:
        of_discriminator = network == "discriminator"
        return self.configuration.of_discriminator if of_discriminator else self.configuration

    def class_tables(self) -> list[ClassTable]:
        """The vectors of the classes, their choices, and what its discriminator projects on."""
        tables = super().class_tables()
        if self.configuration.choices.given:
            rows = self.generator.mapping[0].table()
            tables = [*tables, ClassTable("generator/mapping0/rows", rows)]
        if self.has_discriminator and self.discriminator is not None:
            tables = [*tables, self.discriminator.class_table()]
        return tables
