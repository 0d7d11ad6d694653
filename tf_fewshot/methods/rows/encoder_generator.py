"""Scale and shift behind an encoder: one of BSA's baselines."""

from ..cells.encoder import Encoded
from ..cells.reconstruction import FallingRates, Reconstruction
from ..cells.trainable import ScaleShiftOnly
from ..method import Method, RunDefaults, register

ENCODER_GENERATOR = register(
    Method(
        name="encoder_generator",
        title="Encoder-generator",
        paper="Noguchi and Harada, Image Generation From Small Datasets via Batch Statistics "
        "Adaptation (ICCV 2019)",
        objective=Reconstruction(rates=FallingRates(rate_factor=0.2, latent_learning_rate=0.0005)),
        trainable=ScaleShiftOnly(),
        latents=Encoded(),
        run=RunDefaults(steps=1000, batch_size=8),
    )
)
