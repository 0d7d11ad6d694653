"""Fine-tuning of both networks on the new pictures."""

from ..cells.adversarial import Adversarial
from ..cells.latents import Prior
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

TRANSFERGAN = register(
    Method(
        name="transfergan",
        title="TransferGAN",
        paper="Wang et al., Transferring GANs: generating images from limited data (ECCV 2018)",
        objective=Adversarial(),
        trainable=All(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
