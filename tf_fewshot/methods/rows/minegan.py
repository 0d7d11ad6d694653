"""A miner of the latents first, then miner and generator."""

from ..cells.adversarial import Adversarial
from ..cells.latents import Prior
from ..cells.trainable import MinerFirst
from ..method import Method, RunDefaults, register

MINEGAN = register(
    Method(
        name="minegan",
        title="MineGAN",
        paper="Wang et al., MineGAN: effective knowledge transfer from GANs to target domains "
        "with few images (CVPR 2020)",
        objective=Adversarial(),
        trainable=MinerFirst(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
