"""Activations of VGG16, trained on ImageNet.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition" (2015). The weights are torchvision's, as the LPIPS package for JAX ships
them: 13 convolutions, no dense layers.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras

from ..downloads.packages import LPIPS_VGG16
from ..unpickling.unpickler import read_numpy_pickle
from .trunk import FrozenTrunk, Preprocess

VGG16_LAYERS = tuple(
    f"conv{block}_{i}" for block, n in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, n + 1)
)
"""The names of the convolutions, from conv1_1 to conv5_3."""

BSA_LAYERS = VGG16_LAYERS[:10]
"""conv1_1 to conv4_3, which batch statistics adaptation compares."""


@functools.cache
def lpips_vgg16() -> dict[str, Any]:
    """Reads the trunk ("VGG16_0") and heads ("NetLinLayer_0" …), once a process."""
    return read_numpy_pickle(LPIPS_VGG16.fetch())


@keras.saving.register_keras_serializable("tf_fewshot")
class VGG16Features(FrozenTrunk):
    """Maps images ``[N, H, W, 3]`` in [-1, 1] to a list of activations after ReLU.

    Nothing in it is trainable; gradients flow to the images. The weights come with the
    first use (59 MB, see :mod:`tf_fewshot.downloads.files`).

    Args:
        layers: Names from :data:`VGG16_LAYERS`.
        preprocess: "torchvision" is what these weights were trained with; "bsa" feeds
            values some 57 times as large, as the released code of batch statistics
            adaptation does with its Caffe weights (see
            :func:`~tf_fewshot.features.trunk.preprocessed`).

    Raises:
        UserError: for an unknown layer or preprocessing, images that are too small or
            not RGB, or weights that cannot be brought.
    """

    def __init__(
        self,
        layers: Sequence[str] = BSA_LAYERS,
        preprocess: Preprocess = "torchvision",
        name: str = "vgg16",
        **kwargs: Any,
    ):
        trunk = lpips_vgg16()["VGG16_0"]
        kwargs.pop("trainable", None)
        super().__init__(
            VGG16_LAYERS,
            [f"conv{block}_1" for block in (2, 3, 4, 5)],
            2,
            [trunk[f"Conv_{i}"] for i in range(13)],
            (1, 1),
            16,
            layers,
            preprocess,
            name=name,
            **kwargs,
        )
