"""Convolutions whose input channels a style scales.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), section 2.2, equations 1 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from .by_row import row_factors, with_kernel
from .equalized import EqualizedDense
from .fir import TAPS, upsample_conv2d


def scaled_lrelu(x, clamp: float | None = None):
    """Leaky ReLU of slope 0.2 times sqrt(2), which keeps the variance; then clamped to ±clamp."""
    x = tf.nn.leaky_relu(x, 0.2) * tf.cast(math.sqrt(2), x.dtype)
    return x if clamp is None else tf.clip_by_value(x, -clamp, clamp)


@keras.saving.register_keras_serializable("tf_fewshot")
class ModulatedConv2D(keras.layers.Layer):
    """Convolution with a kernel for each image: one weight, its input channels styled.

    ``w'[…, i, j] = s[i] · w[…, i, j]`` with the style ``s`` an affine map of ``w``, held by
    the layer ``Modulation`` (its bias initially 0, to which 1 is added). Demodulation
    divides by the norm of ``w'`` over all but the output channels, so that outputs keep
    unit variance. Computed as one convolution for all images: scaling the input by ``s``
    and the output by the demodulation is the same.

    Args:
        filters: Channels of the output.
        kernel_size: Width and height of the kernel; odd.
        up: Whether the image is doubled before the convolution.
        demodulate: Whether outputs are demodulated.
        taps: Low-pass filter of the doubling.

    The inputs are images ``[N, H, W, C]`` and styles ``[N, D]``, the output
    ``[N, H', W', filters]``, floats.
    """

    by_factors = ("weight",)

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        up: bool = False,
        demodulate: bool = True,
        taps: Sequence[float] = TAPS,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.up, self.demodulate = up, demodulate
        self.taps = tuple(float(t) for t in taps)

    def build(self, x_shape, w_shape):
        channels, k = x_shape[-1], self.kernel_size
        self.runtime_scale = 1.0 / math.sqrt(k * k * channels)
        self.weight = self.add_weight(
            shape=(k, k, channels, self.filters),
            name="weight",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            autocast=False,
        )
        # In float32: a style is rounded once, where it meets the image.
        self.modulation = EqualizedDense(channels, gain=1.0, name="Modulation", dtype="float32")
        self.modulation.build(w_shape)

    def call(self, x, w):
        dtype = self.compute_dtype
        style = self.modulation(w) + 1.0
        x = tf.cast(x, dtype) * tf.cast(style, dtype)[:, None, None]
        y = with_kernel(self.weight, lambda weight: self._convolved(x, weight))
        if not self.demodulate:
            return y
        norm = self._squared_norm(tf.square(style))
        return y * tf.cast(tf.math.rsqrt(norm + 1e-8), dtype)[:, None, None]

    def _convolved(self, x, weight):
        """Images convolved with the kernel, or with one that rows have in common."""
        weight = tf.cast(weight * self.runtime_scale, self.compute_dtype)
        if self.up:
            return upsample_conv2d(x, weight, self.taps)
        return tf.nn.conv2d(x, weight, 1, "SAME")

    def _squared_norm(self, squares):
        """Sums the styled kernel's squares over all but its output channels.

        Args:
            squares: Of styles, ``[N, C]``.
        """

        def of_inputs(weight):
            return tf.reduce_sum(tf.square(weight * self.runtime_scale), [0, 1])

        factors = row_factors(self.weight)
        if factors is None:
            return tf.matmul(squares, of_inputs(tf.convert_to_tensor(self.weight)))
        # Row by row: the kernels of all at once would take much memory.
        return tf.map_fn(
            lambda row: tf.linalg.matvec(
                of_inputs(tf.matmul(factors.left * row[0], factors.right)), row[1], transpose_a=True
            ),
            (factors.values, squares),
            fn_output_signature=tf.TensorSpec([self.filters], tf.float32),
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "up": self.up,
            "demodulate": self.demodulate,
            "taps": list(self.taps),
        }
