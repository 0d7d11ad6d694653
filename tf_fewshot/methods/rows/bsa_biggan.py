"""Batch statistics adaptation of a BigGAN: the maps that compute its statistics."""

from ..cells.fitted import Table
from ..cells.reconstruction import FallingRates, Perceptual, Reconstruction
from ..cells.regularizers import LatentPrior
from ..cells.trainable import OwnScaleShift
from ..method import Method, RunDefaults, register

BSA_BIGGAN = register(
    Method(
        name="bsa_biggan",
        title="Batch statistics adaptation (BSA) as of BigGAN",
        paper="Noguchi and Harada, Image Generation From Small Datasets via Batch Statistics "
        "Adaptation (ICCV 2019)",
        objective=Reconstruction(
            perceptual=Perceptual(perceptual_norm="l2"),
            rates=FallingRates(learning_rate=0.0005, latent_learning_rate=0.05),
        ),
        trainable=OwnScaleShift(),
        latents=Table(latent_distribution="prior"),
        regularizers=(LatentPrior(latent_prior_convention="paper", latent_prior_weight=None),),
        run=RunDefaults(steps=6000, batch_size=16, truncation=0.2),
    )
)
