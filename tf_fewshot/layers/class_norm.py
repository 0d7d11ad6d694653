"""Batch normalisation whose scale and shift may be tables with a row a class.

Source: Dumoulin et al., "A Learned Representation for Artistic Style" (ICLR 2017), as
Miyato and Koyama, "cGANs with Projection Discriminator" (ICLR 2018), use it.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from .batch_norm import normalised_by_batch
from .by_row import by_row, channelwise


def _rows(table, label):
    # Reshaped to what it is: its gradient is dense then, as those of all other weights are.
    table = tf.reshape(table, tf.shape(table))
    return tf.gather(table, tf.cast(label, tf.int32))


@keras.saving.register_keras_serializable("tf_fewshot")
class ClassBatchNorm(keras.layers.Layer):
    """Computes ``gamma · (x - mean) / sqrt(variance + epsilon) + beta`` a channel.

    Training uses the statistics of the batch and moves the stored ones, whose variance
    is the unbiased one; a frozen layer, and inference, use the stored ones. Statistics are
    float32, and with stored ones all of the inside is.

    Args:
        classes: Rows of the tables ``gammas`` and ``betas`` ``[classes, C]``; 0 keeps one
            ``gamma`` and ``beta`` ``[C]`` for all.
        one_class: With 0 classes, keeps them as ``class_gamma`` and ``class_beta``
            ``[1, C]``: the row of a table whose other rows are gone.
        momentum: Of the stored statistics.
        epsilon: Added to the variance.

    Input ``[N, H, W, C]`` and, with classes, int labels ``[N]``; output ``[N, H, W, C]``.
    """

    by_row = ("gamma", "beta", "moving_mean", "moving_variance")

    def __init__(
        self,
        classes: int = 0,
        one_class: bool = False,
        momentum: float = 0.9,
        epsilon: float = 2e-5,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        if classes and one_class:
            raise ValueError("one class only where there are no classes")
        self.classes, self.one_class = classes, one_class
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape):
        channels = input_shape[-1]
        names, shape = ("gamma", "beta"), (channels,)
        if self.classes:
            names, shape = ("gammas", "betas"), (self.classes, channels)
        elif self.one_class:
            names, shape = ("class_gamma", "class_beta"), (1, channels)
        self.gamma, self.beta = (
            self.add_weight(shape=shape, name=name, initializer=initializer, autocast=False)
            for name, initializer in zip(names, ("ones", "zeros"), strict=True)
        )
        self.moving_mean, self.moving_variance = (
            self.add_weight(
                shape=(channels,),
                name=name,
                initializer=initializer,
                trainable=False,
                autocast=False,
            )
            for name, initializer in (("moving_mean", "zeros"), ("moving_variance", "ones"))
        )

    def call(self, x, label=None, training=False):
        if self.classes and label is None:
            raise ValueError("a table of classes needs labels")
        gamma, beta = (
            channelwise(by_row(v, _rows(tf.convert_to_tensor(v), label) if self.classes else None))
            for v in (self.gamma, self.beta)
        )
        if training and self.trainable:
            y, mean, variance, count = normalised_by_batch(x, self.epsilon)
            self._move(mean, variance, count)
            y = y * tf.cast(gamma, y.dtype) + tf.cast(beta, y.dtype)
        else:
            mean, variance = (
                channelwise(by_row(v)) for v in (self.moving_mean, self.moving_variance)
            )
            scale = gamma * tf.math.rsqrt(variance + self.epsilon)
            y = tf.cast(x, tf.float32) * scale + (beta - mean * scale)
        return tf.cast(y, self.compute_dtype)

    def _move(self, mean, variance, count) -> None:
        variance = variance * count / tf.maximum(count - 1.0, 1.0)
        for stored, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            step = (new - stored) * (1.0 - self.momentum)
            stored.assign_add(tf.stop_gradient(step))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "classes": self.classes,
            "one_class": self.one_class,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
