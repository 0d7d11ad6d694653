"""What style-based generators share as GANs: all that goes through their styles.

Source: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial
Networks" (CVPR 2019).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import tensorflow as tf

from ..base import GAN
from ..parts import Stage
from ..truncation import Truncation


class StyleBasedGAN(GAN):
    """A GAN whose generator maps latents to styles and draws from these.

    The generator has ``styles``, ``layer_styles``, ``truncate``, ``synthesize`` and
    ``activations``, and the running mean ``w_avg`` of the styles; the configuration has
    ``resolution``, ``image_channels`` and ``generator``.
    """

    truncates = frozenset({Truncation.STYLES})
    equalized_rates = True
    _free_scale: np.ndarray | None = None

    def _generated(self, z, label, truncation, noise: str):
        ws = self.generator.layer_styles(z, label)
        if truncation is not None:
            ws = self.generator.truncate(ws, truncation, self.truncation_layers)
        return self.generator.synthesize(ws, noise)

    @property
    def truncation_layers(self) -> int | None:
        """How many layers truncation acts on; None is all."""
        return self.configuration.generator.truncation_layers

    @property
    def image_shape(self) -> tuple[int, int, int]:
        r = self.configuration.resolution
        return (r, r, self.configuration.image_channels)

    # Pictures are fitted among the styles: pixel normalisation makes z = 0, where a latent
    # table begins, a pole of the mapping network. Each layer has styles of its own, as in
    # Abdal et al., "Image2StyleGAN" (ICCV 2019): one ``w`` for all of them draws few pictures
    # that the source does not.

    @property
    def free_latent_dim(self) -> int:
        return self.free_latent_layers * self.configuration.w_dim

    @property
    def free_latent_layers(self) -> int:
        return self.generator.num_layers

    def free_latents(self, z, label=None):
        """Maps ``z`` to the normalised styles of all layers, ``[N, layers * w_dim]``."""
        ws = self.generator.layer_styles(z, label)
        free = (ws - self.generator.w_avg) / self._scale()
        return tf.reshape(free, [-1, self.free_latent_dim])

    def drawn_latents(self, z, label=None):
        return self.free_latents(z, label)

    def synthesize(self, free, label=None, training: bool = False):
        """Images of free latents; a class is in the styles, so that ``label`` is ignored."""
        del label
        ws = self._layer_styles_of(tf.convert_to_tensor(free))
        return self.generator.synthesize(ws, noise="random" if training else "const")

    def share_free_space(self, of: GAN) -> None:
        # What it is itself may have been fitted, and its mapping network moved, since.
        self._free_scale = cast(StyleBasedGAN, of)._scale()

    def _layer_styles_of(self, free):
        """Styles ``[N, layers, w_dim]`` of free latents."""
        g = self.generator
        return g.w_avg + tf.reshape(free, [-1, g.num_layers, g.w_dim]) * self._scale()

    def inner_latents(self, free):
        return tf.reshape(self._layer_styles_of(free), [-1, self.free_latent_dim]).numpy()

    def _scale(self) -> np.ndarray:
        """Standard deviation of each component of the styles, ``[w_dim]``."""
        scale = self._free_scale
        if scale is None:
            with tf.init_scope():
                label = np.arange(4096) % max(self.num_classes, 1)
                styles = self.generator.styles(self.sample_latents(4096, seed=0), label)
                scale = self._free_scale = np.std(np.asarray(styles), 0) + 1e-8
        return scale

    # Parts -------------------------------------------------------------------------

    def generator_features(self, z, label=None) -> list:
        return self.generator.activations(self.generator.layer_styles(z, label))

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label, training
        return self.discriminator.activations(images)

    def _mapping_stage(self) -> Stage:
        g = self.generator
        layers = (*g.latents.entering, g.mapping, *g.latents.free)
        return Stage("mapping", (*(w for layer in layers for w in layer.weights), g.w_avg))

    def synthesis_stages(self) -> list[Stage]:
        return self.generator_stages()[1:]
