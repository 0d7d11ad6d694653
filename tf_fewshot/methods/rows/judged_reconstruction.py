"""Reconstruction whose samples are judged on frozen features: this project's own method."""

from ..cells.fitted import Table
from ..cells.judged import JudgedReconstruction
from ..cells.reconstruction import FallingRates, Perceptual
from ..cells.regularizers import LatentPrior
from ..cells.trainable import GeneratorStages
from ..method import Method, RunDefaults, register

JUDGED_RECONSTRUCTION = register(
    Method(
        name="judged_reconstruction",
        title="Judged reconstruction",
        paper="this project, of reconstruction as in BSA (ICCV 2019) and of a game on frozen "
        "features as in Projected GANs (NeurIPS 2021)",
        objective=JudgedReconstruction(
            perceptual=Perceptual(perceptual_network="alexnet"),
            rates=FallingRates(
                learning_rate=0.002, latent_learning_rate=0.1, rate_decay_steps=None
            ),
        ),
        trainable=GeneratorStages("all"),
        latents=Table(latent_noise=0.3),
        regularizers=(LatentPrior(),),
        run=RunDefaults(steps=500, batch_size=8, ema_decay=0.98),
    )
)
