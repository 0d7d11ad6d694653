"""DCGAN.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2016), in the form of the PyTorch example: no dense
layer, 4 × 4 kernels throughout. The EWC paper's analysis (section 3) is of this network.
"""

from __future__ import annotations

from ..feedforward import FeedForwardGAN
from ..parts import ScaleShiftRole
from ..registry import register
from .config import DCGANConfig
from .discriminator import DCGANDiscriminator
from .generator import DCGANGenerator


@register("dcgan")
class DCGAN(FeedForwardGAN):
    """DCGAN with its mirrored discriminator; :class:`DCGANConfig` has its settings.

    Batch normalisation (epsilon 1e-5, momentum 0.9) uses the statistics of the batch
    with ``training=True`` and the moving ones otherwise. All kernels are drawn from
    N(0, 0.02²).
    """

    configuration_class = DCGANConfig
    generator_class = DCGANGenerator
    discriminator_class = DCGANDiscriminator

    def output_axis(self, kernel) -> int:
        return -2 if kernel.path.startswith("generator/layer") else -1

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Gamma and beta of batch normalisation."""
        return [ScaleShiftRole.of(block.name, block.norm) for block in self.generator.blocks]
