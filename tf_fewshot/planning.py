"""What a run will do, gathered and checked before anything is written."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from . import choosing, methods, weights
from .backbones import GAN
from .choosing import AUTO
from .data.load import load_pictures
from .data.pictures import Pictures
from .errors import UserError
from .methods import Method
from .methods.method import RunDefaults
from .methods.nearest_class import nearest_classes
from .methods.problem import Problem
from .training.assemble import check_parts


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that decides a run, before anything is written.

    Attributes:
        method: With its settings.
        source: The GAN to begin from.
        source_name: How to load it again.
        pictures: The training pictures at the GAN's size.
        seed: Of everything that is drawn.
        precision: "auto", "float32", "bfloat16" or "float16".
        notes: What was decided on the way, for people to read.
    """

    method: Method
    source: GAN
    source_name: str
    pictures: Pictures
    seed: int = 0
    precision: str = "auto"
    notes: list[str] = dataclasses.field(default_factory=list)

    @functools.cached_property
    def start(self) -> GAN:
        """The GAN that is adapted: the source, with the classes that its method learns."""
        return self.method.trainable.begin(self.source, self.pictures.num_classes)

    def identity(self) -> dict[str, Any]:
        """Returns what tells this run from others; the number of steps is no part of it."""
        settings = {k: v for k, v in self.method.settings().items() if k != "steps"}
        labels = self.pictures.labels
        classes = {} if labels is None else {"labels": labels.tolist()}
        return {
            "method": self.method.name,
            "source_fingerprint": self.source.fingerprint("generator"),
            **self.pictures.identity(),
            "pictures": len(self.pictures),
            **classes,
            "seed": self.seed,
            **settings,
        }

    def defaults(self) -> dict[str, Any]:
        """Returns the settings of the method as they are unless told otherwise."""
        return methods.get(self.method.name).settings()

    def problem(self, dtype: str, say: Callable[[str], None]) -> Problem:
        """Returns the training problem in the given Keras dtype policy."""
        source = self.start
        gan = source.with_precision(dtype)
        if self.method.from_scratch:
            keras.utils.set_random_seed(self.seed)
            gan = type(source)(**{**source.config, "dtype": dtype})
            if source.discriminator is None:
                gan = gan.without_discriminator()
        run = self.method.run
        return Problem(
            gan,
            source,
            self.pictures.images,
            run.batch_size,
            self.seed,
            say,
            run.steps,
            known_latents=self.pictures.latents,
        )


def plan(
    source: GAN | str | os.PathLike,
    data: str | os.PathLike | Pictures | np.ndarray,
    method: str = AUTO,
    *,
    seed: int = 0,
    precision: str = "auto",
    limit: int | None = None,
    on_error: str = "raise",
    **settings: Any,
) -> Plan:
    """Gathers what :func:`tf_fewshot.adapt` needs and checks it; see there for the arguments."""
    chosen = None if method == AUTO else methods.get(method).with_settings(**settings)
    _check_run(choosing.run_of(settings) if chosen is None else chosen.run)
    if seed < 0:
        raise UserError(f"The seed must be 0 or more, not {seed}.")
    name = str(source)
    if isinstance(source, GAN):
        name = getattr(source, "source_metadata", {}).get("name", source.architecture)
    else:
        source = weights.load(source)
    notes = []
    if chosen is not None:
        chosen, notes = at_rate(chosen, source, settings)
        check_parts(chosen, source)
    height, width, channels = source.image_shape
    if isinstance(data, np.ndarray):
        data = Pictures(data)
    if not isinstance(data, Pictures):
        data = load_pictures(
            data, (height, width), limit=limit, on_error=on_error, channels=channels
        )
    data = data.in_channels(channels)
    if data.images.shape[1:] != (height, width, channels):
        raise UserError(
            f"The pictures are {data.images.shape[1:]}, the generator makes "
            f"{(height, width, channels)}. Resize them, or give their folder instead."
        )
    if chosen is None:
        choice = choosing.choose(source, data)
        chosen = methods.get(choice.method).with_settings(**settings)
        chosen, rates = at_rate(chosen, source, settings)
        notes = [f"Method {choice.method}: {choice.why}", *rates]
    of_classes = data.num_classes
    data = data.with_classes(chosen.trainable.per_class)
    chosen.latents.check(data, source.latent_dim)
    chosen, begun = _begun(chosen, source, data)
    notes += begun
    if of_classes > 1 and data.labels is None:
        notes.append(f"The {of_classes} classes of the pictures are learned as one.")
    return Plan(chosen, source, name, data, seed, precision, notes)


def at_rate(method: Method, source: GAN, settings: Mapping[str, Any]) -> tuple[Method, list[str]]:
    """Returns a method at the rate for a source's kernels, and what is to be said of it.

    Args:
        method: With its settings.
        source: The GAN to be adapted.
        settings: Those that were named: a rate among them is taken as it is.
    """
    if "learning_rate" in settings:
        return method, []
    method, said = method.for_kernels(source.equalized_rates)
    return method, [said] if said else []


def _check_run(run: RunDefaults) -> None:
    """Refuses settings of the loop that no run can have."""
    if run.steps < 1 or run.batch_size < 1:
        raise UserError(
            f"steps and batch_size must be at least 1, not {run.steps} and {run.batch_size}."
        )
    if not 0.0 <= run.ema_decay < 1.0:
        raise UserError(f"ema_decay must be at least 0 and below 1, not {run.ema_decay}.")


def _class(source: GAN, label: int) -> str:
    """A class as people are told of it: by its number, and its name if it has one."""
    name = source.class_names[label]
    return f"class {label}" if name == str(label) else f"class {label} ({name})"


def _begun(method: Method, source: GAN, data: Pictures) -> tuple[Method, list[str]]:
    """Returns the method with the class that it begins as decided, and what is to be said of it."""
    start, notes = method.trainable.class_start, []
    if not source.num_classes:
        if start not in ("auto", "mean"):
            notes.append(f"The source has no classes: class_start={start} is not looked at.")
        start = "mean"
    elif start == "auto":
        start = "mean" if source.classes_blend else "nearest"
    if start == "nearest":
        ranked = nearest_classes(source, data)
        label, distance = ranked[0]
        others = "".join(f"; {_class(source, other)}: {far:.3f}" for other, far in ranked[1:2])
        start = str(label)
        notes.append(
            f"Begins as {_class(source, label)} of the source, whose samples are most like the "
            f"pictures (LPIPS {distance:.3f}{others})."
        )
    return method.with_settings(class_start=start), notes
