"""Cell: latents that are known of every picture."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ...errors import UserError
from ...losses.augmentation import seeds_for
from ..drawn import DrawnLatents
from ..problem import Problem
from ..step import Step
from .latents import Latents, LatentSource


@dataclasses.dataclass(frozen=True)
class Known(Latents):
    """Each picture comes with the ``z`` that it was drawn from.

    As of drawings that a program makes of random choices: the choices are the latent. Nothing of
    it is trained, and samples are drawn from the prior.
    """

    def check(self, pictures, latent_dim):
        if pictures.latents is None:
            raise UserError(
                f"This method learns from pictures whose latents are known, and {pictures.source} "
                "has none: give an .npz with images and latents, as tf-fewshot draw_avatars "
                "--latents makes them, or choose another method."
            )
        size = pictures.latents.shape[1]
        if size != latent_dim:
            raise UserError(
                f"The latents of {pictures.source} have {size} numbers, those of the GAN "
                f"{latent_dim}: they must have as many (latent_dim in its model)."
            )

    def model_settings(self, pictures):
        if pictures.choices is None or pictures.latents is None:
            return {}
        return {"latent_dim": pictures.latents.shape[1], **pictures.choices.settings()}

    def prepare(self, problem: Problem) -> LatentSource:
        return _KnownSource(problem)


class _KnownSource(LatentSource):
    def __init__(self, problem: Problem):
        self.variables = []
        self.seeds = seeds_for(problem.seed, "known")
        self._latents = tf.convert_to_tensor(problem.known_latents, tf.float32)

    def draw(self, step: Step) -> DrawnLatents:
        z = tf.gather(self._latents, step.indices)
        return DrawnLatents(z, z, free=False)
