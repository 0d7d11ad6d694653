"""StyleGAN3's generator.

Source: Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021), figure 4b.
"""

from __future__ import annotations

import keras

from ..extensions import Point
from ..style_based.generator import StyleBasedGenerator, StyleOptions
from ..stylegan2.mapping import StyleGAN2Mapping
from .config import StyleGAN3Config
from .geometry import plans
from .layers import AliasFreeConv2D, AliasFreePixels, FourierFeatures


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN3Generator(StyleBasedGenerator):
    """StyleGAN3's mapping and synthesis networks; see :class:`StyleBasedGenerator`.

    The first style is that of the Fourier features, the last that of the pixels. There is no
    noise. Extensions act on the classes, too.
    """

    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN, Point.CLASSES})
    configuration = StyleGAN3Config

    def __init__(self, config: StyleGAN3Config, extensions=(), **kwargs):
        g = config.generator
        options = StyleOptions(False, g.mixing, g.w_avg_beta, config.layers.synthesis_layers + 2)
        super().__init__(config, extensions, options, **kwargs)
        self.mapping = StyleGAN2Mapping(
            config.latent_dim,
            config.w_dim,
            config.mapping.mapping_layers,
            config.mapping.mapping_width,
            config.mapping.mapping_lrmul,
            self.classes.rows,
            config.labels.conditioning,
            config.w_dim if config.labels.label_dim is None else config.labels.label_dim,
            name="mapping",
            dtype="float32",
        )
        *hidden, last = plans(config)
        self.features = FourierFeatures(hidden[0].before, name="Input")
        self.layers_between = [
            AliasFreeConv2D(
                plan,
                g.g_clamp,
                self.extensions if i < len(hidden) - 1 else (),
                dtype=self.dtype_policy,
            )
            for i, plan in enumerate(hidden)
        ]
        self.to_rgb = AliasFreePixels(last, g.g_clamp, g.output_scale)

    def build(self, input_shape=None):
        super().build(input_shape)
        self.noises = []
        self.features.build((None, self.w_dim))
        shape = (None, None, None, self.features.signal.channels)
        for layer in (*self.layers_between, self.to_rgb):
            layer.build(shape, (None, self.w_dim))
            shape = (None, None, None, layer.filters)

    def activations(self, ws, noise: str = "const") -> list:
        """What the Fourier features and each layer give, and the images."""
        self._noise(0, (0, 0), 0, noise)
        return self._drawn(ws)

    def synthesize_training(self, ws):
        return self._drawn(ws, measuring=self.trainable)[-1]

    def _drawn(self, ws, measuring: bool = False) -> list:
        maps = [self._part(self.features)(ws[:, 0])]
        for i, layer in enumerate((*self.layers_between, self.to_rgb)):
            if measuring:
                # Before the layer, which may be computed some pictures at a time.
                layer.measure(maps[-1], self.config.generator.magnitude_beta)
            maps.append(self._part(layer)(maps[-1], ws[:, i + 1]))
        return maps
