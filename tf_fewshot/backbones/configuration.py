"""Configurations of architectures: frozen dataclasses whose fields have flat names in files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from .. import settings
from ..errors import UserError
from .errors import BackboneError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What an architecture is built from; every field has a default value.

    Attributes:
        num_classes: How many classes labels tell apart; 0 where there are none.
    """

    num_classes: ClassVar[Any] = 0

    def resolved(self) -> Configuration:
        """Returns a copy in which what was left out is filled in.

        Raises:
            BackboneError: if the values do not fit together.
        """
        return self

    def without_labels(self, start: int | str) -> dict[str, Any]:
        """The settings that change where labels are given up, by their names.

        Args:
            start: What the one class begins as: the number of a class, or "mean" or "identity".
        """
        del start
        return {"num_classes": 0}

    def flat(self) -> dict[str, Any]:
        """The values by their names, as JSON holds them."""
        return {
            name: list(value) if isinstance(value, (list, tuple)) else value
            for name, value in settings.values([self]).items()
        }


@dataclasses.dataclass(frozen=True)
class NoConfiguration(Configuration):
    """The configuration of an architecture that has nothing to configure."""


def configured(cls: type[T], changes: Mapping[str, Any], owner: str) -> T:
    """Returns an instance of a dataclass whose fields have these values or their defaults.

    Args:
        cls: A dataclass of which every field has a default value.
        changes: Values by flat names.
        owner: What an unknown name is called in the error, such as "setting of a dcgan".

    Raises:
        BackboneError: for a name that there is not, or a value of another type.
    """
    default = cls()
    try:
        return settings.changed(default, settings.checked([default], changes, owner))
    except UserError as error:
        raise BackboneError(str(error)) from error
