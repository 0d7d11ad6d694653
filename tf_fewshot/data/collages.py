"""Pictures that are put together of the bands and the colours of others."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .augment import to_float
from .main_colours import MainColours


def bands(height: int, parts: int, seam: float) -> np.ndarray:
    """How much of each row of a picture belongs to which band, float32 ``[parts, height]``.

    Args:
        height: Of the pictures.
        parts: How many bands, one below the other.
        seam: How wide the passage from one to the next is, as a share of the height: there what
            was above is still seen by 12 to 88 in 100.
    """
    rows = (np.arange(height) + 0.5) / height
    # A logistic function goes from 12 to 88 of 100 within four of its units.
    cuts = np.arange(1, parts)[:, None] / parts
    below = 1.0 / (1.0 + np.exp(-(rows - cuts) * 4.0 / seam))
    edges = np.concatenate([np.ones((1, height)), below, np.zeros((1, height))])
    return (edges[:-1] - edges[1:]).astype(np.float32)


class Collages:
    """Collages of some pictures: each band is that of one, and the colours are those of one.

    Args:
        images: uint8 ``[N, H, W, C]``.
        parts: How many bands; 1 cuts nothing.
        colours: How many main colours of a picture are exchanged; 0 leaves bands in their own.
        seam: See :func:`bands`.

    Attributes:
        choices: How many pictures a collage is made of: one a band, and one for the colours if
            these are exchanged.
    """

    def __init__(self, images: np.ndarray, parts: int, colours: int, seam: float):
        self.choices = parts + (colours > 0)
        self._images = tf.constant(images)
        self._bands = tf.constant(bands(images.shape[1], parts, seam))
        self._colours = MainColours(images, colours) if colours else None

    def __call__(self, chosen: tf.Tensor) -> tf.Tensor:
        """Returns collages, float32 ``[N, H, W, C]`` in [-1, 1].

        Args:
            chosen: int32 ``[N, choices]``, numbers of pictures; the last is that of the colours.
        """
        total = tf.constant(0.0)
        for part, band in enumerate(tf.unstack(self._bands)):
            pictures = to_float(tf.gather(self._images, chosen[:, part]))
            if self._colours is not None:
                pictures = self._colours.exchanged(pictures, chosen[:, part], chosen[:, -1])
            total += band[:, None, None] * pictures
        return total
