"""Trainable scale and shift of a hidden layer.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch
Statistics Adaptation" (ICCV 2019), equation 2.
"""

from __future__ import annotations

import keras
from keras import ops


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

    def __init__(self, normalized: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.normalized = normalized

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, name="gamma", initializer="ones", autocast=False)
        self.beta = self.add_weight(shape=shape, name="beta", initializer="zeros", autocast=False)

    def call(self, x):
        gamma = ops.convert_to_tensor(self.gamma)
        if self.normalized:
            gamma = gamma / ops.maximum(ops.max(ops.abs(gamma)), 1e-8)
        return x * ops.cast(gamma, x.dtype) + ops.cast(self.beta, x.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "normalized": self.normalized}
