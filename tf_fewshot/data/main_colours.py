"""The colours that set pictures apart from others of their kind, and pictures in other colours."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Levels of a channel that count as one colour.
_LEVELS = 16
# What must be of a colour for a picture to have it at all, and to have it as a main colour.
_HAS, _MAIN = 0.02, 0.03
# How far main colours of a picture are apart, and how far from one of them a pixel has e^-½ of it.
_APART, _REACH = 48.0, 40.0


def main_colours(images: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the colours that cover most of a picture and that few of the others have.

    A colour counts by the share of the picture that it covers times the share of the other
    pictures that do not have it. So a background or an outline that all pictures share is none.

    Args:
        images: uint8 ``[N, H, W, C]``.
        count: How many are looked for in each picture, ``K``.

    Returns:
        The colours, float32 ``[N, K, C]`` in [0, 255], most important first, and bool ``[N, K]``:
        which of them there are.
    """
    number, channels = len(images), images.shape[-1]
    pixels = images.reshape(number, -1, channels)
    base = 256 // _LEVELS
    cells = (pixels // _LEVELS).astype(np.int64) @ base ** np.arange(channels)
    shares = [dict(zip(*_counted(c), strict=True)) for c in cells]
    having: dict[int, int] = {}
    for share in shares:
        for cell, part in share.items():
            having[cell] = having.get(cell, 0) + (part >= _HAS)
    colours = np.zeros((number, count, channels), np.float32)
    known = np.zeros((number, count), bool)
    for n, share in enumerate(shares):
        others = max(number - 1, 1)
        rare = {c: p * (1 - (having[c] - 1) / others) for c, p in share.items() if p >= _MAIN}
        # Of the same weight, the lower number: the order of a dictionary is no reason.
        ranked = sorted((c for c in rare if rare[c] > 0), key=lambda c: (-rare[c], c))
        found: list[np.ndarray] = []
        for cell in ranked:
            colour = pixels[n][cells[n] == cell].mean(0)
            if len(found) < count and all(np.linalg.norm(colour - f) > _APART for f in found):
                found.append(colour)
        colours[n, : len(found)] = np.reshape(found, (-1, channels))
        known[n, : len(found)] = True
    return colours, known


def _counted(cells: np.ndarray) -> tuple[list[int], list[float]]:
    values, counts = np.unique(cells, return_counts=True)
    return values.tolist(), (counts / len(cells)).tolist()


def recoloured(images: tf.Tensor, own: tf.Tensor, other: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Gives pictures the main colours of others: what is near one of their own moves along with it.

    Args:
        images: float32 ``[N, H, W, C]`` in [-1, 1].
        own: Their main colours, float32 ``[N, K, C]`` in [-1, 1].
        other: What these become, of the same shape.
        known: bool ``[N, K]``: which of them both have.

    Returns:
        float32 ``[N, H, W, C]`` in [-1, 1].
    """
    reach = _REACH / 127.5
    squares = tf.reduce_sum(tf.square(images[:, None] - own[:, :, None, None]), -1)
    near = tf.exp(squares / (-2.0 * reach**2)) * tf.cast(known, tf.float32)[..., None, None]
    near /= tf.maximum(1.0, tf.reduce_sum(near, 1, keepdims=True))
    moved = images + tf.einsum("nkhw,nkc->nhwc", near, other - own)
    return tf.clip_by_value(moved, -1.0, 1.0)
