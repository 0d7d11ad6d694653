"""The miner of MineGAN.

Source: Wang et al., "MineGAN: effective knowledge transfer from GANs to target domains
with few images" (CVPR 2020), section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras


@keras.saving.register_keras_serializable("tf_fewshot")
class Miner(keras.layers.Layer):
    """Carries latents ``[N, D]`` to those regions of the prior that suit a domain: ``[N, D]``.

    Dense layers with ReLU between them, in float32.

    Args:
        widths: Of the hidden layers.
    """

    def __init__(self, widths: Sequence[int] = (512,), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.widths = list(widths)
        self.hidden = [
            keras.layers.Dense(
                width,
                activation="relu",
                kernel_initializer="he_normal",
                name=f"Dense{i}",
                dtype="float32",
            )
            for i, width in enumerate(self.widths)
        ]

    def build(self, input_shape):
        self.last = keras.layers.Dense(
            input_shape[-1], name=f"Dense{len(self.widths)}", dtype="float32"
        )
        for layer in (*self.hidden, self.last):
            layer.build(input_shape)
            input_shape = (None, layer.units)

    def call(self, z):
        for layer in self.hidden:
            z = layer(z)
        return self.last(z)

    def get_config(self) -> dict:
        return {**super().get_config(), "widths": self.widths}
