"""Elastic weight consolidation."""

from .adversarial import Adversarial
from .elastic import FisherPenalty
from .latents import Prior
from .method import Method, RunDefaults, register
from .trainable import All

EWC = register(
    Method(
        name="ewc",
        title="Elastic weight consolidation (EWC)",
        paper="Li et al., Few-shot Image Generation with Elastic Weight Consolidation "
        "(NeurIPS 2020)",
        objective=Adversarial(),
        trainable=All(),
        latents=Prior(),
        regularizers=(FisherPenalty(),),
        run=RunDefaults(ema_decay=0.98),
    )
)
