"""What carries trained variables into weights of the networks that are not trained themselves.

A network keeps its kernels. A modulation computes their values from variables of its own, which
are trained instead: factors, singular values, the filters that are not frozen, ….
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf


class Modulation(Protocol):
    """The contract of a modulation.

    ``values`` is a function of ``state`` alone: a resumed run restores the state and has the
    same weights. Which entries of the targets are frozen may change during training, by a
    callback that assigns variables of the state.

    """

    @property
    def targets(self) -> Sequence[keras.Variable]:
        """Weights of the networks; nothing else trains them."""
        ...

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """What is trained instead."""
        ...

    @property
    def state(self) -> Sequence[keras.Variable]:
        """All variables that the values depend on, and whatever else a resumed run needs.

        ``variables`` are among them.
        """
        ...

    def values(self) -> Sequence[tf.Tensor]:
        """Returns what the targets are to be, one tensor for each, of its shape."""
        ...

    def gradients(self, of_targets: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
        """Returns the gradients with respect to ``variables``, of those with respect to targets."""
        ...

    def write(self) -> None:
        """Puts the values into the targets."""
        ...


class DifferentiableModulation(abc.ABC):
    """A modulation whose values TensorFlow differentiates: subclasses only say what these are.

    Attributes:
        targets, variables, state: See :class:`Modulation`.
    """

    targets: Sequence[keras.Variable]
    variables: Sequence[keras.Variable]
    state: Sequence[keras.Variable]

    @abc.abstractmethod
    def values(self) -> Sequence[tf.Tensor]:
        """Returns what the targets are to be, one tensor for each, of its shape."""

    def gradients(self, of_targets: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
        """Returns the gradients with respect to ``variables``, of those with respect to targets."""
        own = [v.value for v in self.variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(own)
            values = self.values()
        return tape.gradient(values, own, list(of_targets), unconnected_gradients="zero")

    def write(self) -> None:
        """Puts the values into the targets."""
        for target, value in zip(self.targets, self.values(), strict=True):
            target.assign(value)
