"""Elastic weight consolidation."""

from ..cells.adversarial import Adversarial
from ..cells.elastic import FisherPenalty
from ..cells.latents import Prior
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

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
