"""Adaptation of singular values."""

from ..cells.adversarial import Adversarial
from ..cells.game import GameRates
from ..cells.latents import Prior
from ..cells.singular import SingularValuesOfBoth
from ..method import Method, RunDefaults, register

FSGAN = register(
    Method(
        name="fsgan",
        title="Few-shot GAN: singular values (FSGAN)",
        paper="Robb et al., Few-Shot Adaptation of Generative Adversarial Networks (arXiv 2020)",
        # As far a step as 0.002 moves a kernel of 64 filters all of whose weights are trained. The
        # 0.003 of the original leaves 64-pixel sources as they are in 100 steps.
        objective=Adversarial(rates=GameRates(learning_rate=0.05)),
        trainable=SingularValuesOfBoth(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
