"""Adaptation-aware kernel modulation."""

from ..cells.adversarial import Adversarial
from ..cells.kernels import ImportantKernels
from ..cells.latents import Prior
from ..method import Method, RunDefaults, register

ADAPTATION_AWARE = register(
    Method(
        name="adam",
        title="Adaptation-aware kernel modulation (AdAM)",
        paper="Zhao et al., Few-shot Image Generation via Adaptation-Aware Kernel Modulation "
        "(NeurIPS 2022)",
        objective=Adversarial(),
        trainable=ImportantKernels(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
