"""Latents that stand for the choices of a program that draws."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import UserError

_THRESHOLDS = "choice_thresholds"


@dataclasses.dataclass(frozen=True)
class Choices:
    """What the components of ``z`` stand for, where that is known.

    Attributes:
        choice_slots: How many components of ``z`` each slot has, of which the largest says which
            variant of a part is chosen; they come one after the other.
        choice_quantiles: How many single components follow, each a quantile of N(0, 1).
        choice_variants: For each class, how many components of each slot count in it, and last
            how many of the single ones; empty where all do.
        choice_thresholds: For each class, of each single component the quantile in (0, 1) below
            which there is a part, and above which there is none; 0 where every quantile is
            another picture. Empty where there is no part of that kind.
    """

    choice_slots: Sequence[int] = ()
    choice_quantiles: int = 0
    choice_variants: Sequence[Sequence[int]] = ()
    choice_thresholds: Sequence[Sequence[float]] = ()

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self.choice_slots or self.choice_quantiles)

    @property
    def size(self) -> int:
        """How many components they take."""
        return sum(self.choice_slots) + self.choice_quantiles

    @property
    def first(self) -> list[int]:
        """The first component of each slot, and of the single ones."""
        return list(itertools.accumulate(self.choice_slots, initial=0))

    def as_lists(self) -> Choices:
        """The same as JSON files have it."""
        variants = [list(row) for row in self.choice_variants]
        thresholds = [list(row) for row in self.choice_thresholds]
        return Choices(list(self.choice_slots), self.choice_quantiles, variants, thresholds)

    def settings(self) -> dict[str, Any]:
        """The same by name, as JSON files have it."""
        return vars(self.as_lists())

    def arrays(self) -> dict[str, np.ndarray]:
        """The same by name as arrays, as .npz files have it: whole numbers, and thresholds."""
        shape = (len(self.choice_thresholds), self.choice_quantiles)
        thresholds = np.asarray(self.choice_thresholds, np.float32).reshape(shape)
        whole = {k: np.asarray(v, np.int32) for k, v in vars(self).items() if k != _THRESHOLDS}
        return {**whole, _THRESHOLDS: thresholds}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Choices:
        """Returns those of such arrays.

        Raises:
            UserError: if one other than the thresholds is missing, or they are not numbers of
                the right kind.
        """
        names = [field.name for field in dataclasses.fields(cls) if field.name != _THRESHOLDS]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise UserError(f"Choices need the arrays {', '.join(names)}; missing: {missing[0]}.")
        slots, quantiles, variants = (arrays[name] for name in names)
        whole = all(array.dtype.kind in "iu" for array in (slots, quantiles, variants))
        if not whole or (slots.ndim, quantiles.ndim, variants.ndim) != (1, 0, 2):
            raise UserError(
                "choice_slots must be whole numbers [S], choice_quantiles one, and "
                "choice_variants [classes, S + 1]."
            )
        thresholds = np.asarray(arrays.get(_THRESHOLDS, np.zeros((0, 0), np.float32)))
        if thresholds.dtype.kind != "f" or thresholds.ndim != 2:
            raise UserError("choice_thresholds must be floats [classes, choice_quantiles].")
        choices = cls(slots.tolist(), int(quantiles), variants.tolist(), thresholds.tolist())
        choices.check(choices.size, len(variants))
        return choices

    def check(self, latent_dim: int, classes: int) -> None:
        """Checks that they fit latents of that size, and so many classes.

        Raises:
            UserError: if they do not.
        """
        most = [*self.choice_slots, self.choice_quantiles]
        if any(not isinstance(n, int) or n < 0 for n in most):
            raise UserError(f"Choices must be whole numbers from 0 on, not {most}.")
        if self.choice_variants and not self.given:
            raise UserError("choice_variants needs choice_slots or choice_quantiles.")
        if self.size > latent_dim:
            raise UserError(
                f"The choices take {self.size} components, and latents have {latent_dim}."
            )
        for name in ("choice_variants", _THRESHOLDS):
            rows = len(getattr(self, name))
            if rows not in (0, max(classes, 1)):
                raise UserError(
                    f"{name} must have a row for each of {max(classes, 1)} classes, not {rows}."
                )
        for row in self.choice_variants:
            fits = len(row) == len(most)
            if not fits or any(not 0 <= n <= m for n, m in zip(row, most, strict=True)):
                raise UserError(
                    f"A row of choice_variants must have {len(most)} numbers, none below 0 or "
                    f"above {most}, not {list(row)}."
                )
        for row in self.choice_thresholds:
            numbers = all(isinstance(t, float | int) and 0 <= t < 1 for t in row)
            if not numbers or len(row) != self.choice_quantiles:
                raise UserError(
                    f"A row of choice_thresholds must have {self.choice_quantiles} numbers from 0 "
                    f"to below 1, not {list(row)}."
                )
