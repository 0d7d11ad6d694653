"""One step of training, as all players of a method see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import tensorflow as tf

T = TypeVar("T")


@dataclasses.dataclass(eq=False)
class Step:
    """One step of training: its pictures, and what its players have computed so far.

    The loop makes one for each step and hands it to every player in turn.

    Attributes:
        number: int scalar, the step, counted from 0.
        indices: int32 ``[N]``, which of the training pictures are in the batch.
        pictures: float32 ``[N, H, W, C]`` in [-1, 1], these pictures.
        labels: int32 ``[N]``, their classes, or None.
        due: Names of the players whose rarely computed terms belong into this step.
        results: What has been computed, see :class:`Shared`.
    """

    number: tf.Tensor
    indices: tf.Tensor
    pictures: tf.Tensor
    labels: tf.Tensor | None = None
    due: frozenset[str] = frozenset()
    results: dict[Shared, Any] = dataclasses.field(default_factory=dict)


class Shared(Generic[T]):
    """A quantity that several players need in a step, and that one of them computes.

    The player whose gradients flow through it asks for it by :meth:`fresh`. Others ask by
    :meth:`seen`, in whatever order players move: they get what was computed last in this step,
    without gradients, and it is computed for them only if no player has done so.

    Args:
        compute: From the step to the value: a tensor, lists of tensors, or what has a method
            ``detached``.
        trained: Whether it depends on anything that is trained; what does not is kept as it is.
    """

    def __init__(self, compute: Callable[[Step], T], trained: bool = True):
        self._compute, self._trained = compute, trained

    def fresh(self, step: Step) -> T:
        """Computes the value, with gradients, and keeps it for the others."""
        return self.given(step, self._compute(step))

    def given(self, step: Step, value: T) -> T:
        """Keeps a value for the others that a player has computed itself; returns it."""
        step.results[self] = detached(value) if self._trained else value
        return value

    def seen(self, step: Step) -> T:
        """Returns the value of this step, without gradients."""
        if self not in step.results:
            self.fresh(step)
        return step.results[self]


def detached(value: Any) -> Any:
    """Returns a value through which no gradients flow; see :class:`Shared` for what it can be."""
    if isinstance(value, tf.Tensor):
        return tf.stop_gradient(value)
    if isinstance(value, (list, tuple)):
        return type(value)(detached(part) for part in value)
    return value.detached() if hasattr(value, "detached") else value
