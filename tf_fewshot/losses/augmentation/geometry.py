"""Random affine maps of the plane, and pictures seen through them.

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data"
(NeurIPS 2020), appendix B: pixel blitting and general geometric transformations.

Maps are float32 ``[N, 3, 3]`` on columns (x, y, 1): pixels to the right and down from the
centre of a picture. Each transformation here gives the *inverse* of its map, which
says where a pixel of the result comes from.
"""

from __future__ import annotations

import math

import tensorflow as tf

from .draws import Draws


def scaling(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns maps that stretch by ``[N]`` factors."""
    zero = tf.zeros_like(x)
    return _affine(x, zero, zero, zero, y, zero)


def rotation(cos: tf.Tensor, sin: tf.Tensor) -> tf.Tensor:
    """Returns maps that turn by an angle from x to y, of ``[N]`` cosines and sines."""
    zero = tf.zeros_like(cos)
    return _affine(cos, -sin, zero, sin, cos, zero)


def translation(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns maps that move by ``[N]`` pixels."""
    zero, one = tf.zeros_like(x), tf.ones_like(x)
    return _affine(one, zero, x, zero, one, y)


def _affine(*entries: tf.Tensor) -> tf.Tensor:
    zero, one = tf.zeros_like(entries[0]), tf.ones_like(entries[0])
    return tf.reshape(tf.stack([*entries, zero, zero, one], -1), [-1, 3, 3])


def warp(images: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Returns pictures whose pixels are those of ``images`` at the places that ``inverse`` gives.

    Between pixels it interpolates bilinearly; beyond the border pictures go on
    mirrored, without their last row or column twice. Maps of whole pixels are exact.
    The paper's own resampling is twice as fine and low-passes by orthogonal wavelets,
    which spares shrunken pictures the aliasing that they have here.

    Args:
        images: float32 ``[N, H, W, C]``.
        inverse: float32 ``[N, 3, 3]``; gradients do not flow to it.

    Returns:
        float32 ``[N, H, W, C]``, between the least and the largest value of each picture.
    """
    count, channels = tf.shape(images)[0], images.shape[-1]
    height, width = images.shape[1:3]
    x = tf.range(width, dtype=tf.float32) - (width - 1) / 2
    y = (tf.range(height, dtype=tf.float32) - (height - 1) / 2)[:, None]
    entry = tf.stop_gradient(inverse)[:, :, :, None, None]
    columns = entry[:, 0, 0] * x + entry[:, 0, 1] * y + entry[:, 0, 2] + (width - 1) / 2
    rows = entry[:, 1, 0] * x + entry[:, 1, 1] * y + entry[:, 1, 2] + (height - 1) / 2

    left, right, across = _neighbours(columns, width)
    top, bottom, down = _neighbours(rows, height)
    # One gather of all four neighbours: its gradient is one scatter.
    first = (tf.range(count) * height)[:, None, None]
    above, below = (first + top) * width, (first + bottom) * width
    places = tf.stack([above + left, above + right, below + left, below + right])
    shares = tf.stack(
        [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
    )
    pixels = tf.gather(tf.reshape(images, [-1, channels]), places)
    return tf.reduce_sum(pixels * shares[..., None], 0)


def _neighbours(places: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the pixels before and after each place of an axis, and the share of the second."""
    # The border pixels are the mirrors; a single pixel is its own reflection.
    period = 2.0 * max(size - 1, 1)
    folded = tf.math.floormod(places, period)
    folded = tf.clip_by_value(tf.minimum(folded, period - folded), 0.0, size - 1.0)
    before = tf.floor(folded)
    index = tf.cast(before, tf.int32)
    return index, tf.minimum(index + 1, size - 1), folded - before


# Pixel blitting ---------------------------------------------------------------------------


def flip(draws: Draws) -> tf.Tensor:
    """Mirrors left to right, half of the time."""
    flipped = draws.sometimes() & (draws.choice(2) == 1)
    one = tf.ones_like(flipped, tf.float32)
    return scaling(tf.where(flipped, -one, one), one)


def quarter_turns(draws: Draws) -> tf.Tensor:
    """Turns by 0, 90, 180 or 270 degrees."""
    turns = tf.where(draws.sometimes(), draws.choice(4), 0)
    # From a table: the cosine of π/2 in float32 is not 0.
    return rotation(
        tf.gather([1.0, 0.0, -1.0, 0.0], turns), tf.gather([0.0, 1.0, 0.0, -1.0], turns)
    )


def whole_shift(draws: Draws) -> tf.Tensor:
    """Moves by whole pixels, at most an eighth of the size."""
    height, width = draws.size
    moved = draws.sometimes()
    x = tf.round(draws.uniform(-0.125, 0.125) * width)
    y = tf.round(draws.uniform(-0.125, 0.125) * height)
    return translation(tf.where(moved, -x, 0.0), tf.where(moved, -y, 0.0))


# General geometric transformations -----------------------------------------------------------


def scale(draws: Draws) -> tf.Tensor:
    """Scales by a log-normal factor."""
    factor = tf.where(draws.sometimes(), tf.exp(draws.normal(0.2 * math.log(2))), 1.0)
    return scaling(1 / factor, 1 / factor)


def turn(draws: Draws) -> tf.Tensor:
    """Turns by any angle. Before and after :func:`stretch`: one of the two has probability p."""
    angle = draws.uniform(-math.pi, math.pi)
    angle = tf.where(draws.sometimes(1 - tf.sqrt(1.0 - draws.p)), angle, 0.0)
    return rotation(tf.cos(angle), tf.sin(angle))


def stretch(draws: Draws) -> tf.Tensor:
    """Stretches wider and lower, or the other way, by a log-normal factor."""
    factor = tf.where(draws.sometimes(), tf.exp(draws.normal(0.2 * math.log(2))), 1.0)
    return scaling(1 / factor, factor)


def shift(draws: Draws) -> tf.Tensor:
    """Moves by fractions of pixels, normally distributed."""
    height, width = draws.size
    moved = draws.sometimes()
    x, y = draws.normal(0.125) * width, draws.normal(0.125) * height
    return translation(tf.where(moved, -x, 0.0), tf.where(moved, -y, 0.0))


BLITTING = (flip, quarter_turns, whole_shift)
GENERAL = (scale, turn, stretch, turn, shift)


def random_inverse(draws: Draws, transformations=(*BLITTING, *GENERAL)) -> tf.Tensor:
    """Returns the inverse ``[N, 3, 3]`` of the transformations, one after the other."""
    inverse, *others = (transformation(draws) for transformation in transformations)
    for other in others:
        inverse = tf.matmul(inverse, other)
    return inverse
