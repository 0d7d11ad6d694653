"""StyleGAN's normalisation, noise and styles.

Source: Karras et al., "A Style-Based Generator Architecture" (2019), section 2.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from .equalized import EqualizedDense


@keras.saving.register_keras_serializable("tf_fewshot")
class PixelNorm(keras.layers.Layer):
    """Divides each vector of the last axis by its root mean square."""

    def __init__(self, epsilon: float = 1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)

    def get_config(self) -> dict:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tf_fewshot")
class AddNoise(keras.layers.Layer):
    """Adds one noise map, scaled for each channel by a trained ``weight`` (initially 0).

    The inputs are images ``[N, H, W, C]`` and noise ``[N or 1, H, W, 1]``.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape, noise_shape=None):
        self.weight = self.add_weight(
            shape=(input_shape[-1],), name="weight", initializer="zeros", autocast=False
        )

    def call(self, x, noise):
        return x + ops.cast(noise, x.dtype) * ops.cast(self.weight, x.dtype)


@keras.saving.register_keras_serializable("tf_fewshot")
class AdaIN(keras.layers.Layer):
    """Adaptive instance normalisation: each channel normalised, then styled.

    ``y = (x - mean) / sqrt(var + epsilon) · (s0 + 1) + s1`` with mean and variance
    over the pixels of one image and channel, and ``(s0, s1)`` an affine map of the
    style vector ``w``, held by the layer ``StyleMod``.

    The inputs are images ``[N, H, W, C]`` and styles ``[N, D]``.
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape, style_shape):
        self.channels = input_shape[-1]
        # In float32: a style is rounded once, where it meets the image.
        self.style_mod = EqualizedDense(
            2 * self.channels, gain=1.0, name="StyleMod", dtype="float32"
        )
        self.style_mod.build(style_shape)

    def call(self, x, w):
        style = tf.reshape(self.style_mod(w), [-1, 2, 1, 1, self.channels])
        wide = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(wide, [1, 2], keepdims=True)
        centred = wide - mean
        variance = tf.reduce_mean(tf.square(centred), [1, 2], keepdims=True)
        scale = tf.math.rsqrt(variance + self.epsilon) * (style[:, 0] + 1.0)
        return tf.cast(centred * scale + style[:, 1], x.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "epsilon": self.epsilon}
