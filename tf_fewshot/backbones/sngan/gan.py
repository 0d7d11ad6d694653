"""SNGAN with a ResNet generator, class-conditional, and a projection discriminator.

Source: Miyato and Koyama, "cGANs with Projection Discriminator" (ICLR 2018), after
Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (ICLR 2018);
sizes and constants as in the repository pfnet-research/sngan_projection. One of the
frameworks of the BSA paper.
"""

from __future__ import annotations

import numpy as np

from ..feedforward import FeedForwardGAN
from ..parts import ClassTable, ScaleShiftRole
from ..registry import register
from .config import SNGANConfig
from .discriminator import SNGANDiscriminator
from .generator import SNGANGenerator


@register("sngan")
class SNGAN(FeedForwardGAN):
    """SNGAN-projection: residual networks that are told the class, or none.

    Batch normalisation (epsilon 2e-5, momentum 0.9) takes its scale and shift from a table
    with a row a class. The discriminator is spectrally normalised with one power step from
    a stored vector, which training moves and inference does not; it has no normalisation
    of batches. :class:`SNGANConfig` has the settings.
    """

    configuration_class = SNGANConfig
    generator_class = SNGANGenerator
    discriminator_class = SNGANDiscriminator

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of the blocks' normalisations: tables if there are classes.

        Not of the last normalisation before the pixels, which no class and no method of
        the BSA paper changes.
        """
        return [
            ScaleShiftRole.of(f"{block.name}/{norm.name}", norm)
            for block in self.generator.blocks
            for norm in block.norms
        ]

    def class_tables(self) -> list[ClassTable]:
        """Scale and shift of the blocks' normalisations, and what classes are projected on.

        Of the projection a row of 0 leaves what all classes share.
        """
        tables = [
            ClassTable(
                f"{norm.path}/class_{part}", _wide(table.numpy()), neutral=neutral, table=table.path
            )
            for block in self.generator.blocks
            for norm in block.norms
            for part, table, neutral in (("gamma", norm.gamma, 1.0), ("beta", norm.beta, 0.0))
        ]
        if self.discriminator is not None:
            tables.append(self.discriminator.class_table())
        return tables


def _wide(table: np.ndarray) -> np.ndarray:
    return table.astype(np.float64)
