"""Convolutions of torch whose batch norm is folded into them, for networks that are frozen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf


def folded(
    state: Mapping[str, np.ndarray],
    conv: str,
    norm: str,
    epsilon: float,
    depthwise: bool = False,
):
    """Folds a batch norm into the convolution before it, which has no bias of its own.

    Args:
        state: A state dict of torch.
        conv: The name of the convolution in it.
        norm: The name of the batch norm.
        epsilon: What the batch norm adds to the variance.
        depthwise: Whether the convolution has one input channel a filter.

    Returns:
        The kernel in TensorFlow's order, and the bias.
    """
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + epsilon)
    kernel = state[f"{conv}.weight"] * scale[:, None, None, None]
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    # torch has [out, in, h, w]; of a depthwise one [out, 1, h, w], which here is [h, w, out, 1].
    order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return tf.constant(kernel.transpose(order)), tf.constant(bias)
