"""Removing incompatible knowledge: filters that do not matter are pruned in training."""

from ..cells.adversarial import Adversarial
from ..cells.importance import TruncatedKnowledge
from ..cells.latents import Prior
from ..method import Method, RunDefaults, register

RICK = register(
    Method(
        name="rick",
        title="Removing incompatible knowledge (RICK)",
        paper="Zhao et al., Exploring Incompatible Knowledge Transfer in Few-shot Image "
        "Generation (CVPR 2023)",
        objective=Adversarial(),
        trainable=TruncatedKnowledge(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
