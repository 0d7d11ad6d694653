"""Fine-tuning of scale and shift of both networks: one of BSA's baselines."""

from .adversarial import Adversarial
from .latents import Prior
from .method import Method, RunDefaults, register
from .trainable import ScaleShiftOfBoth

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
