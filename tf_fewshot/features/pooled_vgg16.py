"""Pooled features of VGG16, for FID beside that of EfficientNet-Lite0."""

from __future__ import annotations

import functools

import tensorflow as tf

from .pooled import PooledFeatures
from .vgg16 import VGG16_LAYERS, VGG16Features

# Half of what VGG16 was trained with, at a quarter of the cost; the last map has 7 × 7 pixels.
SIZE = 112
DIMS = 512


class PooledVGG16(PooledFeatures):
    """Maps uint8 images ``[N, H, W, 3]`` to features ``[N, 512]``, float32.

    They are the activations of the last convolution (conv5_3, after ReLU), pooled over all pixels
    of images that are resized to 112 px.

    Raises:
        UserError: if the weights cannot be brought, or images are not uint8 RGB.
    """

    def __init__(self) -> None:
        super().__init__(SIZE, DIMS)
        self._trunk = VGG16Features(VGG16_LAYERS[-1:], dtype="float32")

    def _pooled(self, pixels):
        return tf.reduce_mean(self._trunk(pixels / 127.5 - 1.0)[0], [1, 2])


@functools.cache
def pooled_vgg16() -> PooledVGG16:
    """Returns the one network of this process."""
    return PooledVGG16()
