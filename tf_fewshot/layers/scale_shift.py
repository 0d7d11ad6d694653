"""Trainable scale and shift of a hidden layer.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch
Statistics Adaptation" (ICCV 2019), equation 2.
"""

from __future__ import annotations

import keras
from keras import ops

from .by_row import by_row, channelwise


@keras.saving.register_keras_serializable("tf_fewshot")
class ScaleShift(keras.layers.Layer):
    """Computes ``gamma · x + beta`` with one ``gamma`` and ``beta`` a channel.

    They begin at 1 and 0, where the layer changes nothing. Input and output
    ``[N, …, C]``, floats.

    Args:
        normalized: Divides ``gamma`` by its largest absolute value, as BSA does in the
            discriminator of "TransferGAN (scale and shift)".

    Example:
        >>> ScaleShift()(keras.ops.ones((2, 4, 4, 8))).shape
        TensorShape([2, 4, 4, 8])
    """

    by_row = ("gamma", "beta")

    def __init__(self, normalized: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.normalized = normalized

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, name="gamma", initializer="ones", autocast=False)
        self.beta = self.add_weight(shape=shape, name="beta", initializer="zeros", autocast=False)

    def call(self, x):
        gamma, beta = by_row(self.gamma), by_row(self.beta)
        if self.normalized:
            largest = ops.max(ops.abs(gamma), axis=-1, keepdims=True)
            gamma = gamma / ops.maximum(largest, 1e-8)
        rank = len(x.shape)
        gamma, beta = (ops.cast(channelwise(v, rank), x.dtype) for v in (gamma, beta))
        return x * gamma + beta

    def get_config(self) -> dict:
        return {**super().get_config(), "normalized": self.normalized}
