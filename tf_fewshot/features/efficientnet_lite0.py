"""Pooled features of EfficientNet-Lite0, trained on ImageNet.

Source: Tan and Le, "EfficientNet" (2019), in Google's Lite form: ReLU6, no squeeze and
excitation. The weights are Google's, carried over to PyTorch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..downloads.packages import EFFICIENTNET_LITE0
from ..unpickling.torch_legacy import read_torch_legacy
from .folding import folded
from .pooled import PooledFeatures

SIZE = 224
DIMS = 1280

_EPSILON = 1e-3
# Strides of the 16 blocks; everything else shows in the shapes of the weights.
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)

# The last block of each scale but the first, which has half the width of the image.
_LAST_OF_SCALE = (2, 4, 10, 15)


def _folded(state: Mapping[str, np.ndarray], conv: str, norm: str):
    return folded(state, conv, norm, _EPSILON, depthwise="depthwise" in conv)


class EfficientNetLite0(PooledFeatures):
    """Maps uint8 images ``[N, H, W, 3]`` to features ``[N, 1280]``, float32.

    Images are resized to 224 px (bilinear, antialiased), scaled by ``(x - 127) / 128``
    and pooled over all pixels after the last convolution. Not differentiable: it is a
    measure, computed in batches in float32. :meth:`activations` are.

    Attributes:
        version: SHA-256 of the weights.

    Raises:
        UserError: if the weights cannot be brought, or images are not uint8 RGB.
    """

    def __init__(self) -> None:
        super().__init__(SIZE, DIMS)
        state: dict[str, Any] = read_torch_legacy(EFFICIENTNET_LITE0.fetch())
        self.version = EFFICIENTNET_LITE0.sha256
        self.stem = _folded(state, "_conv_stem", "_bn0")
        self.blocks = [_block(state, f"_blocks.{i}") for i in range(len(_STRIDES))]
        self.head = _folded(state, "_conv_head", "_bn1")
        self.classifier = (tf.constant(state["_fc.weight"].T), tf.constant(state["_fc.bias"]))

    def activations(self, images) -> list[tf.Tensor]:
        """Activations at four scales of images, for what learns through them.

        Args:
            images: float ``[N, H, W, 3]`` in [-1, 1], of at least 32 px, looked at as large as
                they are. Gradients flow to them.

        Returns:
            float32 ``[N, H / s, W / s, C]`` for the strides s of 4, 8, 16 and 32, rounded up, with
            24, 40, 112 and 320 channels: what the last block of each scale gives.
        """
        pixels = (tf.cast(images, tf.float32) + 1.0) * 127.5
        outputs = self._outputs((pixels - 127.0) / 128.0)
        return [outputs[i] for i in _LAST_OF_SCALE]

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Computes logits ``[N, 1000]`` of ImageNet's classes from features ``[N, 1280]``."""
        weight, bias = self.classifier
        return np.asarray(tf.convert_to_tensor(features) @ weight + bias)

    def _pooled(self, pixels):
        x = self._outputs((pixels - 127.0) / 128.0)[-1]
        return tf.reduce_mean(tf.nn.relu6(_conv(x, self.head, 1)), [1, 2])

    def _outputs(self, x) -> list[tf.Tensor]:
        """Returns what each block gives of scaled images."""
        x = tf.nn.relu6(_conv(x, self.stem, 2))
        outputs = []
        for block, stride in zip(self.blocks, _STRIDES, strict=True):
            y = tf.nn.relu6(_conv(x, block["expand"], 1)) if "expand" in block else x
            kernel, bias = block["depthwise"]
            y = tf.nn.depthwise_conv2d(y, kernel, [1, stride, stride, 1], "SAME")
            y = _conv(tf.nn.relu6(y + bias), block["project"], 1)
            x = x + y if stride == 1 and x.shape[-1] == y.shape[-1] else y
            outputs.append(x)
        return outputs


def _block(state: Mapping[str, np.ndarray], name: str) -> dict[str, tuple]:
    layers = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    return {
        layer: _folded(state, f"{name}._{layer}_conv", f"{name}.{norm}")
        for layer, norm in layers.items()
        if f"{name}._{layer}_conv.weight" in state
    }


def _conv(x, weights: tuple, stride: int):
    return tf.nn.conv2d(x, weights[0], stride, "SAME") + weights[1]


@functools.cache
def efficientnet_lite0() -> EfficientNetLite0:
    """Returns the one network of this process."""
    return EfficientNetLite0()
