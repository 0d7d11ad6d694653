"""Fine-tuning of scale and shift of both networks: one of BSA's baselines."""

from ..cells.adversarial import Adversarial
from ..cells.latents import Prior
from ..cells.trainable import ScaleShiftOfBoth
from ..method import Method, RunDefaults, register

TRANSFERGAN_SCALE_SHIFT = register(
    Method(
        name="transfergan_scale_shift",
        title="TransferGAN (scale and shift)",
        paper="Noguchi and Harada, Image Generation From Small Datasets via Batch Statistics "
        "Adaptation (ICCV 2019)",
        objective=Adversarial(),
        trainable=ScaleShiftOfBoth(),
        latents=Prior(),
        run=RunDefaults(ema_decay=0.98),
    )
)
