"""Fine-tuning with the lower layers of the discriminator frozen."""

from .adversarial import Adversarial
from .latents import Prior
from .method import Method, RunDefaults, register
from .trainable import UpperDiscriminator

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
