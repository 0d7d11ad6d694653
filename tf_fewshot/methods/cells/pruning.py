"""Filters of which each is trained, frozen or pruned, as a modulation."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from ..modulation import DifferentiableModulation

# What happens to a filter.
TRAINED, FROZEN, PRUNED = 0, 1, 2


class SortedFilters(DifferentiableModulation):
    """Kernels whose filters are sorted into those trained, those frozen and those pruned.

    A pruned filter is 0. At first all filters are frozen.

    Args:
        kernels: Of the networks.
        axes: The axis of each kernel's output channels, one for each filter.

    Attributes:
        targets: The kernels.
        variables: The weights of each kernel; those of filters that are not trained stand still.
        state: ``variables``, what frozen filters are, and what happens to each filter.
    """

    def __init__(self, kernels: Sequence[keras.Variable], axes: Sequence[int]):
        self.targets = list(kernels)
        self.variables: list[keras.Variable] = []
        self._held: list[keras.Variable] = []
        self._kinds: list[keras.Variable] = []
        for i, (kernel, axis) in enumerate(zip(self.targets, axes, strict=True)):
            value = kernel.numpy().astype(np.float32)
            shape = [1] * value.ndim
            shape[axis] = value.shape[axis]
            kinds = np.full(shape, FROZEN, np.int32)
            self.variables.append(keras.Variable(value, name=f"weights{i}"))
            self._held.append(keras.Variable(value, trainable=False, name=f"held{i}"))
            self._kinds.append(
                keras.Variable(kinds, trainable=False, dtype="int32", name=f"kinds{i}")
            )
        self.state = [*self.variables, *self._held, *self._kinds]

    @property
    def kinds(self) -> list[np.ndarray]:
        """What happens to the filters of each kernel: int32 ``[out]``."""
        return [np.array(kinds.numpy()).reshape(-1) for kinds in self._kinds]

    def values(self) -> list[tf.Tensor]:
        """Returns what the kernels are, as a function of the variables."""
        kernels = []
        for weights, held, kinds in zip(self.variables, self._held, self._kinds, strict=True):
            kind = tf.convert_to_tensor(kinds)
            kept = tf.where(kind == FROZEN, held.value, weights.value)
            kernels.append(tf.where(kind == PRUNED, 0.0, kept))
        return kernels

    def sort(self, kinds: Sequence[np.ndarray]) -> None:
        """Sorts the filters anew, and writes the kernels.

        What is frozen stays as it is now. What was pruned before stays pruned.

        Args:
            kinds: int ``[out]`` for each kernel.
        """
        now = [value.numpy() for value in self.values()]
        for i, (value, chosen) in enumerate(zip(now, kinds, strict=True)):
            # A frozen filter that is trained again goes on from where it stood.
            self.variables[i].assign(value)
            self._held[i].assign(value)
            before = self._kinds[i].numpy()
            chosen = np.asarray(chosen, np.int32).reshape(before.shape)
            self._kinds[i].assign(np.where(before == PRUNED, PRUNED, chosen))
        self.write()
