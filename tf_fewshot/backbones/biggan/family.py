"""What BigGAN and BigGAN-deep share as GANs; no discriminator was released of either.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B; the constants are those of the modules that its authors released.
"""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
import tensorflow as tf

from ..base import GAN
from ..parts import ClassTable, RoleValues, ScaleShiftRole, Stage
from ..truncation import Truncation
from .initial import blank_weights
from .standing_statistics import accumulate_statistics

# What leaves every kernel as it is when it changes.
_BESIDE = {"extensions", "num_classes", "dtype", "choice_variants", "choice_thresholds"}


class BigGANFamily(GAN):
    """The contract of a GAN for both architectures.

    A discriminator that it is given, where it has none of its own, is one of
    :func:`~tf_fewshot.backbones.fresh.fresh_discriminator`, and is not saved with it.

    The truncation of :meth:`generate` chooses the statistics of batch normalisation in [0, 1],
    where there are several (``statistics`` of the configuration). :meth:`sample_latents`
    truncates at t, as the paper says. The examples of the released modules scale instead:
    ``t * gan.sample_latents(n, truncation=2.0)``, with t here.
    """

    needs_classes = True
    truncates = frozenset({Truncation.LATENTS, Truncation.STATISTICS})

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.configuration.resolution, self.configuration.resolution, 3)

    def _generated(self, z, label, truncation, noise: str):
        del noise
        label = None if label is None else tf.convert_to_tensor(label)
        return self.generator(z, label, truncation=truncation)

    def generator_features(self, z, label=None) -> list:
        return self.generator.activations(z, label)

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label
        if self.has_discriminator:
            return self.discriminator.activations(images, training)
        return self.discriminator.activations(images)

    # Behind a mapping network pictures are fitted where its layers are told what to draw, as
    # StyleGAN's are among the styles.

    _free_space: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def _mapped(self) -> bool:
        return bool(self.generator.mapping_weights)

    @property
    def free_latent_dim(self) -> int:
        return self.generator.told_dim

    def free_latents(self, z, label=None):
        if not self._mapped:
            return super().free_latents(z, label)
        centre, scale = self._centre_and_scale()
        return (self.generator.told(z, label) - centre) / scale

    def drawn_latents(self, z, label=None):
        return self.free_latents(z, label) if self._mapped else super().drawn_latents(z, label)

    def synthesize(self, free, label=None, training: bool = False):
        if not self._mapped:
            return super().synthesize(free, label, training)
        told = self._told_of(tf.convert_to_tensor(free))
        return self.generator.drawn(told, label, training)[-1]

    def share_free_space(self, of: GAN) -> None:
        if self._mapped:
            # What it is itself may have been fitted, and its mapping network moved, since.
            self._free_space = cast(BigGANFamily, of)._centre_and_scale()

    def inner_latents(self, free):
        return np.asarray(self._told_of(free)) if self._mapped else free

    def _told_of(self, free):
        centre, scale = self._centre_and_scale()
        return centre + free * scale

    def _centre_and_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of what the network is told, ``[told_dim]`` each."""
        space = self._free_space
        if space is None:
            with tf.init_scope():
                label = np.arange(4096) % max(self.num_classes, 1)
                told = np.asarray(self.generator.told(self.sample_latents(4096, seed=0), label))
                space = self._free_space = told.mean(0), told.std(0) + 1e-8
        return space

    def generator_stages(self) -> list[Stage]:
        if not self._mapped:
            return [*self.latent_stages(), *self.synthesis_stages()]
        g = self.generator
        of_latents = [
            Stage("mapping", tuple(g.mapping_weights))
            if layer is None
            else Stage(layer.name, tuple(layer.weights))
            for layer in (*g.latents.entering, None, *g.latents.free)
        ]
        return [*of_latents, *self.synthesis_stages()]

    def synthesis_stages(self) -> list[Stage]:
        g = self.generator
        first = (g.class_weight, *g.from_latent.weights, *g.added.weights)
        stages = [Stage("G_linear", first)]
        size = 4
        for block in g.blocks:
            size *= 2 if block.doubled else 1
            stages.append(Stage(block.name, tuple(block.weights)))
            if g.attends_after(block, size):
                stages.append(Stage("attention", tuple(g.attention.weights)))
        return [*stages, Stage("to_rgb", (*g.norm.weights, *g.to_rgb.weights))]

    def discriminator_stages(self) -> list[Stage]:
        return [] if self.discriminator is None else self.discriminator.stages()

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The kernels of the maps that compute scale and shift of each block's normalisations.

        Not of the last normalisation before the pixels, whose scale and shift no class
        changes.
        """
        return [
            ScaleShiftRole(
                f"{block.name}/{norm.name}", (norm.gamma.kernel,), (norm.beta.kernel,), False
            )
            for block in self.generator.blocks
            for norm in block.norms
        ]

    def own_scale_shift(self, z, label=None) -> list[RoleValues]:
        """What the maps of each block make of these latents and the vectors of their classes."""
        _, conditions = self.generator.conditions(self.generator.told(z, label), label)
        return [
            RoleValues(
                f"{block.name}/{norm.name}",
                1.0 + norm.gamma(condition).numpy(),
                norm.beta(condition).numpy(),
            )
            for block, condition in zip(self.generator.blocks, conditions, strict=True)
            for norm in block.norms
        ]

    def class_tables(self) -> list[ClassTable]:
        """The vectors of the classes; there is none at which all scales are 1 and shifts 0."""
        weight = self.generator.class_weight
        values = weight.numpy().astype(np.float64)
        return [ClassTable("generator/class_vector", values, table=weight.path)]

    def with_statistics_of_weights(self, seed: int = 0) -> Self:
        return accumulate_statistics(self, seed=seed)

    def _twin(self, config: dict[str, Any]) -> GAN:
        before, classes = self.config, config["num_classes"]
        changed = {name for name, value in config.items() if before.get(name) != value}
        # No kernel need be drawn first; extensions draw their own weights.
        if changed <= _BESIDE and classes in (0, self.num_classes):
            with blank_weights():
                return super()._twin(config)
        return super()._twin(config)
