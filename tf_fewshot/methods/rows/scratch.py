"""Training from new weights: BSA's weakest baseline, and how sources are made."""

from ..cells.adversarial import Adversarial
from ..cells.latents import Prior
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

SCRATCH = register(
    Method(
        name="scratch",
        title="From scratch",
        paper="Goodfellow et al., Generative Adversarial Nets (NeurIPS 2014)",
        objective=Adversarial(),
        trainable=All(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.99),
        from_scratch=True,
    )
)
