"""Latents of the parts of pictures in place of the prior of latents."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .by_row import RowValues, row_values

# Of codes of more pictures than a part has components; they are the same everywhere.
_CODES_SEED = 20190711
# By how much the logit of a picture is above all others where it is drawn whole.
_ABOVE = 16.0


@keras.saving.register_keras_serializable("tf_fewshot")
class LatentParts(keras.layers.Layer):
    """Carries latents of N(0, I) to latents whose parts are those of different pictures.

    Each part has its own components of ``x``. They are compared with a code of each picture, and
    a softmax of that says how much of this part is of which picture: mostly one, and between two
    of them something of both. What it gives is the sum over the parts of the pictures' latents
    of this part, so weighted, in float32. It is never trained but fitted; until then it gives
    what would be there without it.

    Source: this project. That latents are fitted to pictures is of Bojanowski et al.,
    "Optimizing the Latent Space of Generative Networks" (2018).

    Args:
        parts: How many parts, ``R``.
        pictures: How many pictures, ``K``.
        size: Of what it gives, ``D``.
        sharpness: Factor of the softmax's logits: with a large one each part is of one picture
            nearly everywhere.

    Input: latents ``[N, R or more]``, and what is there without it, ``[N, D]``. Output: float32
    ``[N, D]``.
    """

    by_row = ("mean_and_parts",)

    def __init__(self, parts: int, pictures: int, size: int, sharpness: float, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if min(parts, pictures, size) < 1 or sharpness <= 0.0:
            raise ValueError(
                "parts, pictures, size and sharpness must be positive, not "
                f"{parts}, {pictures}, {size} and {sharpness}"
            )
        self.parts, self.pictures, self.size = parts, pictures, size
        self.sharpness = sharpness
        self.trainable = False

    def build(self, x_shape=None, otherwise_shape=None):
        # One variable, so that parts of other pictures take over nothing of these.
        self.mean_and_parts = self.add_weight(
            shape=(1 + self.parts * self.pictures, self.size),
            name="mean_and_parts",
            initializer="zeros",
            trainable=False,
        )

    def shares(self, x):
        """How much of each part is of which picture, float32 ``[N, parts, pictures]``."""
        dim = x.shape[-1] // self.parts
        own = ops.reshape(ops.cast(x, "float32")[:, : self.parts * dim], (-1, self.parts, dim))
        logits = ops.matmul(own, self._codes(dim).T)
        return ops.softmax(self.sharpness * logits, axis=-1)

    def call(self, x, otherwise):
        shares = ops.reshape(self.shares(x), (-1, self.parts * self.pictures))
        drawn = ops.matmul(shares, self.mean_and_parts[1:]) + self.mean_and_parts[0]
        all_rows = self._chosen(drawn, otherwise)
        own = row_values(self.mean_and_parts)
        if own is None:
            return all_rows
        drawn = ops.matmul(shares[:, None], own.values[:, 1:])[:, 0]
        return RowValues(drawn + own.values[:, 0], own.share).over(all_rows)

    def centre(self, otherwise):
        """Their mean ``[D]``, or ``[N, D]`` if rows have their own.

        Until they are fitted, it is what is there without it.
        """
        all_rows = self._chosen(self.mean_and_parts[0], otherwise)
        own = row_values(self.mean_and_parts)
        return all_rows if own is None else RowValues(own.values[:, 0], own.share).over(all_rows)

    def _chosen(self, drawn, otherwise):
        fitted = ops.any(ops.not_equal(self.mean_and_parts, 0.0))
        return ops.where(fitted, drawn, ops.cast(otherwise, "float32"))

    def _codes(self, dim: int) -> np.ndarray:
        """Unit vectors ``[pictures, dim]``: both ends of axes, where these are enough."""
        if self.pictures <= 2 * dim:
            axes = np.concatenate([np.eye(dim), -np.eye(dim)])
            return axes[: self.pictures].astype(np.float32)
        codes = np.random.default_rng(_CODES_SEED).standard_normal((self.pictures, dim))
        return (codes / np.linalg.norm(codes, axis=1, keepdims=True)).astype(np.float32)

    def fit(self, latents: np.ndarray, origin: np.ndarray) -> None:
        """Takes the latents of the parts.

        Args:
            latents: ``[parts, pictures, D]``, each with the other parts at ``origin``.
            origin: ``[D]``. The latent of a picture is ``origin`` and the sum over its parts of
                how far each leads away from it.

        What leads away from the mean is rounded to float16: adapters, whose largest part it is,
        are compressed.
        """
        away = np.asarray(latents, np.float64) - origin
        means = away.mean(1, keepdims=True)
        rows = (away - means).astype(np.float16).reshape(-1, self.size)
        mean = origin + means.sum(0)
        self.mean_and_parts.assign(np.concatenate([mean, rows]))

    def reset(self) -> None:
        """Forgets what it was fitted to."""
        self.mean_and_parts.assign(np.zeros(self.mean_and_parts.shape))

    def coordinates(self, latents: np.ndarray, dim: int) -> np.ndarray:
        """What it carries to these of the latents that it was fitted to, float32 ``[N, dim]``.

        Args:
            latents: ``[N, D]``, of whole pictures.
            dim: Size of ``z``.
        """
        mean, *rows = self.mean_and_parts.numpy().astype(np.float64)
        whole = mean + np.reshape(rows, (self.parts, self.pictures, self.size)).sum(0)
        distances = np.linalg.norm(np.asarray(latents)[:, None] - whole[None], axis=-1)
        codes = self._codes(dim // self.parts)
        alike = codes @ codes.T - 2.0 * np.eye(self.pictures)
        far = _ABOVE / self.sharpness / (1.0 - alike.max(1, keepdims=True))
        z = np.tile((far * codes)[distances.argmin(1)], (1, self.parts))
        return np.pad(z, ((0, 0), (0, dim - z.shape[1]))).astype(np.float32)

    def get_config(self) -> dict:
        mine = {name: getattr(self, name) for name in ("parts", "pictures", "size", "sharpness")}
        return {**super().get_config(), **mine}
