"""Kernels of which a domain has its own singular values, as FSGAN trains them.

Source: Robb et al., "Few-Shot Adaptation of Generative Adversarial Networks" (2020), section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..backbones import GAN
from ..layers.by_row import kernels_by_factors
from ..methods.cells.singular import matrix_of

# What a weight of a domain is called whose values are the singular values of a kernel.
_SUFFIX = "/singular_values"
# How far the product of the factors may be from the kernel, by its largest number: averaging
# trained kernels, and float32, leave 1e-6.
_TOLERANCE = 2e-5


def path_of(kernel: str) -> str:
    """Returns the path of a kernel's singular values."""
    return kernel + _SUFFIX


def kernel_of(path: str) -> str | None:
    """Returns the kernel whose singular values a path is of; None if it is of another weight."""
    return path.removesuffix(_SUFFIX) if path.endswith(_SUFFIX) else None


@dataclasses.dataclass(frozen=True)
class Factors:
    """A kernel of the source, decomposed.

    Attributes:
        left: U as a kernel with R output channels, float32.
        right: Vᵀ, float32 ``[R, outputs]``.
        values: The source's singular values, float32 ``[R]``.
    """

    left: np.ndarray
    right: np.ndarray
    values: np.ndarray


class Decompositions:
    """The kernels of a source, each decomposed when it is first asked for."""

    def __init__(self, source: GAN):
        self._source, self._known = source, kernels_by_factors(source.generator)
        self._done: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def _decomposed(self, path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if path not in self._done:
            kernel = self._known[path]
            matrix = matrix_of(kernel.numpy(), self._source.output_axis(kernel))
            self._done[path] = np.linalg.svd(matrix, full_matrices=False)
        return self._done[path]

    def factors(self, path: str) -> Factors:
        """Returns the factors of a kernel."""
        kernel = self._known[path]
        axis = self._source.output_axis(kernel)
        u, s, vt = (part.astype(np.float32) for part in self._decomposed(path))
        others = np.delete(np.array(kernel.shape), axis)
        left = np.moveaxis(u.reshape(*others, len(s)), -1, axis)
        return Factors(left, vt, s)

    def values_in(self, path: str, kernel: np.ndarray) -> np.ndarray | None:
        """Returns the singular values of another kernel with the singular vectors of the source.

        Args:
            path: Of the kernel.
            kernel: The other one.

        Returns:
            float32 ``[R]``, of any order and sign; None if its singular vectors are others.
        """
        u, _, vt = self._decomposed(path)
        matrix = matrix_of(kernel, self._source.output_axis(self._known[path]))
        values = np.einsum("nr,nm,rm->r", u, matrix, vt, optimize=True)
        difference = np.abs((u * values) @ vt - matrix).max()
        return None if difference > _TOLERANCE * np.abs(matrix).max() else values.astype(np.float32)


def all_values(
    paths: Iterable[str], variables: dict[str, Any], known: Decompositions
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the singular values of those of these kernels that have them, and the others."""
    found: dict[str, np.ndarray] = {}
    others = []
    for path in paths:
        values = known.values_in(path, variables[path].numpy()) if path in known else None
        if values is None:
            others.append(path)
        else:
            found[path_of(path)] = values
    return found, others
