"""Batch statistics adaptation."""

from ..cells.fitted import Table
from ..cells.reconstruction import FallingRates, Reconstruction
from ..cells.regularizers import LatentPrior, ScaleShiftDecay
from ..cells.trainable import ScaleShiftOnly
from ..method import Method, RunDefaults, register

BSA = register(
    Method(
        name="bsa",
        title="Batch statistics adaptation (BSA)",
        paper="Noguchi and Harada, Image Generation From Small Datasets via Batch Statistics "
        "Adaptation (ICCV 2019)",
        objective=Reconstruction(
            rates=FallingRates(
                rate_factor=0.3, latent_learning_rate=0.2, rate_decay=0.02, rate_decay_steps=None
            )
        ),
        trainable=ScaleShiftOnly(),
        latents=Table(latent_noise=0.3),
        regularizers=(LatentPrior(), ScaleShiftDecay()),
        run=RunDefaults(steps=1000, batch_size=8),
    )
)
