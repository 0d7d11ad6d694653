"""BigGAN-deep, class-conditional; the generator only, since no discriminator was released.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B, figure 16, with the constants of the modules
deepmind/biggan-deep-128, -256 and -512.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import upscale2d
from ..errors import BackboneError
from ..registry import register
from .family import BigGANFamily, default_attention, default_channels
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
        )

    def call(self, x, condition, at=None, training=False):
        h = x
        for i, conv in enumerate(self.convs):
            h = self._activated(i, h, condition, at, training)
            if i == 1 and self.doubled:
                h = upscale2d(h)
            h = conv(h, training=training)
        x = x[..., : self.filters]
        return h + (upscale2d(x) if self.doubled else x)


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANDeepGenerator(FamilyGenerator):
    """BigGAN-deep's generator; see :class:`FamilyGenerator` for the arguments.

    The first layer and every block are told all of ``z`` and then the vector of the class.
    Each resolution has one block of its own before the one that doubles it.
    """

    def _blocks(self, scale_shift: bool) -> list[Block]:
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
                scale_shift,
                name=f"GBlock_{i}",
                dtype=self.dtype_policy,
            )
            for i, (filters, doubled) in enumerate(sizes)
        ]

    def _split(self, z, classes):
        condition = tf.concat([z, classes], 1)
        return condition, [condition] * (2 * len(self.channels) - 2)


@register("biggan_deep")
class BigGANDeep(BigGANFamily):
    """BigGAN-deep's generator.

    As :class:`~tf_fewshot.backbones.biggan.gan.BigGAN`, but for its blocks, and for its
    statistics: those of truncations 0, 0.02, … 1, between which ``generate`` interpolates.
    Training moves the row of truncation 1 alone; for the others see
    :func:`~tf_fewshot.backbones.biggan.standing_statistics.accumulate_statistics`.

    Args:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        channels: Channels at 4, 8, … ``resolution`` pixels, none more than before; a number
            is the unit of the released networks, which have 128.
        attention: The resolution whose map attends to itself, or 0 for none; None takes 64.
        class_dim, num_classes, one_class: See :class:`~tf_fewshot.backbones.biggan.gan.BigGAN`.
        statistics: Rows of statistics for truncations from 0 to 1; the released networks
            have 51.
        to_rgb: Channels of the last convolution, of which the first three are seen; None
            takes the last of ``channels``, as the released networks do.
        scale_shift, miner, latent_gaussian, dtype: See
            :class:`~tf_fewshot.backbones.biggan.gan.BigGAN`.

    Raises:
        BackboneError: if the resolution, channels or classes do not fit.
    """

    network = BigGANDeepGenerator

    def __init__(
        self,
        resolution: int = 256,
        latent_dim: int = 128,
        channels: int | Sequence[int] = 128,
        attention: int | None = None,
        class_dim: int = 128,
        num_classes: int | None = None,
        one_class: bool = False,
        statistics: int = 51,
        to_rgb: int | None = None,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        dtype: str = "float32",
    ):
        widths = (
            default_channels(resolution, channels) if isinstance(channels, int) else list(channels)
        )
        if sorted(widths, reverse=True) != widths:
            raise BackboneError(f"channels must not grow towards the image, as {widths} do")
        to_rgb = (widths or [3])[-1] if to_rgb is None else to_rgb
        if to_rgb < 3:
            raise BackboneError(f"to_rgb must be 3 channels or more, not {to_rgb}")
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            channels=widths,
            attention=default_attention(resolution, 64) if attention is None else attention,
            class_dim=class_dim,
            num_classes=(0 if one_class else 1000) if num_classes is None else num_classes,
            one_class=one_class,
            statistics=statistics,
            to_rgb=to_rgb,
            scale_shift=scale_shift,
            miner=list(miner),
            latent_gaussian=latent_gaussian,
            dtype=dtype,
        )
