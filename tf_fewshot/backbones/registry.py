"""The registry of backbones by the name of their architecture, and how they are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ..errors import unknown_name
from .base import GAN

_REGISTRY: dict[str, type[GAN]] = {}


def register(architecture: str) -> Callable[[type[GAN]], type[GAN]]:
    """Class decorator that makes a backbone known by its architecture's name."""

    def add(cls: type[GAN]) -> type[GAN]:
        cls.architecture = architecture
        _REGISTRY[architecture] = cls
        return cls

    return add


def build(architecture: str, **config: Any) -> GAN:
    """Builds a GAN with new weights.

    Raises:
        UserError: if no such architecture is registered.
    """
    if architecture not in _REGISTRY:
        raise unknown_name("architecture", architecture, _REGISTRY)
    return _REGISTRY[architecture](**config)


def build_networks(*networks_and_inputs: tuple[keras.Model, tuple[int, ...]]) -> None:
    """Creates the weights of subclassed networks by one call on an empty image or latent."""
    for network, shape in networks_and_inputs:
        network(tf.zeros((1, *shape)))
