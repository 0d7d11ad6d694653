"""The kernels of a network, and the axes along which their filters lie."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ...backbones import GAN, Stage

_KERNELS = ("kernel", "weight")


def kernels_of(stages: Sequence[Stage]) -> list[keras.Variable]:
    """Returns the trainable kernels of convolutions and dense layers, from the first stage on."""
    return [
        v
        for stage in stages
        for v in stage.variables
        if v.trainable and len(v.shape) >= 2 and is_kernel(v)
    ]


def is_kernel(variable: keras.Variable) -> bool:
    """Returns whether a weight has the name of a kernel."""
    return variable.path.rpartition("/")[2] in _KERNELS


def filter_axes(gan: GAN, kernels: Sequence[keras.Variable]) -> list[int]:
    """Returns the axis of each kernel's output channels; a filter computes one of them."""
    return [gan.output_axis(v) for v in kernels]


def filter_count(gan: GAN, kernel: keras.Variable) -> int:
    """Returns how many filters a kernel has."""
    return kernel.shape[gan.output_axis(kernel)]
