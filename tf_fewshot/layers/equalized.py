"""Dense and convolution layers with equalized learning rates.

Source: Karras et al., "Progressive Growing of GANs" (2018), section 4.1, and "A
Style-Based Generator Architecture" (2019), whose resampling convolutions these
are. The stored weight is drawn from N(0, 1/lrmul²) and multiplied at run time by
``gain / sqrt(fan_in) · lrmul``, with ``fan_in`` the product of all its dimensions
but the last.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

from .by_row import with_kernel
from .resample import halved_conv2d, resampled, transposed_conv2d, upscale2d


class _Equalized(keras.layers.Layer):
    """Holds ``weight`` and ``bias`` and their run-time multipliers."""

    by_factors = ("weight",)

    def __init__(self, gain: float, lrmul: float, use_bias: bool, **kwargs):
        super().__init__(**kwargs)
        self.gain, self.lrmul, self.use_bias = gain, lrmul, use_bias

    def _add_variables(self, shape: tuple[int, ...]) -> None:
        self.runtime_scale = self.gain / math.sqrt(math.prod(shape[:-1])) * self.lrmul
        self.weight = self.add_weight(
            shape=shape,
            name="weight",
            initializer=keras.initializers.RandomNormal(stddev=1.0 / self.lrmul),
            autocast=False,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(shape[-1],), name="bias", initializer="zeros", autocast=False
            )

    def _with_weight(self, function):
        """Returns a function of the weight that is linear in it, of the weight as it is used."""

        def scaled(weight):
            # Scaled before the cast, so that half precision rounds the weight that is used.
            return ops.cast(ops.multiply(weight, self.runtime_scale), self.compute_dtype)

        return with_kernel(self.weight, lambda weight: function(scaled(weight)))

    def _add_bias(self, x):
        if not self.use_bias:
            return x
        return x + ops.cast(ops.multiply(self.bias, self.lrmul), x.dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "gain": self.gain,
            "lrmul": self.lrmul,
            "use_bias": self.use_bias,
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class EqualizedDense(_Equalized):
    """Fully connected layer with an equalized learning rate.

    Args:
        units: Size of the last dimension of the output.
        gain: He gain; sqrt(2) before a rectifier, 1 otherwise.
        lrmul: Learning rate multiplier of weight and bias.
        use_bias: Whether a bias (initially 0) is added.

    Input ``[N, D]``, output ``[N, units]``, floats.
    """

    def __init__(self, units: int, gain=math.sqrt(2), lrmul=1.0, use_bias=True, **kwargs):
        super().__init__(gain, lrmul, use_bias, **kwargs)
        self.units = units

    def build(self, input_shape):
        self._add_variables((input_shape[-1], self.units))

    def call(self, x):
        return self._add_bias(self._with_weight(lambda weight: ops.matmul(x, weight)))

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("tf_fewshot")
class EqualizedConv2D(_Equalized):
    """Convolution with an equalized learning rate and StyleGAN's resampling.

    Args:
        filters: Channels of the output.
        kernel_size: Width and height of the kernel; odd.
        resample: ``None``; ``"up"`` doubles the image before the convolution
            (nearest neighbour), ``"down"`` halves it afterwards (2 × 2 mean).
        fused: With ``resample``, do both in one strided convolution with a
            kernel one larger. Up: the transposed convolution of StyleGAN, whose
            kernel is that of the unfused form flipped in space. Down: the same
            function as unfused. Cheaper at every resolution.
        gain, lrmul, use_bias: See :class:`EqualizedDense`.

    Input ``[N, H, W, C]``, output ``[N, H', W', filters]``, floats.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        resample: str | None = None,
        fused: bool = False,
        gain=math.sqrt(2),
        lrmul=1.0,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(gain, lrmul, use_bias, **kwargs)
        if resample not in (None, "up", "down"):
            raise ValueError(f"resample must be None, 'up' or 'down', not {resample!r}")
        self.filters, self.kernel_size = filters, kernel_size
        self.resample, self.fused = resample, fused

    def build(self, input_shape):
        k = self.kernel_size
        self._add_variables((k, k, input_shape[-1], self.filters))

    def call(self, x):
        if self.resample and self.fused:
            fused = transposed_conv2d if self.resample == "up" else halved_conv2d
            return self._add_bias(self._with_weight(lambda weight: fused(x, weight)))
        if self.resample == "up":
            x = upscale2d(x)
        y = self._with_weight(lambda weight: tf.nn.conv2d(x, weight, 1, "SAME"))
        if self.resample == "down":
            y = tf.nn.avg_pool2d(y, 2, 2, "VALID")
        return self._add_bias(y)

    def compute_output_shape(self, input_shape):
        n, h, w, _ = input_shape
        return (n, *resampled((h, w), self.resample), self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "resample": self.resample,
            "fused": self.fused,
        }
