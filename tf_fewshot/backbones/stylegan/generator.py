"""The generator of StyleGAN (version 1): mapping and synthesis.

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from ...layers import EqualizedConv2D, upscale2d
from ..extensions import Point
from ..style_based.generator import StyleBasedGenerator, StyleOptions
from .config import StyleGANConfig
from .layers import Mapping, SynthesisBlock


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANGenerator(StyleBasedGenerator):
    """StyleGAN's mapping and synthesis networks; see :class:`StyleBasedGenerator`."""

    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN, Point.CLASSES})
    configuration = StyleGANConfig

    def __init__(self, config: StyleGANConfig, extensions=(), **kwargs):
        g, layers = config.generator, 2 * len(config.channels or ())
        options = StyleOptions(g.use_noise, g.mixing, g.w_avg_beta, layers)
        super().__init__(config, extensions, options, **kwargs)
        self.resolution, self.fading = config.resolution, config.fading
        channels = list(config.channels or ())
        self.resolutions = [4 * 2**i for i in range(len(channels))]
        self.mapping = Mapping(
            config.w_dim,
            dataclasses.asdict(config.mapping),
            self.classes.rows,
            config.latent_dim,
            name="mapping",
            dtype="float32",
        )
        self.blocks = [
            SynthesisBlock(
                r,
                c,
                config.w_dim,
                config.fused,
                dataclasses.asdict(g),
                config.blur,
                self.extensions,
                last=r == config.resolution,
                dtype=self.dtype_policy,
            )
            for r, c in zip(self.resolutions, channels, strict=True)
        ]
        # In float32: rounding here shows as colour fringes.
        shown = self.resolutions[-2:] if config.fading else self.resolutions[-1:]
        self.to_rgb = {
            str(r): EqualizedConv2D(
                config.image_channels, 1, gain=1.0, name=f"ToRGB_{r}x{r}", dtype="float32"
            )
            for r in shown
        }

    def build(self, input_shape=None):
        super().build(input_shape)
        self.noises = [
            self._noise_weight(i, (4 * 2 ** (i // 2), 4 * 2 ** (i // 2)))
            for i in range(self.num_layers if self.use_noise else 0)
        ]
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )
        shape = (None, 4, 4, None)
        for block in self.blocks:
            block.build(shape)
            shape = (None, block.resolution, block.resolution, block.channels)
            if str(block.resolution) in self.to_rgb:
                self.to_rgb[str(block.resolution)].build(shape)

    def truncate(self, ws, psi, layers: int | None = 8):
        """See :meth:`StyleBasedGenerator.truncate`; the released networks have 8 layers moved."""
        return super().truncate(ws, psi, layers)

    def activations(self, ws, noise: str = "const") -> list:
        """What each layer gives, the last of them the images."""
        maps, images = [None], {}
        for i, block in enumerate(self.blocks):
            styles = (ws[:, 2 * i], ws[:, 2 * i + 1])
            r, n = block.resolution, tf.shape(ws)[0]
            noises = tuple(self._noise(2 * i + k, (r, r), n, noise) for k in (0, 1))
            maps += self._part(block.activations)(maps[-1], styles, noises)
            to_rgb = self.to_rgb.get(str(block.resolution))
            if to_rgb is not None:
                images[block.resolution] = to_rgb(tf.cast(maps[-1], tf.float32))
        image = images[self.resolution]
        if self.fading:
            image += (upscale2d(images[self.resolution // 2]) - image) * self.lod
        return [*maps[1:], image]
