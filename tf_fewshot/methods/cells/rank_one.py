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

from ..modulation import DifferentiableModulation

_NEAR_ZERO = 1e-7


class RankOne(DifferentiableModulation):
    """Some filters of each kernel are modulated, the others are trained as they are.

    A filter is what computes one output channel.

    Args:
        kernels: Of the networks.
        axes: The axis of each kernel's output channels.
        chosen: bool ``[out]`` for each kernel: the filters that are modulated. None modulates
            all of them, and trains nothing but the factors.
        seed: Of the first factors, or a generator to draw them from.

    Attributes:
        targets: The kernels.
        inputs, outputs: For each kernel u, over the inputs of a filter, and v, over the filters.
        variables: What is trained: for each kernel its weights (of filters that are not
            modulated), u and v.
        state: ``variables`` and which filters are modulated.
    """

    def __init__(
        self,
        kernels: Sequence[keras.Variable],
        axes: Sequence[int],
        chosen: Sequence[np.ndarray] | None = None,
        seed: int | np.random.Generator = 0,
    ):
        rng = np.random.default_rng(seed)
        self.targets, self._axes = list(kernels), [int(axis) for axis in axes]
        self._bases: list[keras.Variable] = []
        self._chosen: list[keras.Variable] = []
        self.inputs: list[keras.Variable] = []
        self.outputs: list[keras.Variable] = []
        for i, (kernel, axis) in enumerate(zip(self.targets, self._axes, strict=True)):
            value = kernel.numpy().astype(np.float32)
            of_outputs, of_inputs = [1] * value.ndim, [*value.shape]
            of_outputs[axis], of_inputs[axis] = value.shape[axis], 1
            mask = np.ones(value.shape[axis], bool) if chosen is None else np.asarray(chosen[i])
            mask = mask.astype(np.float32).reshape(of_outputs)
            self._bases.append(keras.Variable(value, name=f"base{i}"))
            self._chosen.append(keras.Variable(mask, trainable=False, name=f"chosen{i}"))
            self.inputs.append(keras.Variable(_small(rng, of_inputs), name=f"u{i}"))
            self.outputs.append(keras.Variable(_small(rng, of_outputs), name=f"v{i}"))
        factors = [*self.inputs, *self.outputs]
        self.variables = factors if chosen is None else [*self._bases, *factors]
        self.state = [*self._bases, *factors, *self._chosen]

    @property
    def modulated(self) -> list[np.ndarray]:
        """Which filters of each kernel are modulated: bool ``[out]``."""
        return [mask.numpy().reshape(-1) > 0 for mask in self._chosen]

    def values(self) -> list[tf.Tensor]:
        """Returns what the kernels are, as a function of the variables."""
        kernels = []
        parts = zip(self._bases, self._chosen, self.inputs, self.outputs, strict=True)
        for base, mask, u, v in parts:
            weights, chosen = tf.convert_to_tensor(base), tf.convert_to_tensor(mask)
            factor = 1.0 + tf.convert_to_tensor(u) * tf.convert_to_tensor(v)
            kept = tf.stop_gradient(weights) * factor
            kernels.append(chosen * kept + (1.0 - chosen) * weights)
        return kernels


def _small(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    return (_NEAR_ZERO * rng.standard_normal(shape)).astype(np.float32)
