"""Kernels that are trained through a factor of rank one.

Source: Zhao et al., "Few-shot Image Generation via Adaptation-Aware Kernel Modulation"
(NeurIPS 2022), section 4.2: W ⊙ (1 + v uᵀ) with a frozen W; the code begins with u and v
near zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

_NEAR_ZERO = 1e-7


class Modulation:
    """Some filters of each kernel are modulated, the others are trained as they are.

    A filter is what makes one output channel. Networks keep their kernels; what is trained
    instead are ``variables``, and :meth:`write` puts their effect into the kernels.

    Args:
        kernels: Of the networks.
        axes: The axis of each kernel's output channels.
        chosen: bool ``[out]`` for each kernel: the filters that are modulated.
        seed: Of the first factors.

    Attributes:
        targets: The kernels.
        variables: What is trained: for each kernel its weights (of filters that are not
            modulated), u over the inputs of a filter and v over the filters.
        state: ``variables`` and which filters are modulated: what a resumed run needs.
    """

    def __init__(
        self,
        kernels: Sequence[keras.Variable],
        axes: Sequence[int],
        chosen: Sequence[np.ndarray],
        seed: int = 0,
    ):
        rng = np.random.default_rng(seed)
        self.targets, self._axes = list(kernels), [int(axis) for axis in axes]
        self._bases: list[keras.Variable] = []
        self._chosen: list[keras.Variable] = []
        self.inputs: list[keras.Variable] = []
        self.outputs: list[keras.Variable] = []
        for i, (kernel, axis, mask) in enumerate(zip(kernels, self._axes, chosen, strict=True)):
            value = kernel.numpy().astype(np.float32)
            shape = [1] * value.ndim
            shape[axis] = value.shape[axis]
            inner = [*value.shape]
            inner[axis] = 1
            self._bases.append(keras.Variable(value, name=f"base{i}"))
            mask = np.asarray(mask, np.float32).reshape(shape)
            self._chosen.append(keras.Variable(mask, trainable=False, name=f"chosen{i}"))
            for kept, name, of in ((self.inputs, "u", inner), (self.outputs, "v", shape)):
                first = (_NEAR_ZERO * rng.standard_normal(of)).astype(np.float32)
                kept.append(keras.Variable(first, name=f"{name}{i}"))
        self.variables = [*self._bases, *self.inputs, *self.outputs]
        self.state = [*self.variables, *self._chosen]

    def values(self) -> list[tf.Tensor]:
        """What the kernels are, as a function of the variables."""
        found = []
        parts = zip(self._bases, self._chosen, self.inputs, self.outputs, strict=True)
        for base, mask, u, v in parts:
            weights, chosen = tf.convert_to_tensor(base), tf.convert_to_tensor(mask)
            factor = 1.0 + tf.convert_to_tensor(u) * tf.convert_to_tensor(v)
            kept = tf.stop_gradient(weights) * factor
            found.append(chosen * kept + (1.0 - chosen) * weights)
        return found

    def gradients(self, of_targets: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """From gradients with respect to the kernels to those of ``variables``."""
        own = [v.value for v in self.variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(own)
            values = self.values()
        return tape.gradient(values, own, list(of_targets), unconnected_gradients="zero")

    def write(self) -> None:
        """Puts the values into the networks' kernels."""
        for kernel, value in zip(self.targets, self.values(), strict=True):
            kernel.assign(value)
