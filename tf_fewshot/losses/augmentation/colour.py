"""Random affine maps of colours.

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data"
(NeurIPS 2020), appendix B: colour transformations.

Maps are float32 ``[N, 4, 4]`` on columns (red, green, blue, 1), with 0 the middle grey.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from ...errors import UserError
from .draws import Draws

_IDENTITY = np.eye(4, dtype=np.float32)
_RGB = np.diag([1, 1, 1, 0]).astype(np.float32)
_WHITE = np.outer([1, 1, 1, 0], [0, 0, 0, 1]).astype(np.float32)
# Onto the axis of greys, the luma axis; away from it; and a quarter turn around it.
_LUMA = np.pad(np.full((3, 3), 1 / 3), (0, 1)).astype(np.float32)
_CHROMA = _RGB - _LUMA
_CROSS = np.pad(np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3), (0, 1)).astype(
    np.float32
)


def apply(images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Maps the colours of ``[N, H, W, C]`` by ``[N, 4, 4]``.

    Grey pictures become as bright as the colours would be that their grey becomes; opacity stays.

    Raises:
        UserError: for pictures of other than 1, 3 or 4 channels.
    """
    channels = images.shape[-1]
    if channels == 1:
        factor = tf.reduce_mean(tf.reduce_sum(maps[:, :3, :3], 2), 1)[:, None, None, None]
        return images * factor + tf.reduce_mean(maps[:, :3, 3], 1)[:, None, None, None]
    if channels == 4:
        return tf.concat([apply(images[..., :3], maps), images[..., 3:]], -1)
    if channels != 3:
        raise UserError(
            f"Colours are augmented in grey and RGB pictures; these have {channels} channels. "
            'Train with augment="none".'
        )
    turned = tf.einsum("nhwc,ndc->nhwd", images, maps[:, :3, :3])
    return turned + maps[:, None, None, :3, 3]


def _varied(amount: tf.Tensor, direction: np.ndarray) -> tf.Tensor:
    return amount[:, None, None] * direction


def brightness(draws: Draws) -> tf.Tensor:
    """Adds a normally distributed number to all channels."""
    added = tf.where(draws.sometimes(), draws.normal(0.2), 0.0)
    return _IDENTITY + _varied(added, _WHITE)


def contrast(draws: Draws) -> tf.Tensor:
    """Multiplies all channels by a log-normal factor."""
    factor = tf.where(draws.sometimes(), tf.exp(draws.normal(0.5 * math.log(2))), 1.0)
    return _IDENTITY + _varied(factor - 1, _RGB)


def luma_flip(draws: Draws) -> tf.Tensor:
    """Turns light to dark and dark to light half of the time, with the same hue."""
    flipped = draws.sometimes() & (draws.choice(2) == 1)
    return _IDENTITY - _varied(2 * tf.cast(flipped, tf.float32), _LUMA)


def hue(draws: Draws) -> tf.Tensor:
    """Turns colours around the luma axis by any angle."""
    angle = tf.where(draws.sometimes(), draws.uniform(-math.pi, math.pi), 0.0)
    return _IDENTITY + _varied(tf.cos(angle) - 1, _CHROMA) + _varied(tf.sin(angle), _CROSS)


def saturation(draws: Draws) -> tf.Tensor:
    """Multiplies the distance from the luma axis by a log-normal factor."""
    factor = tf.where(draws.sometimes(), tf.exp(draws.normal(math.log(2))), 1.0)
    return _IDENTITY + _varied(factor - 1, _CHROMA)


COLOUR = (brightness, contrast, luma_flip, hue, saturation)


def random_map(draws: Draws, transformations=COLOUR) -> tf.Tensor:
    """Returns the map ``[N, 4, 4]`` of the transformations, one after the other."""
    result, *others = (transformation(draws) for transformation in transformations)
    for other in others:
        result = tf.matmul(other, result)
    return result
