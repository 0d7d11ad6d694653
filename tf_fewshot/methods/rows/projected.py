"""Projected discriminators, which need no discriminator of the source's."""

from ..cells.game import Augmenting
from ..cells.latents import Prior
from ..cells.projected import Projected
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

PROJECTED = register(
    Method(
        name="projected",
        title="Projected discriminators",
        paper="Sauer et al., Projected GANs Converge Faster (NeurIPS 2021)",
        objective=Projected(augmenting=Augmenting(augment="diffaugment")),
        trainable=All(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
