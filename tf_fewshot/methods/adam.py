"""Adaptation-aware kernel modulation."""

from .adversarial import Adversarial
from .kernels import ImportantKernels
from .latents import Prior
from .method import Method, RunDefaults, register

ADAM = register(
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
