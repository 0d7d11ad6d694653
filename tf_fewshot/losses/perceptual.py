"""Perceptual loss: distances between activations of a frozen VGG16.

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer" (2016), as
BSA (ICCV 2019, section 3.3) uses it: conv1_1 … conv4_3 after ReLU.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..errors import UserError
from ..features import ALEXNET_LEAST_SIZE, BSA_LAYERS, LPIPS, VGG16Features
from ..features.trunk import Preprocess
from ..splitting import means_by_rows

_CACHE_BYTES = 2**29


class PerceptualLoss:
    """Compares images with the training pictures, layer by layer.

    Args:
        pictures: uint8 ``[N, H, W, 3]``. Their activations are computed once and kept
            if they fit in half a gibibyte, else again in every step.
        norm: "l1" (mean absolute difference) or "l2" (mean squared difference).
        weight: A number is λ_C, the fixed weight of every layer. None is adaptive:
            0.1 divided by the layer's own loss, so that each layer pulls alike
            whatever its scale (BSA's recipe for BigGAN).
        preprocess: See :class:`VGG16Features`.
        dtype: Keras dtype policy of VGG16.

    Raises:
        UserError: for an unknown norm.
    """

    def __init__(
        self,
        pictures: np.ndarray,
        norm: str = "l1",
        weight: float | None = None,
        preprocess: Preprocess = "torchvision",
        dtype: str = "float32",
    ):
        if norm not in ("l1", "l2"):
            raise UserError(f"The norm of the perceptual loss is 'l1' or 'l2', not {norm!r}.")
        self._norm, self._weight = norm, weight
        self._vgg = VGG16Features(BSA_LAYERS, preprocess, dtype=dtype)
        self._targets = self._computed_once(pictures)

    def __call__(self, images: tf.Tensor, targets: tf.Tensor, indices: tf.Tensor | None):
        """Returns the loss of images against target pictures.

        Args:
            images: float32 ``[N, H, W, 3]`` in [-1, 1].
            targets: The pictures that they should be, of the same shape.
            indices: int ``[N]``, which of the training pictures those are; None where they are
                others.

        Returns:
            The weighted sum to minimise and the plain sum over the layers.
        """
        total = plain = tf.constant(0.0)
        for loss in self._by_layer(images, targets, indices):
            weight = self._weight
            if weight is None:
                weight = 0.1 / tf.stop_gradient(tf.maximum(loss, 1e-8))
            total += weight * loss
            plain += loss
        return total, plain

    @means_by_rows
    def _by_layer(self, images, targets, indices) -> list[tf.Tensor]:
        if self._targets is None or indices is None:
            wanted = [tf.stop_gradient(f) for f in self._vgg(targets)]
        else:
            wanted = [tf.gather(f, indices) for f in self._targets]
        losses = []
        for feature, target in zip(self._vgg(images), wanted, strict=True):
            difference = tf.cast(feature, tf.float32) - tf.cast(target, tf.float32)
            measure = tf.abs if self._norm == "l1" else tf.square
            losses.append(tf.reduce_mean(measure(difference)))
        return losses

    def _computed_once(self, pictures: np.ndarray) -> list[tf.Tensor] | None:
        def activations(part):
            return self._vgg(tf.cast(part, tf.float32) / 127.5 - 1.0)

        first = activations(pictures[:1])
        if sum(f.shape.num_elements() * f.dtype.size for f in first) * len(pictures) > _CACHE_BYTES:
            return None
        parts = [activations(pictures[i : i + 8]) for i in range(0, len(pictures), 8)]
        return [tf.concat(layer, 0) for layer in zip(*parts, strict=True)]


class LPIPSLoss:
    """Compares images with pictures by LPIPS, through AlexNet.

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
    (CVPR 2018). Smaller pictures are enlarged to 96 pixels first.

    Args:
        weight: Of the distance.
        dtype: Keras dtype policy of AlexNet.
    """

    def __init__(self, weight: float = 1.0, dtype: str = "float32"):
        self._weight, self._lpips = weight, LPIPS("alex", dtype)

    def __call__(self, images: tf.Tensor, targets: tf.Tensor, indices: tf.Tensor | None):
        """Returns the weighted mean distance to minimise, and the plain one.

        Args:
            images: float32 ``[N, H, W, 3]`` in [-1, 1].
            targets: The pictures that they should be, of the same shape.
            indices: Not looked at.
        """
        del indices
        distance = self._distance(images, targets)
        return self._weight * distance, distance

    @means_by_rows
    def _distance(self, images, targets) -> tf.Tensor:
        return tf.reduce_mean(self._lpips(enlarged(images), enlarged(targets)))


def enlarged(images) -> tf.Tensor:
    """Returns images ``[N, H, W, 3]``, of which AlexNet sees detail: of 96 pixels or more."""
    height, width = (max(size, ALEXNET_LEAST_SIZE) for size in images.shape[1:3])
    return tf.image.resize(images, [height, width])
