"""Cells: what keeps the training near the source, or the latents near their prior."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from .player import Penalty, Problem

if TYPE_CHECKING:
    from .latents import LatentSource
    from .trainable import Selection


class Regularizer(abc.ABC):
    """The cell."""

    @abc.abstractmethod
    def prepare(self, problem: Problem, selection: Selection, latents: LatentSource) -> Penalty:
        """Makes the penalty ready for a problem."""
