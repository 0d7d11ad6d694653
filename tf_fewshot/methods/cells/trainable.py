"""Cells: which variables a method trains."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from ...backbones import GAN, Stage
from ...errors import UserError, check_least
from ..problem import Problem
from ..selection import Selection


@dataclasses.dataclass(frozen=True)
class Trainable(abc.ABC):
    """A cell that says which weights of the networks a method trains.

    Attributes:
        class_start: What the only class of a source with classes begins as: "mean" of all,
            the number of one, "nearest" for the one whose samples are most like the pictures
            (:func:`tf_fewshot.methods.nearest_class.nearest_classes`), or "identity" (scale 1
            and shift 0), where the architecture can. "auto" is the mean, or the nearest where
            a mean of the source's classes draws nothing. BSA's paper begins an SNGAN with
            "identity"; its code with "0", under new scales and shifts.
        per_class: Whether each class of the pictures is learned on its own.
        keeps_discriminator: Whether part of what the source's discriminator has learned stays
            as it is, so that one that has learned nothing will not do.
    """

    class_start: str = dataclasses.field(default="auto", kw_only=True)

    # No settings of their own unless a cell makes them so.
    per_class = False
    keeps_discriminator = False

    def __post_init__(self):
        words = ("auto", "mean", "nearest", "identity")
        if self.class_start not in words and not self.class_start.isdecimal():
            raise UserError(
                f"class_start must be {', '.join(map(repr, words))} or the number of a class, not "
                f"{self.class_start!r}."
            )

    def begin(self, source: GAN, classes: int = 0) -> GAN:
        """Returns what is adapted: the source, as one class where it has many.

        Args:
            source: Left as it is.
            classes: Of the pictures, 0 if they have none; they count with ``per_class``.

        Raises:
            UserError: if ``class_start`` is "nearest", which only pictures can decide.
        """
        del classes
        if source.num_classes and self.class_start == "nearest":
            raise UserError("class_start='nearest' needs pictures: give the number of a class.")
        start = "mean" if self.class_start == "auto" else self.class_start
        return source.with_one_class(int(start) if start.isdecimal() else start)

    def prepare(self, gan: GAN) -> GAN:
        """Returns a GAN that has what is trained; by default the same."""
        return gan

    def sketch(self) -> Trainable:
        """Returns a cell that selects as many variables, without measuring which are best."""
        return self

    @abc.abstractmethod
    def select(self, problem: Problem) -> Selection:
        """Returns what to train, of a problem whose GAN went through :meth:`prepare`."""


@dataclasses.dataclass(frozen=True)
class All(Trainable):
    """Every trainable weight of both networks."""

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        d = gan.discriminator.trainable_weights if gan.discriminator is not None else []
        return Selection(list(gan.generator.trainable_weights), list(d))


@dataclasses.dataclass(frozen=True)
class ScaleShiftOnly(Trainable):
    """Scale and shift of every hidden layer of the generator but the last.

    Source: BSA (ICCV 2019), equation 2. They are new ones on top of the architecture's own.
    """

    def prepare(self, gan: GAN) -> GAN:
        return gan.with_scale_shift()

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        chosen = [v for role in gan.scale_shift_roles() for v in (*role.gammas, *role.betas)]
        return Selection(chosen, [])


@dataclasses.dataclass(frozen=True)
class OwnScaleShift(Trainable):
    """What the architecture itself scales and shifts by, and its first layer.

    Of a BigGAN these are the maps from class vector and latent to scale and shift, the class
    vector as a free variable, a new scale and shift after the first layer, and that layer,
    whose kernel hardly moves. The last normalisation, attention and convolutions stay.
    Source: BSA (ICCV 2019), section 4.1, of BigGAN; the rates are those of its code, which
    draws a new class vector near 0 where this one begins as a class or their mean.

    Attributes:
        class_learning_rate: Adam's, of the class vector.
        first_kernel_learning_rate: Of the first layer's kernel; its bias moves as the rest.
        per_class: Learns each class of the pictures on its own, where they have classes: a
            row of a table for each, all beginning as ``class_start``.
    """

    class_learning_rate: float = 1e-3
    first_kernel_learning_rate: float = 1e-7
    per_class: bool = False

    def begin(self, source: GAN, classes: int = 0) -> GAN:
        one = super().begin(source)
        return _of_classes(source, one, classes) if self.per_class and classes else one

    def prepare(self, gan: GAN) -> GAN:
        return gan.with_scale_shift()

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        new = {v.path for role in gan.scale_shift_roles()[1:] for v in (*role.gammas, *role.betas)}
        maps = {
            v.path: v for role in gan.own_scale_shift_roles() for v in (*role.gammas, *role.betas)
        }
        first = {v.path: v for v in _trainable(gan.synthesis_stages()[:1]) if v.path not in new}
        chosen = {path: v for path, v in {**first, **maps}.items() if v.trainable}
        rates = {}
        for path, variable in chosen.items():
            if path.endswith(("/class_vector", "/class_table")):
                rates[path] = self.class_learning_rate
            elif path not in maps and len(variable.shape) > 1:
                rates[path] = self.first_kernel_learning_rate
        return Selection(list(chosen.values()), [], rates=rates)


@dataclasses.dataclass(frozen=True)
class ScaleShiftOfBoth(Trainable):
    """Scale and shift of every hidden layer but the last, of both networks.

    The discriminator's scale is divided by its largest. Source: BSA (ICCV 2019), section
    4.2, "TransferGAN (scale and shift)".
    """

    keeps_discriminator = True

    def prepare(self, gan: GAN) -> GAN:
        return gan.with_scale_shift().with_discriminator_scale_shift()

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        roles = gan.scale_shift_roles(), gan.discriminator_scale_shift_roles()
        generator, discriminator = ([v for r in of for v in (*r.gammas, *r.betas)] for of in roles)
        return Selection(generator, discriminator)


@dataclasses.dataclass(frozen=True)
class MinerFirst(Trainable):
    """A miner of latents and the discriminator, and after some steps the generator, too.

    Source: Wang et al., "MineGAN: effective knowledge transfer from GANs to target domains
    with few images" (CVPR 2020), section 3.1 and 3.3.

    Attributes:
        miner_steps: Steps in which the generator behind the miner stays as it is.
        miner_width: Of the miner's hidden layer.
    """

    miner_steps: int = 200
    miner_width: int = 512

    def __post_init__(self):
        super().__post_init__()
        check_least(self, miner_steps=0, miner_width=1)

    def prepare(self, gan: GAN) -> GAN:
        return gan.with_miner([self.miner_width])

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        both = All().select(problem)
        miner = {v.path for v in gan.miner_variables()}
        begins = {v.path: self.miner_steps for v in both.generator if v.path not in miner}
        return Selection(both.generator, both.discriminator, begins)


@dataclasses.dataclass(frozen=True)
class GeneratorStages(Trainable):
    """Some stages of the generator, of those that fitted latents pass through.

    Source: BSA (ICCV 2019), section 4.2, the methods "update first", "update last" (from
    the last residual block on) and "update all".

    Attributes:
        generator_part: "first", "last" (the last hidden stage and the output) or "all".
    """

    generator_part: Literal["first", "last", "all"] = "all"

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        stages = gan.synthesis_stages()
        chosen = {"first": stages[:1], "last": stages[-2:], "all": stages}[self.generator_part]
        return Selection(_trainable(chosen), [])


@dataclasses.dataclass(frozen=True)
class UpperDiscriminator(Trainable):
    """All of the generator, and the discriminator without the stages nearest to the pixels.

    Source: Mo et al., "Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs"
    (CVPR workshops 2020).

    Attributes:
        frozen_stages: How many stages of the discriminator are not trained.
    """

    frozen_stages: int = 3

    keeps_discriminator = True

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        stages = gan.discriminator_stages()
        if not 0 <= self.frozen_stages < len(stages):
            raise UserError(
                f"frozen_stages must be from 0 to {len(stages) - 1}: this discriminator has the "
                f"stages {', '.join(s.name for s in stages)}, not {self.frozen_stages}."
            )
        chosen = _trainable(stages[self.frozen_stages :])
        return Selection(list(gan.generator.trainable_weights), chosen)


def _of_classes(source: GAN, one: GAN, classes: int) -> GAN:
    """Returns a copy of the source with other classes, each as the only one of ``one``."""
    twin = source.rebuild(num_classes=classes) if source.num_classes else source
    mine, theirs = ({v.path for v in gan.generator.weights} for gan in (one, twin))
    # What there is instead of tables where there is one class; in the same order.
    rows = [v for v in one.generator.weights if v.path not in theirs]
    tables = [v for v in twin.generator.weights if v.path not in mine]
    if not tables or len(rows) != len(tables):
        raise UserError(
            f"This {source.architecture} has no tables of classes to learn each class on its own. "
            "Leave out per_class, or adapt to each class by itself."
        )
    for row, table in zip(rows, tables, strict=True):
        table.assign(np.broadcast_to(row.numpy(), table.shape))
    return twin


def _trainable(stages: Sequence[Stage]) -> list[keras.Variable]:
    return [v for stage in stages for v in stage.variables if v.trainable]
