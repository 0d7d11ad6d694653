"""The generator of Progressive GAN.

Source: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (ICLR 2018), section 4 and table 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from ...layers import EqualizedConv2D, EqualizedDense, PixelNorm
from ..extensions import Extensions, Point
from ..network import Network
from ..stylegan.layers import lrelu
from .config import ProGANConfig


@keras.saving.register_keras_serializable("tf_fewshot")
class DenseToMap(EqualizedDense):
    """A dense layer to a map of 4 × 4, with a bias for each channel.

    It is the 4 × 4 convolution of the paper's table 2, whose input is one pixel. The gain is a
    quarter of He's, as in the released networks.

    Args:
        channels: Of the map.

    Input ``[N, D]``, output ``[N, 4, 4, channels]``.
    """

    def __init__(self, channels: int, **kwargs):
        super().__init__(16 * channels, gain=math.sqrt(2) / 4, use_bias=False, **kwargs)
        self.channels = channels

    def build(self, input_shape):
        super().build(input_shape)
        self.bias = self.add_weight(
            shape=(self.channels,), name="bias", initializer="zeros", autocast=False
        )

    def call(self, x):
        x = tf.reshape(super().call(x), [-1, 4, 4, self.channels])
        return x + tf.cast(self.bias, x.dtype)

    def get_config(self) -> dict:
        return {**keras.layers.Layer.get_config(self), "channels": self.channels}


@keras.saving.register_keras_serializable("tf_fewshot")
class ProGANBlock(keras.layers.Layer):
    """The two layers of one resolution, each with leaky ReLU and pixel normalisation.

    Args:
        resolution, channels: Of the output; at 4 pixels the input is a latent, else a map that is
            doubled.
        extensions: What adds layers after each of the two.
        last: Whether the second is the generator's last hidden layer, after which nothing is added.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        extensions: Extensions | Iterable = (),
        last: bool = False,
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels = resolution, channels
        extensions, dtype = Extensions.of(extensions), self.dtype_policy
        after = Extensions() if last else extensions
        first: Any = DenseToMap(channels, name="Dense", dtype=dtype)
        names = ("Dense", "Conv") if resolution == 4 else ("Conv0_up", "Conv1")
        if resolution > 4:
            # Always in one convolution, as the released networks have it.
            first = EqualizedConv2D(channels, resample="up", fused=True, name=names[0], dtype=dtype)
        self.layers_within = [first, EqualizedConv2D(channels, name=names[1], dtype=dtype)]
        self.norm = PixelNorm(name="PixelNorm", dtype="float32")
        self.added = [
            points.hidden(self, f"{layer}_{{camel}}", f"{self.name}/{layer}")
            for layer, points in zip(names, (extensions, after), strict=True)
        ]

    def build(self, input_shape):
        shape = (None, self.resolution, self.resolution, self.channels)
        self.layers_within[0].build(input_shape)
        self.layers_within[1].build(shape)
        for added in self.added:
            added.build(shape)

    def call(self, x):
        return self.activations(x)[-1]

    def activations(self, x) -> list:
        """What each of the two layers gives."""
        maps = []
        for layer, added in zip(self.layers_within, self.added, strict=True):
            x = self.norm(lrelu(layer(tf.cast(x, self.compute_dtype))))
            x = added(tf.cast(x, self.compute_dtype))
            maps.append(x)
        return maps


@keras.saving.register_keras_serializable("tf_fewshot")
class ProGANGenerator(Network):
    """Maps ``z`` ``[N, latent_dim]`` to float32 images ``[N, R, R, image_channels]``.

    Latents are divided by their root mean square, and these are its free latents. Extensions act
    on ``z``, on free latents, and on every hidden layer but the last.
    """

    kind = "generator"
    points = frozenset({Point.LATENTS, Point.FREE, Point.HIDDEN})
    configuration = ProGANConfig

    def __init__(self, config: ProGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        self.latent_dim = config.latent_dim
        self.latents = self.extensions.latents(self, self.latent_dim, self.latent_dim)
        self.norm = PixelNorm(name="PixelNorm", dtype="float32")
        self.blocks = [
            ProGANBlock(
                4 * 2**i,
                width,
                self.extensions,
                last=4 * 2**i == config.resolution,
                dtype=self.dtype_policy,
            )
            for i, width in enumerate(config.channels or ())
        ]
        # In float32: rounding here shows as colour fringes.
        self.to_rgb = EqualizedConv2D(
            config.image_channels, 1, gain=1.0, name="ToRGB", dtype="float32"
        )

    def build(self, input_shape=None):
        self.latents.build_entering()
        self.latents.build_free()
        shape = (None, self.latent_dim)
        for block in self.blocks:
            block.build(shape)
            shape = (None, block.resolution, block.resolution, block.channels)
        self.to_rgb.build(shape)

    @property
    def chain(self) -> list:
        """The layers from latents to pixels, but those that extensions add to latents."""
        return [*self.blocks, self.to_rgb]

    def call(self, z, label=None, training=False):
        return self.activations(z, label, training)[-1]

    def free(self, z):
        """Free latents ``[N, latent_dim]``: what enters, divided by its root mean square."""
        return self.norm(self.latents.enter(z))

    def activations(self, z, label=None, training=False) -> list:
        """What each layer gives, the last of them the images; labels are ignored."""
        del label, training
        return self.drawn(self.latents.carry(z, self.free(z)))

    def drawn(self, free) -> list:
        """What each layer gives for free latents, the last of them the images."""
        maps = [free]
        for block in self.blocks:
            maps += self._part(block.activations)(maps[-1])
        return [*maps[1:], self.to_rgb(tf.cast(maps[-1], tf.float32))]
