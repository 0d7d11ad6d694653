"""LPIPS, the learned perceptual distance of two pictures.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric" (CVPR 2018), equation 1, in version 0.1 of its weights.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from ..downloads.packages import LPIPS_ALEXNET, LPIPS_VGG16
from ..errors import UserError, unknown_name
from ..unpickling.unpickler import read_numpy_pickle
from .trunk import FrozenTrunk, seen_in_rgb
from .vgg16 import VGG16Features, lpips_vgg16

ALEXNET_LEAST_SIZE = 96
"""Pixels to which small pictures are enlarged for what is trained through AlexNet: its first kernel
is 11 px wide, every 4 px, and would see no detail of 64."""

_ALEXNET = tuple(f"conv{i}" for i in range(1, 6))
_VGG16 = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")


@functools.cache
def lpips_alexnet() -> dict[str, Any]:
    """Reads the trunk ("AlexNet_0") and heads ("NetLinLayer_0" …), once a process."""
    return read_numpy_pickle(LPIPS_ALEXNET.fetch())


def alexnet_trunk(layers: Sequence[str] = _ALEXNET, dtype: str = "float32") -> FrozenTrunk:
    """Builds the AlexNet of LPIPS.

    It gives the activations "conv1" … "conv5" of images ``[N, H, W, 3]`` in [-1, 1].
    """
    trunk = lpips_alexnet()["AlexNet_0"]
    weights = [trunk[f"Conv_{i}"] for i in range(5)]
    return FrozenTrunk(
        _ALEXNET,
        ("conv2", "conv3"),
        3,
        weights,
        (4, 2),
        31,
        layers,
        "torchvision",
        name="alexnet",
        dtype=dtype,
    )


class LPIPS:
    """The distance of pictures: 0 for equal ones, about 0.3 to 0.7 for unlike ones.

    Args:
        net: "alex" is faster and the usual metric; "vgg" is the usual loss. Their
            numbers are not comparable.
        dtype: Keras dtype policy of the trunk; distances are computed in float32.

    Attributes:
        version: SHA-256 of the weights.

    Raises:
        UserError: for an unknown ``net``, images that are not RGB or are smaller than
            31 px (alex) or 16 px (vgg), or weights that cannot be brought.
    """

    def __init__(self, net: Literal["alex", "vgg"] = "alex", dtype: str = "float32"):
        if net not in ("alex", "vgg"):
            raise unknown_name("LPIPS network", net, ["alex", "vgg"])
        self.net = net
        if net == "alex":
            self.trunk: FrozenTrunk = alexnet_trunk(dtype=dtype)
            stored, self.version = lpips_alexnet(), LPIPS_ALEXNET.sha256
        else:
            self.trunk = VGG16Features(_VGG16, dtype=dtype)
            stored, self.version = lpips_vgg16(), LPIPS_VGG16.sha256
        heads = (stored[f"NetLinLayer_{i}"]["Conv_0"]["kernel"] for i in range(5))
        self.heads = [np.array(head, np.float32).reshape(-1) for head in heads]
        spec = tf.TensorSpec([None, None, None, 3], tf.float32)
        self._embed = tf.function(self.embedding, input_signature=[spec], autograph=False)

    def __call__(self, a, b):
        """Computes the distances of float images ``a`` and ``b`` ``[N, H, W, 3]`` in [-1, 1].

        Returns:
            float32 ``[N]``; differentiable in both.
        """
        total = 0.0
        features = zip(self._normalised(a), self._normalised(b), self.heads, strict=True)
        for mine, theirs, head in features:
            total += tf.reduce_mean(tf.square(mine - theirs) @ head[:, None], [1, 2, 3])
        return total

    def embed(self, images, batch_size: int = 32) -> np.ndarray:
        """Computes vectors whose squared Euclidean distance is LPIPS.

        For all pairs of many pictures: each picture goes through the network once, and
        the rest is a matrix product. A vector has 31,872 numbers at 64 px and a million
        at 256 px with "alex", and 0.5 and 8.1 million with "vgg".

        Args:
            images: float ``[N, H, W, 3]`` in [-1, 1], all of one size.
            batch_size: How many go through the network at a time.

        Returns:
            float32 ``[N, D]``.
        """
        images = np.asarray(seen_in_rgb(np.asarray(images, np.float32)))
        # The graph is for any size; in one that is too small TensorFlow divides by zero.
        if images.size and min(images.shape[1:3]) < self.trunk.smallest:
            raise UserError(
                f"LPIPS with {self.net!r} needs pictures of at least {self.trunk.smallest} px, "
                f"these have {images.shape[1]} x {images.shape[2]}."
            )
        starts = range(0, len(images), batch_size)
        parts = [self._embed(images[i : i + batch_size]).numpy() for i in starts]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def embedding(self, images):
        """Computes the vectors of :meth:`embed` in the graph of a caller, differentiably."""
        parts = []
        for feature, head in zip(self._normalised(images), self.heads, strict=True):
            pixels = tf.cast(tf.shape(feature)[1] * tf.shape(feature)[2], tf.float32)
            # The heads are never negative: they were trained so.
            scaled = feature * (np.sqrt(head) * tf.math.rsqrt(pixels))
            parts.append(tf.reshape(scaled, [tf.shape(feature)[0], -1]))
        return tf.concat(parts, 1)

    def _normalised(self, images) -> list:
        """Returns activations whose channels have unit length at each pixel, in float32."""
        result = []
        for feature in self.trunk(tf.convert_to_tensor(images)):
            wide = tf.cast(feature, tf.float32)
            # Inside the root, so that the gradient of an all-zero pixel is 0 and not NaN.
            squares = tf.reduce_sum(tf.square(wide), -1, keepdims=True)
            result.append(wide * tf.math.rsqrt(squares + 1e-20))
        return result


@functools.cache
def lpips(net: Literal["alex", "vgg"] = "alex", dtype: str = "float32") -> LPIPS:
    """Returns the one :class:`LPIPS` of this process."""
    return LPIPS(net, dtype)
