"""The discriminator of Progressive GAN.

Source: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (ICLR 2018), section 3 and table 2.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import tensorflow as tf

from ...layers import EqualizedConv2D, downscale2d
from ..extensions import Extensions, Point
from ..network import Network
from ..parts import Stage
from ..stylegan.discriminator import DiscriminatorBlock, DiscriminatorHead
from ..stylegan.layers import lrelu
from .config import ProGANConfig


@keras.saving.register_keras_serializable("tf_fewshot")
class ProGANDiscriminatorBlock(DiscriminatorBlock):
    """StyleGAN's block without the blur, which halves maps before or after the leaky ReLU.

    Args:
        resolution, channels: Of the input.
        out_channels: Channels of the output.
        fused: Whether before it. This is another function than after it.
        extensions: What adds layers after both activations.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        out_channels: int,
        fused: bool,
        extensions: Extensions | Iterable = (),
        **kwargs,
    ):
        super().__init__(resolution, channels, out_channels, True, (1.0,), extensions, **kwargs)
        self.halves_first = fused
        if not fused:
            self.conv1 = EqualizedConv2D(out_channels, name="Conv1_down", dtype=self.dtype_policy)

    def call(self, x):
        if self.halves_first:
            return super().call(x)
        x = self.added[0](lrelu(self.conv0(x)))
        return self.added[1](downscale2d(lrelu(self.conv1(x))))


@keras.saving.register_keras_serializable("tf_fewshot")
class ProGANDiscriminator(Network):
    """Maps images ``[N, R, R, image_channels]`` to float32 logits ``[N, 1]``.

    Its layers are StyleGAN's, without the blur. Extensions act on every hidden layer.
    """

    kind = "discriminator"
    points = frozenset({Point.HIDDEN})
    configuration = ProGANConfig

    def __init__(self, config: ProGANConfig, extensions=(), **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        widths, dtype = list(config.discriminator_channels or ()), self.dtype_policy
        self.from_rgb = EqualizedConv2D(widths[-1], 1, name="FromRGB", dtype=dtype)
        self.blocks = [
            ProGANDiscriminatorBlock(
                4 * 2**i, widths[i], widths[i - 1], config.fused, self.extensions, dtype=dtype
            )
            for i in range(len(widths) - 1, 0, -1)
        ]
        form = {name: getattr(config, name) for name in ("mbstd_group", "dense_channels")}
        self.head = DiscriminatorHead(widths[0], form, 1, self.extensions, dtype="float32")

    def build(self, input_shape=None):
        resolution = self.config.resolution
        self.from_rgb.build((None, resolution, resolution, self.config.image_channels))
        for block in self.blocks:
            block.build((None, block.resolution, block.resolution, block.channels))
        self.head.build((None, 4, 4, self.head.conv.filters))

    def call(self, images, label=None, training=False):
        return self.logits(self.activations(images)[-1], label, training)

    def logits(self, features, label=None, training=False):
        """Logits ``[N, 1]`` of what the last stage but one gives."""
        del label, training
        return self.head(features)

    def activations(self, images, training=False) -> list:
        """What each stage but the last gives."""
        del training
        maps = [self._part(self._seen, self.from_rgb)(tf.convert_to_tensor(images))]
        for block in self.blocks:
            maps.append(self._part(block)(maps[-1]))
        return maps

    def stages(self) -> list[Stage]:
        """The parts from pixels to logit; every variable in exactly one."""
        parts = (self.from_rgb, *self.blocks, self.head)
        return [Stage(layer.name, tuple(layer.weights)) for layer in parts]

    def _seen(self, images):
        return lrelu(self.from_rgb(tf.cast(images, self.compute_dtype)))
