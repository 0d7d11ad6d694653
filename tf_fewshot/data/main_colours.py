"""The main colours of pictures, and pictures in the colours that others have at the same place."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Levels of a channel that count as one colour, and what must be of it in a picture.
_LEVELS, _LEAST = 16, 0.015
# How far main colours of a picture are apart.
_APART = 36.0
# How far from the nearest of them a pixel moves half of its way, so that shades stay shades, and
# what is of no main colour stays as it is.
_REACH = 80.0
# Which share of the pixels around one must be like it for it to be none of an edge, unless it is
# this near to a colour.
_ALIKE, _EXACT = 0.45, 12.0
# How much of two colours must be at the same place for one to become the other: 1 is all.
_TOGETHER = 0.3
# Places are compared on a grid of so many rows and columns.
_GRID = 16


class MainColours:
    """The colours that cover most of each of some pictures, and where these are.

    Args:
        images: uint8 ``[N, H, W, C]``.
        count: How many are looked for in each picture, ``K``.

    Attributes:
        colours: float32 ``[N, K, C]`` in [0, 255], those that cover most first.
        known: bool ``[N, K]``: which of them there are.
        places: float32 ``[N, K, 256]``: how much of each cell of a grid they cover.
    """

    def __init__(self, images: np.ndarray, count: int):
        number, channels = len(images), images.shape[-1]
        self.colours = np.zeros((number, count, channels), np.float32)
        self.known = np.zeros((number, count), bool)
        for n, image in enumerate(images):
            found = _largest(image.reshape(-1, channels), count)
            self.colours[n, : len(found)] = np.reshape(found, (-1, channels))
            self.known[n, : len(found)] = True
        self.places = np.zeros((number, count, _GRID**2), np.float32)
        for n, image in enumerate(images):
            shares = _shares(tf.constant(image[None], tf.float32), *self._of([n]))
            grid = tf.image.resize(tf.transpose(shares, [0, 2, 3, 1]), [_GRID] * 2, "area")
            self.places[n] = np.reshape(grid[0], (-1, count)).T
        self._tensors = [tf.constant(x) for x in (self.colours, self.known, self.places)]

    def _of(self, numbers) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.constant(self.colours[numbers]), tf.constant(self.known[numbers])

    def exchanged(self, images: tf.Tensor, own: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Gives pictures the colours that others have where theirs are.

        Each colour becomes that of the other picture that shares most of its place with it, and
        what is near a colour moves along with it. One that finds none at its place stays.

        Args:
            images: float32 ``[B, H, W, C]`` in [-1, 1].
            own: int32 ``[B]``, which of the pictures these are.
            other: int32 ``[B]``, whose colours they are to have.

        Returns:
            float32 ``[B, H, W, C]`` in [-1, 1].
        """
        (mine, known, here), (others, _, there) = (
            [tf.gather(x, numbers) for x in self._tensors] for numbers in (own, other)
        )
        both = 2.0 * tf.einsum("bkp,blp->bkl", here, there)
        sizes = tf.reduce_sum(here, -1)[:, :, None] + tf.reduce_sum(there, -1)[:, None]
        together = both / tf.maximum(sizes, 1e-6)
        nearest = tf.gather(others, tf.argmax(together, -1), batch_dims=1)
        found = tf.reduce_max(together, -1, keepdims=True) >= _TOGETHER
        moves = tf.where(found, nearest - mine, 0.0) / 127.5
        shares = _shares((images + 1.0) * 127.5, mine, known)
        return tf.clip_by_value(images + tf.einsum("bkhw,bkc->bhwc", shares, moves), -1.0, 1.0)


def _largest(pixels: np.ndarray, count: int) -> list[np.ndarray]:
    """Returns the colours that cover most, each the mean of its pixels."""
    digits = (256 // _LEVELS) ** np.arange(pixels.shape[1])
    cells = (pixels // _LEVELS).astype(np.int64) @ digits
    values, inverse, counts = np.unique(cells, return_inverse=True, return_counts=True)
    found: list[np.ndarray] = []
    # Of equal ones, the darker first: an order that no version of NumPy changes.
    for i in np.lexsort((values, -counts)):
        if counts[i] < _LEAST * len(cells) or len(found) == count:
            break
        colour = pixels[inverse.reshape(-1) == i].mean(0)
        if all(np.linalg.norm(colour - other) > _APART for other in found):
            found.append(colour)
    return found


def _shares(images: tf.Tensor, colours: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """How much each pixel is of which colour, float32 ``[B, K, H, W]``, 1 in all or less.

    A pixel that is near none of them, or like none around it, is one on an edge: it is of what is
    around it, since a mixture of two colours may look like a third.
    """
    # |x - c|² by its parts, so that nothing has both colours and channels for every pixel.
    squares = tf.reduce_sum(tf.square(images), -1)[:, None]
    squares += tf.reduce_sum(tf.square(colours), -1)[:, :, None, None]
    squares -= 2.0 * tf.einsum("bhwc,bkc->bkhw", images, colours)
    # A colour that there is not is infinitely far.
    squares = tf.where(known[:, :, None, None], tf.maximum(squares, 1.0), np.inf)
    inverse = 1.0 / tf.square(squares)
    alone = tf.math.divide_no_nan(inverse, tf.reduce_sum(inverse, 1, keepdims=True))
    nearest = tf.reduce_min(squares, 1, keepdims=True)
    own = alone * tf.pow(2.0, -tf.square(nearest / _REACH**2))
    alike = tf.reduce_sum(own * _around(own), 1, keepdims=True)
    sure = tf.maximum(tf.sigmoid((alike - _ALIKE) * 20.0), tf.pow(2.0, -nearest / _EXACT**2))
    around = tf.math.divide_no_nan(_around(sure * own), _around(sure))
    return sure * own + (1.0 - sure) * around


def _around(values: tf.Tensor) -> tf.Tensor:
    """Returns the means ``[B, K, H, W]`` over 3 × 3 pixels."""
    last = tf.transpose(values, [0, 2, 3, 1])
    return tf.transpose(tf.nn.avg_pool2d(last, 3, 1, "SAME"), [0, 3, 1, 2])
