"""Regression on known latents, for sources whose pictures a program has drawn."""

from ..cells.known import Known
from ..cells.reconstruction import FallingRates, Perceptual, Reconstruction
from ..cells.trainable import GeneratorStages
from ..method import Method, RunDefaults, register

KNOWN_LATENTS = register(
    Method(
        name="known_latents",
        title="Regression on known latents",
        paper="Dosovitskiy et al., Learning to Generate Chairs with Convolutional Neural Networks "
        "(CVPR 2015)",
        objective=Reconstruction(
            clip_images=False,
            perceptual=Perceptual(perceptual_network="alexnet", perceptual_weight=0.5),
            rates=FallingRates(learning_rate=0.001, rate_decay_steps=None),
        ),
        trainable=GeneratorStages("all"),
        latents=Known(),
        run=RunDefaults(steps=1000, batch_size=32, ema_decay=0.99),
        from_scratch=True,
    )
)
