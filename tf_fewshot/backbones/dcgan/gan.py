"""DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example: no dense
layer, 4 × 4 kernels throughout. The EWC paper's analysis (section 3) is of this network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import check_entries, check_resolution
from ..feedforward import FeedForwardGAN
from ..parts import ScaleShiftRole
from ..registry import build_networks, register
from .discriminator import DCGANDiscriminator
from .generator import DCGANGenerator


def default_widths(resolution: int, base: int = 64, maximum: int = 512) -> list[int]:
    """Channels of the hidden layers at 4, 8, … ``resolution / 2`` pixels."""
    hidden = int(math.log2(resolution)) - 2
    return [min(base * 2 ** (hidden - 1 - i), maximum) for i in range(hidden)]


@register("dcgan")
class DCGAN(FeedForwardGAN):
    """DCGAN with its mirrored discriminator.

    Batch normalisation (epsilon 1e-5, momentum 0.9) uses the statistics of the batch
    with ``training=True`` and the moving ones otherwise. All kernels are drawn from
    N(0, 0.02²).

    Args:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the generator's hidden layers at 4, 8, … ``resolution / 2``
            pixels; None doubles from 64 at the last to at most 512.
        discriminator_widths: The same for the discriminator, from the largest to 4
            pixels; None mirrors ``widths``.
        channels: Channels of the images.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` between batch
            normalisation and ReLU of every hidden layer of the generator but the last.
        miner, latent_gaussian: See :class:`DCGANGenerator`.
        discriminator_scale_shift: See :class:`DCGANDiscriminator`.
        dtype: Keras dtype policy, such as "mixed_bfloat16". Images and logits are
            float32 under every policy.

    Raises:
        BackboneError: if the resolution or the number of widths does not fit.
    """

    def __init__(
        self,
        resolution: int = 64,
        latent_dim: int = 100,
        widths: Sequence[int] | None = None,
        discriminator_widths: Sequence[int] | None = None,
        channels: int = 3,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        check_resolution(resolution, 16)
        widths = default_widths(resolution) if widths is None else list(widths)
        mirrored = widths[::-1] if discriminator_widths is None else list(discriminator_widths)
        check_entries("widths", widths, resolution, resolution // 2)
        check_entries("discriminator_widths", mirrored, resolution, resolution // 2)
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            widths=widths,
            discriminator_widths=mirrored,
            channels=channels,
            scale_shift=scale_shift,
            miner=list(miner),
            latent_gaussian=latent_gaussian,
            discriminator_scale_shift=discriminator_scale_shift,
            dtype=dtype,
        )
        self.generator: Any = DCGANGenerator(
            resolution,
            latent_dim,
            widths,
            channels,
            scale_shift,
            miner,
            latent_gaussian,
            dtype=dtype,
        )
        self.discriminator: Any = DCGANDiscriminator(
            resolution, mirrored, channels, discriminator_scale_shift, dtype=dtype
        )
        build_networks((self.generator, (latent_dim,)), (self.discriminator, self.image_shape))

    def output_axis(self, kernel) -> int:
        return -2 if kernel.path.startswith("generator/layer") else -1

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("scale_shift")
        return [
            ScaleShiftRole.of(block.name, block.scale_shift)
            for block in self.generator.blocks
            if block.scale_shift is not None
        ]

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("discriminator_scale_shift")
        return [
            ScaleShiftRole.of(block.name, block.scale_shift) for block in self.discriminator.blocks
        ]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Gamma and beta of batch normalisation."""
        return [ScaleShiftRole.of(block.name, block.norm) for block in self.generator.blocks]
