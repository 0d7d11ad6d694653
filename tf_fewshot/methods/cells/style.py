"""Cells: samples that take the style of a picture, and networks that stay as they are."""

from __future__ import annotations

import dataclasses
import math

from ...errors import UserError
from ..problem import Problem
from ..selection import Selection
from .objective import Objective
from .style_pictures import StylePictures
from .trainable import Trainable


@dataclasses.dataclass(frozen=True)
class Pixels(Trainable):
    """No variable of a network: what is optimised is each sample."""

    def select(self, problem: Problem) -> Selection:
        del problem
        return Selection([], [])


@dataclasses.dataclass(frozen=True)
class StyleAndContent(Objective):
    """Each sample keeps its content and takes the style of one picture, drawn for it.

    Source: Gatys et al., "Image Style Transfer Using Convolutional Neural Networks" (CVPR
    2016). The paper takes the style of conv1_1 to conv5_1 and the content of conv4_2 from
    VGG19 with mean pooling, for one large picture that L-BFGS optimises. Samples are small
    and many: here conv1_1 to conv3_1 of VGG16 give the style and the last of them the
    content, a sample begins as the generator made it, and Adam moves its pixels.

    Attributes:
        content_weight: α of equation 7.
        style_weight: β of equation 7. The paper's ratio α / β is 5e-4 to 5e-3; the content
            of small pictures holds out longer.
        iterations: Updates of the pixels of a sample.
        pixel_learning_rate: Adam's, of pixels in [-1, 1].
    """

    content_weight: float = 1.0
    style_weight: float = 1e6
    iterations: int = 30
    pixel_learning_rate: float = 0.06

    @property
    def trained_through(self):
        return ("vgg16",)

    def __post_init__(self):
        for name in ("content_weight", "style_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise UserError(f"{name} must be a number of 0 or more, not {value}.")
        if self.iterations < 1:
            raise UserError(f"iterations must be at least 1, not {self.iterations}.")
        rate = self.pixel_learning_rate
        if not (math.isfinite(rate) and rate > 0.0):
            raise UserError(f"pixel_learning_rate must be a number above 0, not {rate}.")

    def prepare(self, problem: Problem) -> Problem:
        problem.say("Nothing is trained: each sample is optimised when it is drawn.")
        gan = problem.gan.extended(
            StylePictures(
                tuple(problem.images.shape),
                self.content_weight,
                self.style_weight,
                self.iterations,
                self.pixel_learning_rate,
                problem.seed,
            )
        )
        StylePictures.kept_by(gan).pictures.assign(problem.images)
        return dataclasses.replace(problem, gan=gan)

    def players(self, problem, selection, latents, penalties):
        del problem, selection, latents, penalties
        return []
