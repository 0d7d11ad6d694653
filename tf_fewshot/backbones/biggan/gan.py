"""BigGAN, class-conditional; the generator only, since no discriminator was released.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B, figure 15, with the constants of the modules deepmind/biggan-128,
-256 and -512. One of the frameworks of the BSA paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import SpectralConv2D, upscale2d
from ..errors import BackboneError
from ..registry import register
from .family import BigGANFamily, default_attention, default_channels
from .generator import Block, FamilyGenerator
from .initial import spectral

_LATENTS = {128: 120, 256: 140, 512: 128}


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANBlock(Block):
    """Residual block that doubles the map ``[N, R, R, C]`` to ``[N, 2R, 2R, filters]``.

    Normalisation, ReLU, doubling (nearest neighbour), 3 × 3 convolution, normalisation,
    ReLU, 3 × 3 convolution; beside it doubling and a 1 × 1 convolution.
    """

    def build(self, input_shape, condition_shape):
        before, after = input_shape[-1], self.filters
        self._add_layers(condition_shape, [(before, after, 3), (after, after, 3)])
        self.conv_sc = SpectralConv2D(
            after, 1, name="conv_sc", dtype=self.dtype_policy, **spectral()
        )
        self.conv_sc.build(input_shape)

    def call(self, x, condition, at=None, training=False):
        h = upscale2d(self._activated(0, x, condition, at, training))
        h = self.convs[0](h, training=training)
        h = self.convs[1](self._activated(1, h, condition, at, training), training=training)
        # One pixel at a time: the same before doubling as after it, at a quarter of the cost.
        return h + upscale2d(self.conv_sc(x, training=training))


@keras.saving.register_keras_serializable("tf_fewshot")
class BigGANGenerator(FamilyGenerator):
    """BigGAN's generator; see :class:`FamilyGenerator` for the arguments.

    ``z`` is cut into one chunk for the first layer and one for each block, which is told
    its chunk and then the vector of the class.
    """

    def _blocks(self, scale_shift: bool) -> list[Block]:
        return [
            BigGANBlock(
                filters, True, self.rows, scale_shift, name=f"GBlock_{i}", dtype=self.dtype_policy
            )
            for i, filters in enumerate(self.channels[1:])
        ]

    def _split(self, z, classes):
        first, *chunks = tf.split(z, len(self.channels), axis=1)
        return first, [tf.concat([chunk, classes], 1) for chunk in chunks]


@register("biggan")
class BigGAN(BigGANFamily):
    """BigGAN's generator.

    Every layer but the class table is spectrally normalised, with one power step from a
    stored vector that only training moves. Batch normalisation (epsilon 1e-4) uses stored
    statistics; with ``training=True`` those of the batch, which also move the stored ones.
    The released statistics are those of latents without truncation; for others see
    :func:`~tf_fewshot.backbones.biggan.standing_statistics.accumulate_statistics`.

    Args:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``, a multiple of the blocks and the first layer together;
            None takes that of the released networks, or 20 for each.
        channels: Channels at 4, 8, … ``resolution`` pixels; a number is the unit of the
            released networks, which have 96.
        attention: The resolution whose map attends to itself, or 0 for none; None takes 64,
            at 256 pixels 128.
        class_dim: Size of the vector of a class.
        num_classes: Number of classes; None is 1000, with ``one_class`` 0.
        one_class: Instead of classes, a single one that is trained; see
            :meth:`with_one_class`.
        statistics: Rows of statistics for truncations from 0 to 1; 1 has those of
            truncation 1 for all.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` after the first layer and
            after the normalisations of every block, as BSA does; the last normalisation of
            all has none.
        miner, latent_gaussian: See :class:`~.generator.FamilyGenerator`.
        dtype: Keras dtype policy, such as "mixed_bfloat16". Images are float32 under every
            policy.

    Raises:
        BackboneError: if the resolution, channels, latents or classes do not fit.
    """

    network = BigGANGenerator

    def __init__(
        self,
        resolution: int = 256,
        latent_dim: int | None = None,
        channels: int | Sequence[int] = 96,
        attention: int | None = None,
        class_dim: int = 128,
        num_classes: int | None = None,
        one_class: bool = False,
        statistics: int = 1,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        dtype: str = "float32",
    ):
        widths = (
            default_channels(resolution, channels) if isinstance(channels, int) else list(channels)
        )
        if latent_dim is None:
            latent_dim = _LATENTS.get(resolution, 20 * len(widths))
        if latent_dim % max(len(widths), 1):
            raise BackboneError(
                f"latent_dim must be a multiple of {len(widths)} at {resolution} px, "
                f"not {latent_dim}"
            )
        if attention is None:
            attention = default_attention(resolution, 128 if resolution == 256 else 64)
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            channels=widths,
            attention=attention,
            class_dim=class_dim,
            num_classes=(0 if one_class else 1000) if num_classes is None else num_classes,
            one_class=one_class,
            statistics=statistics,
            scale_shift=scale_shift,
            miner=list(miner),
            latent_gaussian=latent_gaussian,
            dtype=dtype,
        )
