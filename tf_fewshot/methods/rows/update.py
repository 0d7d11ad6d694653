"""Reconstruction by the generator's first layer, its last ones, or all: BSA's baselines."""

from typing import Literal

from ..cells.fitted import Table
from ..cells.reconstruction import FallingRates, Reconstruction
from ..cells.regularizers import LatentPrior
from ..cells.trainable import GeneratorStages
from ..method import Method, RunDefaults, register


def _row(part: Literal["first", "last", "all"], learning_rate: float) -> Method:
    return register(
        Method(
            name=f"update_{part}",
            title=f"Update {part}",
            paper="Noguchi and Harada, Image Generation From Small Datasets via Batch Statistics "
            "Adaptation (ICCV 2019)",
            objective=Reconstruction(
                rates=FallingRates(learning_rate=learning_rate, latent_learning_rate=0.1)
            ),
            trainable=GeneratorStages(part),
            latents=Table(latent_noise=0.3),
            regularizers=(LatentPrior(),),
            run=RunDefaults(steps=1000, batch_size=8),
        )
    )


UPDATE_FIRST, UPDATE_LAST = _row("first", 0.01), _row("last", 0.01)
UPDATE_ALL = _row("all", 0.002)
