"""Resampling with a low-pass filter, as StyleGAN2 does it.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), appendix B; Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from .equalized import EqualizedConv2D

TAPS = (1.0, 3.0, 3.0, 1.0)


def upfirdn2d(
    x,
    taps: Sequence[float] = TAPS,
    up: int = 1,
    down: int = 1,
    pad: tuple[int, int] = (0, 0),
    gain: float = 1.0,
):
    """Inserts zeros, pads, filters and keeps every ``down``-th pixel, in this order.

    The filter is the outer product of ``taps``, scaled to the sum ``gain``; it is a
    convolution: the filter is turned round.

    Args:
        x: ``[N, H, W, C]``, floats; H, W and C known.
        taps: The one-dimensional filter.
        up: Each pixel is followed by ``up - 1`` zeros, in both directions.
        down: Which pixels are kept.
        pad: Rows and columns of zeros before and after.
        gain: What a constant image without zeros is multiplied by.

    Returns:
        ``[N, (H · up + pad - len(taps)) // down + 1, …, C]``.
    """
    channels = x.shape[-1]
    if up > 1:
        h, w = x.shape[1:3]
        # Rows, then columns: LiteRT pads tensors of at most five dimensions.
        zeros = [[0, 0], [0, 0], [0, up - 1], [0, 0]]
        x = tf.pad(tf.reshape(x, [-1, h, 1, w * channels]), zeros)
        x = tf.pad(tf.reshape(x, [-1, h * up * w, 1, channels]), zeros)
        x = tf.reshape(x, [-1, h * up, w * up, channels])
    if any(pad):
        x = tf.pad(x, [[0, 0], list(pad), list(pad), [0, 0]])
    kernel = np.outer(taps, taps)[::-1, ::-1, None, None] * (gain / np.sum(taps) ** 2)
    kernel = tf.cast(np.tile(kernel, (1, 1, channels, 1)), x.dtype)
    return tf.nn.depthwise_conv2d(x, kernel, [1, down, down, 1], "VALID")


def upsample2d(x, taps: Sequence[float] = TAPS):
    """Doubles height and width of ``[N, H, W, C]``; a constant keeps its value."""
    n = len(taps)
    return upfirdn2d(x, taps, up=2, pad=((n + 1) // 2, (n - 2) // 2), gain=4.0)


def downsample2d(x, taps: Sequence[float] = TAPS):
    """Halves height and width of ``[N, H, W, C]``; a constant keeps its value."""
    n = len(taps)
    return upfirdn2d(x, taps, down=2, pad=((n - 1) // 2, (n - 2) // 2))


def upsample_conv2d(x, weight, taps: Sequence[float] = TAPS):
    """Doubles ``[N, H, W, C]`` and correlates it with ``weight`` ``[k, k, C, F]``.

    The same as :func:`upsample2d` and a convolution, but that zeros are only padded once.
    """
    k, n = weight.shape[0], len(taps)
    if k == 1:
        return upsample2d(tf.nn.conv2d(x, weight, 1, "VALID"), taps)
    h, w = (2 * (size - 1) + k for size in x.shape[1:3])
    filters = weight.shape[3]
    turned = tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2])
    y = tf.nn.conv2d_transpose(x, turned, [tf.shape(x)[0], h, w, filters], 2, "VALID")
    y = tf.ensure_shape(y, [x.shape[0], h, w, filters])
    p = n - 2 - (k - 1)
    return upfirdn2d(y, taps, pad=((p + 1) // 2 + 1, p // 2 + 1), gain=4.0)


def conv_downsample2d(x, weight, taps: Sequence[float] = TAPS):
    """Correlates ``[N, H, W, C]`` with ``weight`` ``[k, k, C, F]`` and halves it.

    The same as a convolution and :func:`downsample2d`, but that zeros are only padded once.
    """
    k = weight.shape[0]
    if k == 1:
        return tf.nn.conv2d(downsample2d(x, taps), weight, 1, "VALID")
    p = len(taps) - 2 + (k - 1)
    x = upfirdn2d(x, taps, pad=((p + 1) // 2, p // 2))
    return tf.nn.conv2d(x, weight, 2, "VALID")


@keras.saving.register_keras_serializable("tf_fewshot")
class FilteredConv2D(EqualizedConv2D):
    """Convolution with an equalized learning rate and filtered resampling.

    Args:
        filters, kernel_size, gain, lrmul, use_bias: See :class:`EqualizedConv2D`.
        resample: "up" doubles the image before the convolution, "down" halves it after;
            None is a plain convolution.
        taps: The low-pass filter, of at least two numbers.

    Input ``[N, H, W, C]``, output ``[N, H', W', filters]``, floats.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        resample: str | None = None,
        taps: Sequence[float] = TAPS,
        gain: float = 1.0,
        lrmul: float = 1.0,
        use_bias: bool = True,
        **kwargs,
    ):
        super().__init__(
            filters, kernel_size, resample, gain=gain, lrmul=lrmul, use_bias=use_bias, **kwargs
        )
        self.taps = tuple(float(t) for t in taps)

    def call(self, x):
        return self._add_bias(self._with_weight(lambda weight: self._convolved(x, weight)))

    def _convolved(self, x, weight):
        if self.resample == "up":
            return upsample_conv2d(x, weight, self.taps)
        if self.resample == "down":
            return conv_downsample2d(x, weight, self.taps)
        return tf.nn.conv2d(x, weight, 1, "SAME")

    def get_config(self) -> dict:
        config = {k: v for k, v in super().get_config().items() if k != "fused"}
        return {**config, "taps": list(self.taps)}
