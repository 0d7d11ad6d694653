"""A trained latent vector for each training picture.

Source: "Image Generation From Small Datasets via Batch Statistics Adaptation"
(ICCV 2019), section 3.2; Bojanowski et al., "Optimizing the Latent Space of
Generative Networks" (2018).
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("tf_fewshot")
class LatentTable(keras.layers.Layer):
    """Maps the index of a picture to its own trained latent, initially 0.

    Args:
        size: Number of pictures.
        dim: Size of a latent.

    Input: int indices ``[N]`` in [0, size); output: float32 ``[N, dim]``.
    """

    def __init__(self, size: int, dim: int, **kwargs):
        super().__init__(**kwargs)
        if size < 1 or dim < 1:
            raise ValueError(f"size and dim must be at least 1, not {size} and {dim}")
        self.size, self.dim = size, dim

    def build(self, input_shape=None):
        self.latents = self.add_weight(
            shape=(self.size, self.dim), name="latents", initializer="zeros", autocast=False
        )

    def call(self, indices):
        return ops.take(self.latents, indices, axis=0)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "dim": self.dim}
