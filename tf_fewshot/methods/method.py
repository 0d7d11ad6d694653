"""A method is four choices: objective × trainable × latents × regularizers.

Each choice is a frozen dataclass whose fields are its settings. A method is a
named combination of such choices with its own defaults; nothing else in the
project knows the name of a method.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from .. import settings
from ..errors import UserError, unknown_name
from .cells.latents import Latents
from .cells.objective import Objective
from .cells.regularizers import Regularizer
from .cells.trainable import Trainable


@dataclasses.dataclass(frozen=True)
class RunDefaults:
    """Settings of the training loop that a method has an opinion on.

    Attributes:
        steps: Updates of the generator.
        batch_size: Pictures in a step.
        ema_decay: Decay of the moving average of the generator, by step; 0 for none.
        truncation: What samples are drawn with after training unless told otherwise.
    """

    steps: int = 400
    batch_size: int = 8
    ema_decay: float = 0.0
    truncation: float | None = None


@dataclasses.dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    Attributes:
        name: What users call it.
        title: Its name in the papers.
        paper: Where it comes from.
        objective, trainable, latents, regularizers: The four choices.
        run: Defaults of the training loop.
        from_scratch: Whether the source's weights are thrown away.
        equalized_rates: Whether its learning rate is for kernels at equalized rates; others get a
            fifth of it.
    """

    name: str
    title: str
    paper: str
    objective: Objective
    trainable: Trainable
    latents: Latents
    regularizers: tuple[Regularizer, ...] = ()
    run: RunDefaults = RunDefaults()
    from_scratch: bool = False
    equalized_rates: bool = False

    @property
    def short_title(self) -> str:
        """The abbreviation that the title ends with, in parentheses, or the title."""
        abbreviation = re.search(r"\((\w+)\)$", self.title)
        return abbreviation[1] if abbreviation else self.title

    @property
    def keeps_discriminator(self) -> bool:
        """Whether part of what the source's discriminator has learned stays as it is."""
        return any(cell.keeps_discriminator for cell in (self.trainable, *self.regularizers))

    @property
    def trained_through(self) -> tuple[str, ...]:
        """Names of the frozen networks that the losses look through."""
        through = [
            name for cell in (self.objective, *self.regularizers) for name in cell.trained_through
        ]
        return tuple(dict.fromkeys(through))

    def cells(self) -> list[Any]:
        """Returns what holds the settings: the four choices and the defaults of the run."""
        return [self.objective, self.trainable, self.latents, *self.regularizers, self.run]

    def settings(self) -> dict[str, Any]:
        """Returns every setting of every choice with its value, by name."""
        return settings.values(self.cells())

    def with_settings(self, **changes: Any) -> Method:
        """Returns the method with other values of some settings.

        Raises:
            UserError: for a setting that the method does not have, or a value of
                another type than the setting's.
        """
        changes = settings.checked(self.cells(), changes, f"setting of method {self.name!r}")

        def changed(cell: Any) -> Any:
            return settings.changed(cell, changes)

        return dataclasses.replace(
            self,
            objective=changed(self.objective),
            trainable=changed(self.trainable),
            latents=changed(self.latents),
            regularizers=tuple(changed(r) for r in self.regularizers),
            run=changed(self.run),
        )

    def for_kernels(self, equalized_rates: bool) -> tuple[Method, str]:
        """Returns the method at the learning rate for a generator's kernels.

        Kernels that are not stored in units of their initial size, as BigGAN's, have weights of
        a few hundredths, which the rates of those that are tear apart.

        Args:
            equalized_rates: As the GAN's.

        Returns:
            The method, and what is to be said of it, empty if nothing changes.
        """
        if equalized_rates or not self.equalized_rates:
            return self, ""
        rate = self.settings()["learning_rate"]
        own = rate / 5
        return self.with_settings(learning_rate=own), (
            f"Learning rate {own:g} instead of {rate:g}: the source's kernels have no "
            "equalized rates."
        )

    def with_learning_rates(self, rate: Any, d_rate: Any) -> Method:
        """Returns the adversarial method with other rates: numbers or Keras schedules.

        Args:
            rate: Of the generator.
            d_rate: Of the discriminator.
        """
        # Not checked as settings are: a schedule is no number.
        rates = {"learning_rate": rate, "d_learning_rate": d_rate}
        return dataclasses.replace(self, objective=settings.changed(self.objective, rates))


_METHODS: dict[str, Method] = {}


def register(method: Method) -> Method:
    """Adds a row to the table, in place of one of the same name; returns it."""
    method.settings()
    _METHODS[method.name] = method
    return method


def get(name: str) -> Method:
    """Returns the method of that name.

    Raises:
        UserError: if there is none; it names the nearest.
    """
    if name not in _METHODS:
        raise unknown_name("method", name, _METHODS)
    return _METHODS[name]


def names() -> list[str]:
    """Returns all methods' names, sorted."""
    return sorted(_METHODS)


def trained_through(name: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the frozen networks that a method's losses looked through, as a file tells.

    Args:
        name: The method's; one that is not in the table, of another release, has none.
        values: Its settings by name; what is no setting is passed over.
    """
    if name not in _METHODS:
        return ()
    method = _METHODS[name]
    known = {k: v for k, v in values.items() if k in method.settings()}
    try:
        return method.with_settings(**known).trained_through
    except UserError:
        # Values of another release, which this one does not take.
        return method.trained_through
