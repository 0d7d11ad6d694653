"""The layers of StyleGAN3's generator: Fourier features, alias-free layers and pixels.

Source: Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021), section 3 and
appendices C and F.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from ...layers import EqualizedDense, ModulatedConv2D, scaled_lrelu
from ...layers.by_row import with_kernel
from ...layers.lowpass import resample
from ...splitting import batch_mean
from ..extensions import Extensions
from .geometry import Plan, Signal

# Below what any filter that is not pruned has: of pruned ones 0 is divided by it.
_TINY = 1e-16


@keras.saving.register_keras_serializable("tf_fewshot")
class FourierFeatures(keras.layers.Layer):
    """Sine waves over the picture, which the style turns and moves, mixed into channels.

    Weights: ``freqs`` ``[C, 2]``, x before y, and ``phases`` ``[C]``, which stay as they are
    drawn; ``transform`` ``[2, 3]``, the inverse of what a user does with the finished picture,
    a matrix and a translation, its width being 1; ``weight`` ``[C, C]``; and the layer ``Affine``,
    whose output is the cosine and the sine of an angle, and a translation.

    Args:
        signal: What it gives.

    Input styles ``[N, D]``, output float32 ``[N, size, size, C]``.
    """

    by_factors = ("weight",)

    def __init__(self, signal: Signal, **kwargs):
        super().__init__(autocast=False, **{**kwargs, "dtype": "float32"})
        self.signal = signal
        self.affine = EqualizedDense(4, gain=1.0, name="Affine", dtype="float32")

    def build(self, w_shape):
        channels, free = self.signal.channels, {"trainable": False, "autocast": False}
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.freqs = self.add_weight(
            shape=(channels, 2), name="freqs", initializer=self._disc, **free
        )
        phases = keras.initializers.RandomUniform(-0.5, 0.5)
        self.phases = self.add_weight(shape=(channels,), name="phases", initializer=phases, **free)
        self.transform = self.add_weight(
            shape=(2, 3), name="transform", initializer=keras.initializers.Identity(), **free
        )
        self.weight = self.add_weight(
            shape=(channels, channels), name="weight", initializer=normal, autocast=False
        )
        self.affine.build(w_shape)
        # At first the picture is where it is.
        self.affine.weight.assign(np.zeros(self.affine.weight.shape))
        self.affine.bias.assign([1.0, 0.0, 0.0, 0.0])

    def _disc(self, shape, dtype=None):
        """Frequencies from within the first cutoff, each as likely as any other."""
        angle = keras.random.uniform(shape[:1], 0.0, 2 * math.pi, dtype)
        radius = self.signal.cutoff * keras.ops.sqrt(keras.random.uniform(shape[:1], dtype=dtype))
        return keras.ops.stack([radius * keras.ops.cos(angle), radius * keras.ops.sin(angle)], 1)

    def call(self, w):
        s = self.signal
        turn = self.affine(w)
        turn = turn / tf.norm(turn[:, :2], axis=1, keepdims=True)
        cos, sin, right, down = tf.unstack(turn, axis=1)
        # A rotation and a translation of the picture, and what the user wants of it.
        rotation = tf.stack([tf.stack([cos, -sin], 1), tf.stack([sin, cos], 1)], 1)
        moved = tf.linalg.matvec(rotation, tf.stack([right, down], 1))
        user = tf.convert_to_tensor(self.transform)
        turned = tf.matmul(rotation, user[:2, :2])
        shift = tf.linalg.matvec(rotation, user[:2, 2]) - moved
        base = tf.convert_to_tensor(self.freqs)
        # No einsum: LiteRT cannot load what becomes of one whose batch is open.
        freqs = tf.matmul(base, turned)
        phases = self.phases + tf.matmul(shift, base, transpose_b=True)
        # What a user shrinks would pass the highest frequency of the samples.
        beyond = (tf.norm(freqs, axis=2) - s.cutoff) / (s.rate / 2 - s.cutoff)
        heights = tf.clip_by_value(1.0 - beyond, 0.0, 1.0)
        at = tf.constant((np.arange(s.size) + 0.5 - s.size / 2) / s.rate, tf.float32)
        x, y = freqs[:, None, None, :, 0], freqs[:, None, None, :, 1]
        cycles = at[None, None, :, None] * x + at[None, :, None, None] * y
        waves = tf.sin(2 * math.pi * (cycles + phases[:, None, None])) * heights[:, None, None]
        waves /= math.sqrt(s.channels)
        return with_kernel(self.weight, lambda weight: tf.matmul(waves, weight))


class _Measured(ModulatedConv2D):
    """Modulated convolution of what enters, divided by its root mean square so far.

    The weight ``magnitude_ema`` is the running mean of the squares.
    """

    def build(self, x_shape, w_shape):
        super().build(x_shape, w_shape)
        self.magnitude_ema = self.add_weight(
            shape=(), name="magnitude_ema", initializer="ones", trainable=False, autocast=False
        )
        self.bias = self.add_weight(
            shape=(self.filters,), name="bias", initializer="zeros", autocast=False
        )

    def measure(self, x, decay: float) -> None:
        """Moves the running mean towards that of a batch."""
        now = batch_mean(tf.reduce_mean(tf.square(tf.cast(tf.stop_gradient(x), tf.float32))))
        self.magnitude_ema.assign_add((now - self.magnitude_ema) * (1.0 - decay))

    def _gain(self):
        return tf.math.rsqrt(tf.convert_to_tensor(self.magnitude_ema))


@keras.saving.register_keras_serializable("tf_fewshot")
class AliasFreeConv2D(_Measured):
    """One layer: modulated convolution, bias, and leaky ReLU between two low-pass filters.

    Args:
        plan: What it is built from.
        clamp: What activations are clamped to, in both directions; None clamps nothing.
        extensions: What adds layers.

    The inputs are maps ``[N, H, W, C]`` and styles ``[N, D]``.
    """

    def __init__(self, plan: Plan, clamp: float | None, extensions: Extensions | Iterable, **kw):
        super().__init__(plan.after.channels, plan.kernel_size, **{"name": plan.name, **kw})
        self.plan, self.clamp = plan, clamp
        self.added = Extensions.of(extensions).hidden(self, "{camel}", plan.name)

    def build(self, x_shape, w_shape):
        super().build(x_shape, w_shape)
        self.added.build((None, None, None, self.filters))

    def call(self, x, w):
        dtype, up, down = self.compute_dtype, self.plan.up, self.plan.down
        assert up is not None
        assert down is not None
        style = self.modulation(w) + 1.0
        # The original divides by the root mean square of the whole batch. Demodulation undoes
        # either, and so each picture is what it is alone.
        style *= tf.math.rsqrt(tf.reduce_mean(tf.square(style), 1, keepdims=True) + _TINY)
        x = tf.cast(x, dtype) * tf.cast(style * self._gain(), dtype)[:, None, None]
        y = with_kernel(self.weight, lambda weight: self._convolved(x, weight))
        norm = self._squared_norm(tf.square(style)) + self._epsilon()
        y = y * tf.cast(tf.math.rsqrt(norm), dtype)[:, None, None] + tf.cast(self.bias, dtype)
        y = resample(y, up._replace(taps=tuple(t * up.up for t in up.taps)))
        y = scaled_lrelu(y, self.clamp)
        if self.plan.radial is None:
            return self.added(resample(y, down))
        kernel = np.tile(self.plan.radial[:, :, None, None], (1, 1, self.filters, 1))
        strides = [1, down.down, down.down, 1]
        return self.added(tf.nn.depthwise_conv2d(y, tf.cast(kernel, dtype), strides, "VALID"))

    def _convolved(self, x, weight):
        weight = tf.cast(weight * self.runtime_scale, self.compute_dtype)
        around = [self.kernel_size - 1] * 2
        return tf.nn.conv2d(tf.pad(x, [[0, 0], around, around, [0, 0]]), weight, 1, "VALID")

    def _epsilon(self):
        """What is added to the squares of a filter: 1e-8 if it were of unit mean square."""
        weight = tf.convert_to_tensor(self.weight) * self.runtime_scale
        fan_in = math.prod(weight.shape[:-1])
        return 1e-8 / fan_in * tf.reduce_sum(tf.square(weight), [0, 1, 2]) + _TINY


@keras.saving.register_keras_serializable("tf_fewshot")
class AliasFreePixels(_Measured):
    """Features to pixels: a 1 × 1 modulated convolution with bias, in float32.

    Args:
        plan: What it is built from.
        clamp: What pixels are clamped to, in both directions, before they are scaled.
        scale: What they are multiplied by.
    """

    def __init__(self, plan: Plan, clamp: float | None, scale: float, **kwargs):
        super().__init__(
            plan.after.channels,
            1,
            demodulate=False,
            **{"name": plan.name, **kwargs, "dtype": "float32"},
        )
        self.clamp, self.scale = clamp, scale

    def call(self, x, w):
        y = super().call(tf.cast(x, tf.float32) * self._gain(), w) + self.bias
        y = y if self.clamp is None else tf.clip_by_value(y, -self.clamp, self.clamp)
        return y * self.scale
