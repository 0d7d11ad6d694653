"""What an extension may know of the GAN that has it."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Protocol

from ..parts import ClassTable, Variable


class Host(Protocol):
    """A GAN as its extensions see it.

    It is the part of :class:`tf_fewshot.backbones.GAN` that they need, and lies below both, so
    that the contract can import the extensions.
    """

    architecture: ClassVar[str]
    configuration: Any
    extensions: tuple[Any, ...]
    generator: Any
    discriminator: Any

    @property
    @abc.abstractmethod
    def num_classes(self) -> int:
        """Number of classes; 0 if it takes no labels."""
        ...

    @abc.abstractmethod
    def points(self, network: str) -> Any:
        """Returns the points that a network asks its extensions at."""
        ...

    @abc.abstractmethod
    def class_tables(self) -> list[ClassTable]:
        """Returns what holds a row for each class."""
        ...

    @abc.abstractmethod
    def rebuild(self, **changes: Any) -> Any:
        """Returns a copy with some of its configuration changed."""
        ...

    @abc.abstractmethod
    def variables_by_path(self) -> dict[str, Variable]:
        """Returns every weight by its path."""
        ...
