"""StyleGAN's normalisation, noise and styles.

Source: Karras et al., "A Style-Based Generator Architecture" (2019), section 2.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from ..compat.gradients import custom_gradient
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

    def build(self, x_shape, noise_shape=None):
        self.weight = self.add_weight(
            shape=(x_shape[-1],), name="weight", initializer="zeros", autocast=False
        )

    def call(self, x, noise):
        return x + ops.cast(noise, x.dtype) * ops.cast(self.weight, x.dtype)


@keras.saving.register_keras_serializable("tf_fewshot")
class AdaIN(keras.layers.Layer):
    """Adaptive instance normalisation: each channel normalised, then styled.

    ``y = (x - mean) / sqrt(var + epsilon) · (s0 + 1) + s1`` with mean and variance
    over the pixels of one image and channel, and ``(s0, s1)`` an affine map of the
    style vector ``w``, held by the layer ``StyleMod``.

    Args:
        epsilon: Added to the variance.
        normalised: False leaves the normalisation out, and styles the channels as they are.

    The inputs are images ``[N, H, W, C]`` and styles ``[N, D]``.
    """

    def __init__(self, epsilon: float = 1e-8, normalised: bool = True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.epsilon, self.normalised = epsilon, normalised

    def build(self, x_shape, w_shape):
        self.channels = x_shape[-1]
        # In float32: a style is rounded once, where it meets the image.
        self.style_mod = EqualizedDense(
            2 * self.channels, gain=1.0, name="StyleMod", dtype="float32"
        )
        self.style_mod.build(w_shape)

    def call(self, x, w):
        style = tf.reshape(self.style_mod(w), [-1, 2, 1, 1, self.channels])
        scale, shift = style[:, 0] + 1.0, style[:, 1]
        if not self.normalised:
            return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)
        return _normalised(x, scale, shift, self.epsilon)

    def get_config(self) -> dict:
        config = {"epsilon": self.epsilon, "normalised": self.normalised}
        return {**super().get_config(), **config}


def _normalised(x, scale, shift, epsilon: float):
    """``(x - mean) / std · scale + shift`` over the pixels of each image and channel.

    The gradient is written out: what automatic differentiation does with the moments
    takes twice as many passes over the image.
    """

    @custom_gradient
    def forward(x, scale, shift):
        wide = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(wide, [1, 2], keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(wide, mean), [1, 2], keepdims=True)
        inverse = tf.math.rsqrt(variance + epsilon)
        factor = inverse * scale
        y = tf.cast((wide - mean) * factor + shift, x.dtype)

        def backward(upstream):
            g = tf.cast(upstream, tf.float32)
            pixels = tf.cast(tf.shape(g)[1] * tf.shape(g)[2], tf.float32)
            sum_g = tf.reduce_sum(g, [1, 2], keepdims=True)
            sum_gx = (tf.reduce_sum(g * wide, [1, 2], keepdims=True) - mean * sum_g) * inverse
            slope = -factor * inverse * sum_gx / pixels
            constant = -factor * sum_g / pixels - slope * mean
            return tf.cast(g * factor + wide * slope + constant, x.dtype), sum_gx, sum_g

        return y, backward

    return forward(x, scale, shift)
