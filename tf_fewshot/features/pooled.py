"""The base of networks that describe a whole picture by one vector."""

from __future__ import annotations

import abc

import numpy as np
import tensorflow as tf

from ..data.channels import in_rgb
from ..errors import UserError


class PooledFeatures(abc.ABC):
    """Maps uint8 images ``[N, H, W, C]`` to features ``[N, dims]``, float32.

    Grey ones and those with opacity are seen as RGB, on white.

    Images are resized to a square (bilinear, antialiased). Not differentiable: it is a measure,
    computed in batches in float32.

    Args:
        size: The side of the square in pixels.
        dims: The size of the vector.
    """

    def __init__(self, size: int, dims: int):
        self.size, self.dims = size, dims
        spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
        self._features = tf.function(self._resized, input_signature=[spec], autograph=False)

    def __call__(self, images, batch_size: int = 32) -> np.ndarray:
        """Computes features float32 ``[N, dims]`` of uint8 images ``[N, H, W, C]``.

        Raises:
            UserError: if images are not uint8, of 1, 3 or 4 channels.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4:
            raise UserError(
                f"features need uint8 images [N, H, W, C], not {images.dtype} {images.shape}."
            )
        images = in_rgb(images)
        starts = range(0, len(images), batch_size)
        parts = [self._features(images[i : i + batch_size]).numpy() for i in starts]
        return np.concatenate([np.zeros((0, self.dims), np.float32), *parts])

    def _resized(self, images):
        size = (self.size, self.size)
        return self._pooled(tf.image.resize(images, size, "bilinear", antialias=True))

    @abc.abstractmethod
    def _pooled(self, pixels: tf.Tensor) -> tf.Tensor:
        """The features of float pixels in [0, 255], ``[N, size, size, 3]``."""
