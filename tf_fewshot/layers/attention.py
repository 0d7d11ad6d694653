"""Self-attention among the places of a map.

Source: Zhang et al., "Self-Attention Generative Adversarial Networks" (ICML 2019), section
3, with the pooled keys and values that BigGAN has.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from .given import GivenWeights
from .spectral import Form, SpectralConv2D

# Beyond this many weights an image, images are attended to one after the other.
_MOST_AT_ONCE = 2**24


@keras.saving.register_keras_serializable("tf_fewshot")
class SelfAttention(GivenWeights):
    """Computes ``x + gamma · o_conv(softmax(theta · phiᵀ) · g)``.

    ``theta``, ``phi`` (C / 8 channels), ``g`` (C / 2) and ``o_conv`` are 1 × 1 convolutions
    with spectral normalisation and without bias; ``phi`` and ``g`` are halved in width and
    height by their maxima. The softmax runs over the places of ``phi``, in float32.
    ``gamma`` is one number, initially 0.

    Args:
        epsilon, form, pair: Of spectral normalisation; see
            :class:`~tf_fewshot.layers.SpectralConv2D`.
        kernel_initializer: Of the raw kernels.

    Input and output ``[N, H, W, C]`` with H and W even, floats.
    """

    def __init__(
        self,
        epsilon: float = 1e-4,
        form: Form = "inside",
        pair: bool = False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.form: Form = form
        self.epsilon, self.pair = epsilon, pair
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        channels = input_shape[-1]
        narrow, middle = max(channels // 8, 1), max(channels // 2, 1)
        sizes = {"theta": narrow, "phi": narrow, "g": middle, "o_conv": channels}
        self.theta, self.phi, self.g, self.o_conv = (
            SpectralConv2D(
                filters,
                kernel_size=1,
                epsilon=self.epsilon,
                form=self.form,
                pair=self.pair,
                use_bias=False,
                kernel_initializer=self.kernel_initializer,
                name=name,
                dtype=self.dtype_policy,
            )
            for name, filters in sizes.items()
        )
        for layer in (self.theta, self.phi, self.g):
            layer.build(input_shape)
        self.o_conv.build((*input_shape[:-1], middle))
        self.gamma = self.add_weight(shape=(), name="gamma", initializer="zeros", autocast=False)

    def call(self, x, training=False):
        _, height, width, _ = x.shape
        theta = _rows(self.theta(x, training=training))
        phi, g = (
            _rows(tf.nn.max_pool2d(layer(x, training=training), 2, 2, "VALID"))
            for layer in (self.phi, self.g)
        )
        if height * width * (height * width // 4) <= _MOST_AT_ONCE:
            seen = _attended(theta, phi, g)
        else:
            seen = tf.map_fn(
                lambda one: _attended(*one),
                (theta, phi, g),
                fn_output_signature=tf.TensorSpec(
                    (height * width, g.shape[-1]), self.compute_dtype
                ),
                parallel_iterations=1,
            )
        seen = self.o_conv(tf.reshape(seen, [-1, height, width, g.shape[-1]]), training=training)
        return x + ops.cast(self.gamma, x.dtype) * seen

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "form": self.form,
            "pair": self.pair,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _rows(x):
    """The places of maps ``[N, H, W, C]`` in a row: ``[N, H · W, C]``."""
    return tf.reshape(x, [-1, x.shape[1] * x.shape[2], x.shape[3]])


def _attended(theta, phi, g):
    """``[…, Q, D]``, ``[…, K, D]`` and ``[…, K, C]`` to ``[…, Q, C]``."""
    likeness = tf.cast(tf.matmul(theta, phi, transpose_b=True), tf.float32)
    return tf.matmul(tf.cast(tf.nn.softmax(likeness), g.dtype), g)
