"""Fine-tuning of both networks on the new pictures."""

from .adversarial import Adversarial
from .latents import Prior
from .method import Method, RunDefaults, register
from .trainable import All

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
