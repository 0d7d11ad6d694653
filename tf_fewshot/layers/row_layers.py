"""Keras's layers, with weights that each row of a batch can have for itself."""

from __future__ import annotations

import keras
from keras import ops

from .batch_norm import WholeBatchNormalization
from .by_row import by_row, channelwise, row_factors, row_values, with_kernel


@keras.saving.register_keras_serializable("tf_fewshot")
class RowDense(keras.layers.Dense):
    """Keras's dense layer, whose kernel can be one of factors."""

    by_factors = ("kernel",)

    def call(self, inputs, training=None):
        if row_factors(self.kernel) is None:
            return super().call(inputs, training=training)
        x = with_kernel(self.kernel, lambda kernel: ops.matmul(inputs, kernel))
        x = x if self.bias is None else ops.add(x, ops.cast(self.bias, x.dtype))
        return x if self.activation is None else self.activation(x)


@keras.saving.register_keras_serializable("tf_fewshot")
class RowConv2D(keras.layers.Conv2D):
    """Keras's convolution, whose kernel can be one of factors."""

    by_factors = ("kernel",)

    def convolution_op(self, inputs, kernel):
        factors = row_factors(self.kernel)
        if factors is None:
            return self.convolved(inputs, kernel)
        return factors.apply(lambda left: self.convolved(inputs, left))

    def convolved(self, inputs, kernel):
        """What the convolution does with one kernel."""
        return super().convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("tf_fewshot")
class RowConv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's transposed convolution without bias, whose kernel can be one of factors."""

    by_factors = ("kernel",)

    def call(self, inputs):
        factors = row_factors(self.kernel)
        if factors is None:
            return super().call(inputs)
        form = {
            "strides": list(self.strides),
            "padding": self.padding,
            "output_padding": self.output_padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }
        x = factors.apply(lambda left: ops.conv_transpose(inputs, left, **form))
        x = x if self.bias is None else ops.add(x, ops.cast(self.bias, x.dtype))
        return x if self.activation is None else self.activation(x)


@keras.saving.register_keras_serializable("tf_fewshot")
class RowBatchNormalization(WholeBatchNormalization):
    """Keras's batch normalisation, whose weights and stored statistics can be those of rows."""

    by_row = ("gamma", "beta", "moving_mean", "moving_variance")

    def call(self, inputs, training=None, mask=None):
        weights = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        if training or all(row_values(weight) is None for weight in weights):
            return super().call(inputs, training=training, mask=mask)
        rank = len(inputs.shape)
        gamma, beta, mean, variance = (channelwise(by_row(weight), rank) for weight in weights)
        scale = gamma * ops.rsqrt(variance + self.epsilon)
        x = ops.cast(inputs, "float32") * scale + (beta - mean * scale)
        return ops.cast(x, self.compute_dtype)
