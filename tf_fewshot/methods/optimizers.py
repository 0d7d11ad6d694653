"""Optimizers that players are moved by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

# From a learning rate, a number or a Keras schedule, to a new optimizer.
OptimizerFactory = Callable[[Any], keras.optimizers.Optimizer]


def adam_with(beta_1: float = 0.0, beta_2: float = 0.99, epsilon: float = 1e-8) -> OptimizerFactory:
    """Returns what builds Adam optimizers of these moments; the defaults suit GANs.

    Args:
        beta_1, beta_2: Decays of the first and the second moment.
        epsilon: What is added to the root of the second moment.
    """

    def optimizer(learning_rate: Any) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)

    return optimizer


# What players are moved by unless they say otherwise.
GAN_ADAM = adam_with()
