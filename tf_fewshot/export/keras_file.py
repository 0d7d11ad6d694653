"""Keras files of networks, and what Keras makes of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..errors import UserError
from ..files import atomic_path
from .litert_file import add_description
from .portable import Portable, Tensor


def save_keras(network: keras.Model, path: str | os.PathLike) -> None:
    """Writes one network as a Keras file, whole or not at all."""
    with atomic_path(path) as partial, warnings.catch_warnings():
        # keras.Model.save turns tensors into arrays in a way that NumPy 2 warns of.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        network.save(partial)


class KerasNetwork(Portable):
    """A generator as the Keras model that it is: of ``z`` and ``label``, not truncated."""

    def __init__(self, gan, sampling):
        super().__init__(gan, sampling)
        if self.endpoints.free:
            raise UserError(
                "This generator is sampled by free latents, and its Keras model begins at z. "
                "Export it in another format."
            )
        shown = self.outputs["images"]
        colours, levels = shown.about.partition(",")[0], shown.about.split("; ")[1]
        about = f"{colours}, NHWC, nominally in [-1, 1], not clipped; {levels}"
        self.outputs = {"images": Tensor(shown.dtype, shown.shape, about)}

    def _inputs(self) -> dict[str, Tensor]:
        return {k: v for k, v in super()._inputs().items() if k != "truncation"}

    def __call__(self, *tensors: tf.Tensor) -> tf.Tensor:
        return self.gan.generator(*tensors)


def write_keras(network: Portable, path: Path, description: Mapping[str, Any]) -> None:
    """Writes a generator; what it is stands in ``tf_fewshot.json`` within the file."""
    save_keras(network.gan.generator, path)
    add_description(path, description)


def run_keras(path: Path, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Images of a file, by Keras."""
    with tf.device("/CPU:0"):
        model: Any = keras.models.load_model(path)
        return np.asarray(model(*map(tf.constant, inputs.values())))
