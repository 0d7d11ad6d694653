"""A Gaussian in place of the prior of latents.

Source: Bojanowski et al., "Optimizing the Latent Space of Generative Networks" (2018), section
3: samples are drawn from a Gaussian that is fitted to the latents of the training pictures.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("tf_fewshot")
class LatentGaussian(keras.layers.Layer):
    """Carries latents ``[N, D]`` of N(0, I) to N(mean, C): ``x @ root + mean``, in float32.

    It begins as the identity, and is never trained but fitted.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.trainable = False

    def build(self, input_shape):
        dim = input_shape[-1]
        self.root = self.add_weight(
            shape=(dim, dim), name="root", initializer=_identity, trainable=False
        )
        self.mean = self.add_weight(shape=(dim,), name="mean", initializer="zeros", trainable=False)

    def call(self, x):
        return ops.matmul(ops.cast(x, "float32"), self.root) + self.mean

    def fit(self, latents: np.ndarray, scale: np.ndarray | float = 1.0) -> None:
        """Takes the Gaussian of latents in place of the one that they are latents of.

        Args:
            latents: ``[N, D]``, as the layer takes them now; see :func:`gaussian_of`.
            scale: ``[D]`` or a number: the layer takes ``scale * latents``.
        """
        mean, root = gaussian_of(latents)
        scale = np.broadcast_to(np.asarray(scale, np.float64), mean.shape)
        before = self.root.numpy().astype(np.float64)
        self.mean.assign(mean * scale @ before + self.mean.numpy())
        self.root.assign((root / scale[:, None] * scale) @ before)


def gaussian_of(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[D]`` and symmetric root ``[D, D]`` of the covariance of latents ``[N, D]``.

    The covariance is divided by N - 1. One latent has none: all samples are that latent.
    """
    latents = np.asarray(latents, np.float64)
    mean = latents.mean(0)
    _, values, axes = np.linalg.svd(latents - mean, full_matrices=False)
    return mean, axes.T * (values / np.sqrt(max(len(latents) - 1, 1))) @ axes


def standardised(latents: np.ndarray) -> np.ndarray:
    """What the Gaussian of latents ``[N, D]`` carries to them, float32 ``[N, D]``."""
    mean, root = gaussian_of(latents)
    return ((latents - mean) @ np.linalg.pinv(root, 1e-6, hermitian=True)).astype(np.float32)


def _identity(shape, dtype=None):
    return ops.eye(shape[0], dtype=dtype)
