"""Fine-tuning with the lower layers of the discriminator frozen."""

from ..cells.adversarial import Adversarial
from ..cells.latents import Prior
from ..cells.trainable import UpperDiscriminator
from ..method import Method, RunDefaults, register

FREEZED = register(
    Method(
        name="freezed",
        title="FreezeD",
        paper="Mo et al., Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs "
        "(CVPRW 2020)",
        objective=Adversarial(),
        trainable=UpperDiscriminator(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
