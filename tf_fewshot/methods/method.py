"""A method is four choices: objective × trainable × latents × regularizers.

Each choice is a frozen dataclass whose fields are its settings. A method is a
named combination of such choices with its own defaults; nothing else in the
project knows the name of a method.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from ..errors import UserError, unknown_name
from .latents import Latents
from .objective import Objective
from .regularizers import Regularizer
from .trainable import Trainable


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

    def cells(self) -> list[Any]:
        return [self.objective, self.trainable, self.latents, *self.regularizers, self.run]

    def settings(self) -> dict[str, Any]:
        """Every setting of every choice with its value, by name."""
        found: dict[str, Any] = {}
        for cell in self.cells():
            for field in dataclasses.fields(cell):
                if field.name in found:
                    raise RuntimeError(f"{self.name}: two cells have a setting {field.name!r}")
                found[field.name] = getattr(cell, field.name)
        return found

    def with_settings(self, **changes: Any) -> Method:
        """The same method with other values of some settings.

        Raises:
            UserError: for a setting that the method does not have, or a value of
                another type than the setting's.
        """
        known = self.settings()
        kinds = {
            k: t for cell in self.cells() for k, t in typing.get_type_hints(type(cell)).items()
        }
        for name, value in changes.items():
            if name not in known:
                raise unknown_name(f"setting of method {self.name!r}", name, known)
            changes[name] = _checked(name, value, kinds[name], known[name])

        def changed(cell: Any) -> Any:
            names = {f.name for f in dataclasses.fields(cell)}
            return dataclasses.replace(cell, **{k: v for k, v in changes.items() if k in names})

        return dataclasses.replace(
            self,
            objective=changed(self.objective),
            trainable=changed(self.trainable),
            latents=changed(self.latents),
            regularizers=tuple(changed(r) for r in self.regularizers),
            run=changed(self.run),
        )

    def with_learning_rates(self, rate: Any, d_rate: Any) -> Method:
        """The same adversarial method with Keras schedules for generator and discriminator."""
        cell: Any = self.objective
        cell = dataclasses.replace(cell, learning_rate=rate, d_learning_rate=d_rate)
        return dataclasses.replace(self, objective=cell)


def _checked(name: str, value: Any, kind: Any, default: Any) -> Any:
    """The value as the annotation of its field wants it."""
    if typing.get_origin(kind) is typing.Literal:
        if value not in typing.get_args(kind):
            raise unknown_name(name, str(value), typing.get_args(kind))
        return value
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    kinds = typing.get_args(kind) if union else (kind,)
    if float in kinds and type(value) is int:
        return float(value)
    # A bool is an int to Python; steps=True is a mistake all the same.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("None" if k is types.NoneType else k.__name__ for k in kinds)
        raise UserError(f"{name} must be {names} (default {default!r}), not {value!r}.")
    return value


_METHODS: dict[str, Method] = {}


def register(method: Method) -> Method:
    """Adds a row to the table."""
    method.settings()
    _METHODS[method.name] = method
    return method


def get(name: str) -> Method:
    """The method of that name.

    Raises:
        UserError: if there is none; it names the nearest.
    """
    if name not in _METHODS:
        raise unknown_name("method", name, _METHODS)
    return _METHODS[name]


def names() -> list[str]:
    """All methods' names, sorted."""
    return sorted(_METHODS)
