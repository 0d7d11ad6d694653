"""Resampling by powers of two and the binomial blur of StyleGAN."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def upscale2d(x):
    """Doubles height and width of ``[N, H, W, C]`` by nearest neighbour."""
    n, h, w, c = x.shape
    dynamic = tf.shape(x)
    h = dynamic[1] if h is None else h
    w = dynamic[2] if w is None else w
    y = tf.broadcast_to(x[:, :, None, :, None, :], [dynamic[0], h, 2, w, 2, c])
    return tf.reshape(y, [-1 if n is None else n, 2 * h, 2 * w, c])


def downscale2d(x, factor: int = 2):
    """Divides height and width of ``[N, H, W, C]`` by ``factor``, by their mean."""
    return x if factor == 1 else tf.nn.avg_pool2d(x, factor, factor, "VALID")


@keras.saving.register_keras_serializable("tf_fewshot")
class Blur(keras.layers.Layer):
    """Convolves every channel with the normalised outer product of ``taps``.

    Args:
        taps: The one-dimensional filter; StyleGAN's is [1, 2, 1].

    Input and output ``[N, H, W, C]``, zero padding.
    """

    def __init__(self, taps=(1.0, 2.0, 1.0), **kwargs):
        super().__init__(**kwargs)
        self.taps = tuple(float(t) for t in taps)

    def call(self, x):
        kernel = np.outer(self.taps, self.taps)
        kernel = np.tile((kernel / kernel.sum())[:, :, None, None], (1, 1, x.shape[-1], 1))
        return tf.nn.depthwise_conv2d(x, tf.cast(kernel, x.dtype), [1, 1, 1, 1], "SAME")

    def get_config(self) -> dict:
        return {**super().get_config(), "taps": list(self.taps)}
