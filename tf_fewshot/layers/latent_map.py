"""The latents of all layers, from one of a picture.

Abdal et al., "Image2StyleGAN" (ICCV 2019), give each layer of a StyleGAN styles of its own for
each picture; here a map that all pictures share makes them.
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf_fewshot")
class LatentMap(keras.layers.Layer):
    """Computes ``x + lrmul · A x + bias_lrmul · b`` for each layer, in float32.

    Every layer has its own ``A`` and ``b``. They begin at 0, where each layer gets ``x`` itself.

    Args:
        layers: How many layers there are.
        lrmul: Multiplier of the learning rate of ``A``, as StyleGAN's mapping network has one:
            Adam moves every weight as far as every latent, and a latent sums over many.
        bias_lrmul: That of ``b``.

    Input: float32 ``[N, D]``; output: float32 ``[N, layers * D]``.
    """

    def __init__(self, layers: int, lrmul: float = 0.02, bias_lrmul: float = 0.3, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if layers < 1:
            raise ValueError(f"layers must be at least 1, not {layers}")
        self.layers, self.lrmul, self.bias_lrmul = layers, lrmul, bias_lrmul

    def build(self, input_shape):
        dim = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(dim, self.layers * dim), name="kernel", initializer="zeros"
        )
        self.bias = self.add_weight(shape=(self.layers * dim,), name="bias", initializer="zeros")

    def call(self, x):
        moved = self.lrmul * ops.matmul(x, self.kernel) + self.bias_lrmul * self.bias
        return ops.tile(x, (1, self.layers)) + moved

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.layers * input_shape[-1])

    def get_config(self) -> dict:
        mine = {"layers": self.layers, "lrmul": self.lrmul, "bias_lrmul": self.bias_lrmul}
        return {**super().get_config(), **mine}
