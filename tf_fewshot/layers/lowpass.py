"""Low-pass filters by design, and resampling with them.

Source: Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021), section 3 and
appendices B and C: Kaiser's window over a sinc, or over a jinc where the filter must look alike in
all directions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Pixels along an axis that one matrix takes; longer axes are cut into pieces of this length.
_PIECE = 64


def kaiser_lowpass(taps: int, cutoff: float, width: float, rate: float) -> np.ndarray:
    """Designs a filter along one axis, float64 ``[taps]``, whose sum is 1.

    Args:
        taps: Its length.
        cutoff: The frequency at which it lets half of the amplitude through.
        width: Of the band over which it goes from all to nothing.
        rate: Samples in the unit that frequencies are of.
    """
    at = (np.arange(taps) - (taps - 1) / 2) / rate
    taken = np.sinc(2 * cutoff * at) * np.kaiser(taps, _kaiser_beta(taps, 2 * width / rate))
    return taken / taken.sum()


def radial_lowpass(taps: int, cutoff: float, width: float, rate: float) -> np.ndarray:
    """Designs a filter that is the same in all directions, ``[taps, taps]``, whose sum is 1.

    Arguments are those of :func:`kaiser_lowpass`; the window is the product of two of its windows.
    """
    # Its import takes time that only these filters need.
    from scipy.special import j1

    at = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(at[:, None], at[None])
    safe = np.where(radius > 0, radius, 1.0)
    jinc = np.where(radius > 0, j1(2 * np.pi * cutoff * safe) / (np.pi * safe), cutoff)
    window = np.kaiser(taps, _kaiser_beta(taps, 2 * width / rate))
    taken = jinc * np.outer(window, window)
    return taken / taken.sum()


def _kaiser_beta(taps: int, width: float) -> float:
    """Kaiser's formulas: the window whose filter has this band, as a part of half the rate."""
    attenuation = 2.285 * (taps - 1) * np.pi * width + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    beyond = max(attenuation - 21, 0.0)
    return 0.5842 * beyond**0.4 + 0.07886 * beyond


class Resampling(NamedTuple):
    """How one axis is resampled: zeros between pixels, zeros around, the filter, every n-th.

    Attributes:
        taps: The filter, symmetric.
        up: Each pixel is followed by ``up - 1`` zeros.
        down: Which are kept.
        before: Zeros that are put before the first pixel; fewer than none crops.
        size: Pixels that come out.
    """

    taps: tuple[float, ...]
    up: int
    down: int
    before: int
    size: int

    def weights(self, outputs: int, first: int, inputs: int) -> np.ndarray:
        """What each of the first outputs takes of inputs from ``first`` on, ``[outputs, inputs]``.

        Zeros between pixels, padding, cropping and striding are all in it.
        """
        i = np.arange(first, first + inputs)
        at = i[None] * self.up + self.before - np.arange(outputs)[:, None] * self.down
        inside = (at >= 0) & (at < len(self.taps))
        return np.where(inside, np.asarray(self.taps)[np.where(inside, at, 0)], 0.0)


def resample(x, how: Resampling):
    """Resamples height and width of ``[N, H, W, C]`` alike; H and W are known.

    Filters are short matrices that pieces of the image are multiplied with: convolutions of single
    channels take several times as long.
    """
    height, width, channels = x.shape[1:]
    x = _along(tf.reshape(x, [-1, height, width * channels]), how)
    x = _along(tf.reshape(x, [-1, width, channels]), how)
    return tf.reshape(x, [-1, how.size, how.size, channels])


def _along(x, how: Resampling):
    """Resamples the middle axis of ``[N, L, C]``."""
    length = x.shape[1]
    if length <= 2 * _PIECE:
        weights = how.weights(how.size, 0, length)
        return tf.matmul(tf.cast(weights, x.dtype), x)
    # Of outputs and inputs that move on together each piece has the same weights.
    together = math.gcd(how.up, how.down)
    pieces = -(-max(_PIECE, len(how.taps)) * together // how.down)
    inputs, outputs = pieces * how.down // together, pieces * how.up // together
    first = -(how.before // how.up)
    last = (len(how.taps) - 1 - how.before + (outputs - 1) * how.down) // how.up
    more = last - first + 1 - inputs
    count = -(-how.size // outputs)
    x = tf.reshape(_shifted(x, first, (count + 1) * inputs), [-1, count + 1, inputs, x.shape[2]])
    x = tf.concat([x[:, :-1], x[:, 1:, :more]], 2)
    y = tf.matmul(tf.cast(how.weights(outputs, first, inputs + more), x.dtype), x)
    return tf.reshape(y, [-1, count * outputs, x.shape[3]])[:, : how.size]


def _shifted(x, first: int, length: int):
    """So many pixels ``[N, length, C]`` from one on, and zeros beyond the first and last."""
    x = x[:, max(first, 0) :]
    before = max(-first, 0)
    x = x[:, : length - before]
    return tf.pad(x, [[0, 0], [before, length - before - x.shape[1]], [0, 0]])
