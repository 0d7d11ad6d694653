"""Resampling by powers of two, also fused with a convolution, and the blur of StyleGAN."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ..compat.gradients import custom_gradient
from .row_layers import RowConv2D


def upscale2d(x):
    """Doubles height and width of ``[N, H, W, C]`` by nearest neighbour."""
    return _doubled(x)


@custom_gradient
def _doubled(x):
    # The gradient sums squares of 2 × 2 pixels. TensorFlow would sum two axes of a tensor of six,
    # many times slower than the pooling that is the same.
    def gradient(dy):
        return 4.0 * downscale2d(dy)

    return _repeated(x), gradient


def _repeated(x):
    n, h, w, c = x.shape
    dynamic = tf.shape(x)
    h = dynamic[1] if h is None else h
    w = dynamic[2] if w is None else w
    y = tf.broadcast_to(x[:, :, None, :, None, :], [dynamic[0], h, 2, w, 2, c])
    return tf.reshape(y, [-1 if n is None else n, 2 * h, 2 * w, c])


def downscale2d(x, factor: int = 2):
    """Divides height and width of ``[N, H, W, C]`` by ``factor``, by their mean."""
    return x if factor == 1 else tf.nn.avg_pool2d(x, factor, factor, "VALID")


def doubled_conv2d(x, kernel):
    """Doubles images by nearest neighbour and convolves them, zero padding, in one convolution.

    The same function as ``conv2d(upscale2d(x), kernel)``, at 4/9 of the multiplications of a
    3 × 3 kernel (Karras et al., "Progressive Growing of GANs", 2018, fuse the two alike).

    Args:
        x: ``[N, H, W, C]``.
        kernel: ``[k, k, C, F]``; k is odd.

    Returns:
        ``[N, 2H, 2W, F]``.
    """
    return transposed_conv2d(x, tf.reverse(kernel, [0, 1]))


def transposed_conv2d(x, kernel):
    """Doubles images with StyleGAN's transposed convolution.

    It is :func:`doubled_conv2d` with the kernel flipped in space; arguments and result are those.
    """
    kernel = tf.transpose(_widened(kernel), [0, 1, 3, 2])
    shape = tf.shape(x)
    size = [shape[0], 2 * shape[1], 2 * shape[2], kernel.shape[2]]
    y = tf.nn.conv2d_transpose(x, kernel, size, 2, "SAME")
    height, width = x.shape[1:3]
    y.set_shape([x.shape[0], height and 2 * height, width and 2 * width, kernel.shape[2]])
    return y


def halved_conv2d(x, kernel):
    """Convolves images, zero padding, and halves them by their mean, in one convolution.

    The same function as ``downscale2d(conv2d(x, kernel))``, cheaper as :func:`doubled_conv2d`.

    Args:
        x: ``[N, 2H, 2W, C]``.
        kernel: ``[k, k, C, F]``; k is odd.

    Returns:
        ``[N, H, W, F]``.
    """
    return tf.nn.conv2d(x, _widened(kernel) * 0.25, 2, "SAME")


def convolution(resample: str | None):
    """Returns the function of images and a kernel that convolves and resamples.

    Args:
        resample: None, "up" for :func:`doubled_conv2d`, or "down" for :func:`halved_conv2d`.

    Raises:
        ValueError: if it is another.
    """
    functions = {None: _conv2d, "up": doubled_conv2d, "down": halved_conv2d}
    if resample not in functions:
        raise ValueError(f"resample must be None, 'up' or 'down', not {resample!r}")
    return functions[resample]


def resampled(sizes, resample: str | None) -> tuple:
    """Returns height and width after resampling; what is unknown (None) stays so."""
    if resample == "up":
        return tuple(None if size is None else 2 * size for size in sizes)
    return tuple(None if size is None else size // 2 for size in sizes) if resample else sizes


def _conv2d(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def _widened(kernel):
    """Sums the four one-pixel shifts of a kernel: one larger in each direction."""
    # Padded four times rather than sliced: the gradient of a slice is slow.
    shifts = [([a, 1 - a], [b, 1 - b]) for a in (0, 1) for b in (0, 1)]
    return tf.add_n([tf.pad(kernel, [*shift, [0, 0], [0, 0]]) for shift in shifts])


@keras.saving.register_keras_serializable("tf_fewshot")
class Blur(keras.layers.Layer):
    """Convolves every channel with the normalised outer product of ``taps``.

    Args:
        taps: The one-dimensional filter; StyleGAN's is [1, 2, 1].

    Input and output ``[N, H, W, C]``, zero padding.
    """

    def __init__(self, taps=(1.0, 2.0, 1.0), **kwargs):
        super().__init__(**kwargs)
        self.taps = tuple(float(t) for t in taps)

    def call(self, x):
        kernel = np.outer(self.taps, self.taps)
        kernel = np.tile((kernel / kernel.sum())[:, :, None, None], (1, 1, x.shape[-1], 1))
        return tf.nn.depthwise_conv2d(x, tf.cast(kernel, x.dtype), [1, 1, 1, 1], "SAME")

    def get_config(self) -> dict:
        return {**super().get_config(), "taps": list(self.taps)}


@keras.saving.register_keras_serializable("tf_fewshot")
class DoublingConv2D(RowConv2D):
    """Keras's convolution of images that are doubled first, by nearest neighbour.

    Stride 1 and zero padding.

    Args:
        filters: Channels of the output.
        kernel_size: Width and height of the kernel; odd.
        **kwargs: Of :class:`keras.layers.Conv2D`.

    Input ``[N, H, W, C]``, output ``[N, 2H, 2W, filters]``.

    Raises:
        ValueError: for another padding, for strides, dilation or groups.
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs):
        super().__init__(filters, kernel_size, **{"padding": "same", **kwargs})
        form = (self.padding, *self.strides, *self.dilation_rate, self.groups)
        if form != ("same", 1, 1, 1, 1, 1):
            raise ValueError(
                "DoublingConv2D has padding 'same', no strides, dilation or groups, not "
                f"{self.padding!r}, {self.strides}, {self.dilation_rate} and {self.groups}"
            )

    def convolved(self, inputs, kernel):
        return doubled_conv2d(inputs, kernel)

    def compute_output_shape(self, input_shape):
        n, h, w, _ = input_shape
        return (n, *resampled((h, w), "up"), self.filters)
