"""A Gaussian in place of the prior of latents.

Source: Bojanowski et al., "Optimizing the Latent Space of Generative Networks" (2018), section
3: samples are drawn from a Gaussian that is fitted to the latents of the training pictures.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .by_row import RowValues, row_values


@keras.saving.register_keras_serializable("tf_fewshot")
class LatentGaussian(keras.layers.Layer):
    """Carries latents of N(0, I) to a Gaussian of another space, in float32.

    ``x[:, :rank] @ axes + mean``: as many components as the Gaussian has axes, which N pictures
    have at most N - 1 of. It is never trained but fitted; until then it gives what would be
    there without it.

    Args:
        rank: Number of axes.
        size: Of what it gives, ``D``.

    Input: latents ``[N, rank or more]``, and what is there without it, ``[N, D]``. Output:
    float32 ``[N, D]``.
    """

    by_row = ("mean_and_axes",)

    def __init__(self, rank: int, size: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if rank < 1 or size < 1:
            raise ValueError(f"rank and size must be at least 1, not {rank} and {size}")
        self.rank, self.size = rank, size
        self.trainable = False

    def build(self, x_shape=None, otherwise_shape=None):
        # One variable, so that a Gaussian of another rank takes over nothing of this one.
        self.mean_and_axes = self.add_weight(
            shape=(1 + self.rank, self.size),
            name="mean_and_axes",
            initializer="zeros",
            trainable=False,
        )

    def call(self, x, otherwise):
        x = ops.cast(x, "float32")[:, : self.rank]
        drawn = ops.matmul(x, self.mean_and_axes[1:])
        all_rows = self._chosen(drawn + self.mean_and_axes[0], otherwise)
        own = row_values(self.mean_and_axes)
        if own is None:
            return all_rows
        drawn = ops.matmul(x[:, None], own.values[:, 1:])[:, 0]
        return RowValues(drawn + own.values[:, 0], own.share).over(all_rows)

    def centre(self, otherwise):
        """Its mean ``[D]``, or ``[N, D]`` if rows have their own.

        Until it is fitted, it is what is there without it.
        """
        all_rows = self._chosen(self.mean_and_axes[0], otherwise)
        own = row_values(self.mean_and_axes)
        return all_rows if own is None else RowValues(own.values[:, 0], own.share).over(all_rows)

    def _chosen(self, drawn, otherwise):
        fitted = ops.any(ops.not_equal(self.mean_and_axes, 0.0))
        return ops.where(fitted, drawn, ops.cast(otherwise, "float32"))

    def fit(self, latents: np.ndarray) -> None:
        """Takes the Gaussian of latents ``[N, D]``; see :func:`gaussian_of`.

        Of more axes than ``rank`` it takes the longest. They are rounded to float16: adapters,
        whose largest part they are, are compressed.
        """
        mean, axes = gaussian_of(latents)
        axes = axes[: self.rank].astype(np.float16)
        rest = np.zeros((self.rank - len(axes), self.size), np.float16)
        self.mean_and_axes.assign(np.concatenate([mean[None], axes, rest]))

    def reset(self) -> None:
        """Forgets what it was fitted to."""
        self.mean_and_axes.assign(np.zeros(self.mean_and_axes.shape))

    def coordinates(self, latents: np.ndarray, dim: int) -> np.ndarray:
        """What it carries to these of the latents that it was fitted to, float32 ``[N, dim]``."""
        mean, *axes = self.mean_and_axes.numpy().astype(np.float64)
        solved = (latents - mean) @ np.linalg.pinv(np.array(axes), 1e-6)
        return np.pad(solved, ((0, 0), (0, dim - self.rank))).astype(np.float32)

    def get_config(self) -> dict:
        return {**super().get_config(), "rank": self.rank, "size": self.size}


def gaussian_of(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[D]`` and principal axes ``[min(N, D), D]``, the longest first, of latents ``[N, D]``.

    The product of the axes' transpose with them is the covariance, divided by N - 1. One latent
    has none: all samples are that latent.
    """
    latents = np.asarray(latents, np.float64)
    mean = latents.mean(0)
    _, values, axes = np.linalg.svd(latents - mean, full_matrices=False)
    return mean, axes * (values / np.sqrt(max(len(latents) - 1, 1)))[:, None]
