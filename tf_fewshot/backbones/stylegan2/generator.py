"""StyleGAN2's generator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figures 2d and 7.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from ..extensions import Point
from ..style_based.generator import StyleBasedGenerator, StyleOptions
from .config import StyleGAN2Config
from .layers import StyleGAN2Block, ToRGB
from .mapping import StyleGAN2Mapping


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Generator(StyleBasedGenerator):
    """StyleGAN2's mapping and synthesis networks; see :class:`StyleBasedGenerator`.

    Extensions act on the classes, too.
    """

    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN, Point.CLASSES})
    configuration = StyleGAN2Config

    def __init__(self, config: StyleGAN2Config, extensions=(), **kwargs):
        g, channels = config.generator, list(config.channels or ())
        options = StyleOptions(g.use_noise, g.mixing, g.w_avg_beta, 2 * len(channels))
        super().__init__(config, extensions, options, **kwargs)
        self.mapping = StyleGAN2Mapping(
            config.latent_dim,
            config.w_dim,
            config.mapping.mapping_layers,
            config.mapping.mapping_width,
            config.mapping.mapping_lrmul,
            self.classes.rows,
            config.labels.conditioning,
            config.labels.label_dim,
            name="mapping",
            dtype="float32",
        )
        self.blocks = [
            StyleGAN2Block(
                4 * 2**i,
                c,
                g.g_architecture == "resnet",
                config.taps,
                g.const_channels,
                {"use_noise": g.use_noise, "clamp": g.g_clamp},
                tuple(config.base),
                self.extensions,
                last=i == len(channels) - 1,
                dtype=self.dtype_policy,
            )
            for i, c in enumerate(channels)
        ]
        shown = [b.resolution for b in self.blocks]
        self.to_rgb = ToRGB(
            shown if g.g_architecture == "skip" else shown[-1:],
            config.image_channels,
            g.g_clamp,
            config.taps,
            name="ToRGB",
        )

    def build(self, input_shape=None):
        super().build(input_shape)
        self.noises = []
        shape, shapes = (None, 4, 4, None), []
        for i, block in enumerate(self.blocks):
            r = block.resolution
            for k in range(len(block.convs) if self.use_noise else 0):
                self.noises.append(
                    self._noise_weight(max(2 * i - 1, 0) + k, self.config.size_at(r))
                )
            block.build(shape, (None, None, self.w_dim))
            shape = (None, r, r, block.channels)
            shapes.append(shape)
        self.to_rgb.build(shapes[-len(self.to_rgb.resolutions) :], self.w_dim)

    def activations(self, ws, noise: str = "const") -> list:
        """What each styled layer gives, and the images."""
        shown, features, styles, layer = [None], [], [], 0
        for block in self.blocks:
            used = range(layer, layer + len(block.convs))
            size = self.config.size_at(block.resolution)
            maps = [self._noise(i, size, tf.shape(ws)[0], noise) for i in used]
            told = [ws[:, i] for i in used]
            shown += self._part(block.activations)(shown[-1], told, maps)
            layer += len(block.convs)
            features.append(shown[-1])
            # The style of the next convolution is that of the pixels, too.
            styles.append(ws[:, layer])
        n = len(self.to_rgb.resolutions)
        return [*shown[1:], self._part(self.to_rgb)(features[-n:], styles[-n:])]
