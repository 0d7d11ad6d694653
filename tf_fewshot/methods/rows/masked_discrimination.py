"""Masked discrimination."""

from ..cells.latents import Prior
from ..cells.masking import DiscriminatorConsistency, Masked
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

MASKED_DISCRIMINATION = register(
    Method(
        name="masked_discrimination",
        title="Masked discrimination",
        paper="Zhu et al., Few-shot Image Generation via Masked Discrimination (arXiv 2022)",
        objective=Masked(),
        trainable=All(),
        latents=Prior(),
        regularizers=(DiscriminatorConsistency(),),
        run=RunDefaults(ema_decay=0.98),
    )
)
