"""Reconstruction of collages, whose parts samples choose by themselves: this project's own."""

from ..cells.parts import Parts
from ..cells.reconstruction import FallingRates, Perceptual, Reconstruction
from ..cells.trainable import GeneratorStages
from ..method import Method, RunDefaults, register

COLLAGE = register(
    Method(
        name="collage",
        title="Collage of parts",
        paper="this project, of reconstruction as in BSA (ICCV 2019)",
        objective=Reconstruction(
            perceptual=Perceptual(perceptual_network="alexnet"),
            rates=FallingRates(
                learning_rate=0.01,
                latent_learning_rate=0.1,
                rate_decay=0.1,
                rate_decay_steps=None,
            ),
        ),
        trainable=GeneratorStages("all"),
        latents=Parts(),
        run=RunDefaults(steps=4000, batch_size=8, ema_decay=0.98),
        equalized_rates=True,
    )
)
