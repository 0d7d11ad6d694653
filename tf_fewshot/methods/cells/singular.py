"""Cell: of each kernel only the singular values are trained.

Source: Robb et al., "Few-Shot Adaptation of Generative Adversarial Networks" (2020), section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ..modulation import DifferentiableModulation
from ..player import DISCRIMINATOR, GENERATOR
from ..problem import Problem
from ..selection import Selection
from .filters import filter_axes, kernels_of
from .trainable import Trainable


def _decomposed(matrix: np.ndarray) -> Sequence[np.ndarray]:
    return np.linalg.svd(matrix, full_matrices=False)


def _undecomposed(matrix: np.ndarray) -> Sequence[np.ndarray]:
    """Returns three factors of a decomposition's shapes and product, found without one."""
    rows, columns = matrix.shape
    ones = np.ones(min(rows, columns))
    return (matrix, ones, np.eye(columns)) if rows >= columns else (np.eye(rows), ones, matrix)


def matrix_of(kernel: np.ndarray, axis: int) -> np.ndarray:
    """Returns a kernel as a matrix ``[inputs · height · width, outputs]`` in double precision.

    In single precision the product of its decomposition would be off by more than rounding.

    Args:
        kernel: Of any layout.
        axis: The axis of its output channels.
    """
    moved = np.moveaxis(kernel.astype(np.float64), axis, -1)
    return moved.reshape(-1, moved.shape[-1])


class SingularValues(DifferentiableModulation):
    """Kernels U diag(s) Vᵀ of which s is trained, and U and V stay.

    A kernel is decomposed as a matrix with a column for each output channel and a row for each
    weight of a filter: ``[inputs · height · width, outputs]``.

    Args:
        kernels: Of the networks.
        axes: The axis of each kernel's output channels.
        decompose: Gives U, s and Vᵀ of a matrix.

    Attributes:
        targets: The kernels.
        variables: For each kernel its singular values ``[min(rows, outputs)]``; at first in
            falling order, later as training has them, of any order and sign.
        state: ``variables``, and U and Vᵀ of each kernel.
    """

    def __init__(
        self,
        kernels: Sequence[keras.Variable],
        axes: Sequence[int],
        decompose: Callable[[np.ndarray], Sequence[np.ndarray]] = _decomposed,
    ):
        self.targets = list(kernels)
        self.variables: list[keras.Variable] = []
        self._left: list[keras.Variable] = []
        self._right: list[keras.Variable] = []
        # The order of axes with the output channels last, and the order that undoes it.
        self._orders: list[tuple[list[int], list[int]]] = []
        for i, (kernel, axis) in enumerate(zip(self.targets, axes, strict=True)):
            order = [n for n in range(len(kernel.shape)) if n != axis % len(kernel.shape)]
            order.append(axis % len(kernel.shape))
            self._orders.append((order, [int(n) for n in np.argsort(order)]))
            u, s, vt = decompose(matrix_of(kernel.numpy(), axis))
            self.variables.append(keras.Variable(s.astype(np.float32), name=f"s{i}"))
            self._left.append(_fixed(u, f"u{i}"))
            self._right.append(_fixed(vt, f"vt{i}"))
        self.state = [*self.variables, *self._left, *self._right]

    def values(self) -> list[tf.Tensor]:
        """Returns what the kernels are, as a function of the singular values."""
        kernels = []
        parts = zip(
            self.targets, self._orders, self._left, self.variables, self._right, strict=True
        )
        for target, (order, back), u, s, vt in parts:
            matrix = tf.matmul(u.value * s.value, vt.value)
            moved = tf.reshape(matrix, [target.shape[n] for n in order])
            kernels.append(tf.transpose(moved, back))
        return kernels


@dataclasses.dataclass(frozen=True)
class SingularValuesOfBoth(Trainable):
    """The singular values of every kernel of both networks, and nothing else.

    Biases, what is learned of noise, constants and scales and shifts of normalisation stay as
    they are.
    """

    keeps_discriminator = True

    _decompose = staticmethod(_decomposed)

    def sketch(self) -> SingularValuesOfBoth:
        return _Sketch()

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        generator = self._modulation(gan, kernels_of(gan.generator_stages()))
        discriminator = self._modulation(gan, kernels_of(gan.discriminator_stages()))
        return Selection((), (), modulations={GENERATOR: generator, DISCRIMINATOR: discriminator})

    def _modulation(self, gan: GAN, kernels: Sequence[keras.Variable]) -> list[SingularValues]:
        axes = filter_axes(gan, kernels)
        return [SingularValues(kernels, axes, self._decompose)] if kernels else []


class _Sketch(SingularValuesOfBoth):
    """Has factors of the same shapes: to decompose a large network takes minutes."""

    _decompose = staticmethod(_undecomposed)


def _fixed(value: np.ndarray, name: str) -> keras.Variable:
    return keras.Variable(value.astype(np.float32), trainable=False, name=name)
