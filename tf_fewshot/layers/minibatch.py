"""Minibatch standard deviation. Source: "Progressive Growing of GANs", section 3."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..splitting import gathered, of_share, share


@keras.saving.register_keras_serializable("tf_fewshot")
class MinibatchStdDev(keras.layers.Layer):
    """Appends channels: the mean standard deviation over a group of images.

    Args:
        group_size: Largest number of images in a group. A batch that it does not
            divide is split into the largest groups that divide it, so that any
            batch size works (the original demands a multiple). None: the whole batch.
        features: How many channels are appended, each for as many neighbouring channels.

    Input ``[N, H, W, C]``, output ``[N, H, W, C + features]``.
    """

    def __init__(self, group_size: int | None = 4, features: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.group_size, self.features = group_size, features

    def call(self, x):
        # Groups reach across the shares of replicas.
        spread = share(self._spread(gathered(x))) if of_share() else self._spread(x)
        return tf.concat([x, spread], -1)

    def _spread(self, x):
        """The channels that are appended to the whole batch."""
        n = tf.shape(x)[0]
        group = n
        if self.group_size is not None:
            sizes = tf.range(1, tf.minimum(self.group_size, n) + 1)
            group = tf.reduce_max(tf.where((n % sizes) == 0, sizes, 1))
        h, w, c = x.shape[1:]
        y = tf.reshape(x, [group, -1, h * w, self.features, c // self.features])
        y = tf.cast(y, tf.float32)
        y = y - tf.reduce_mean(y, 0, keepdims=True)
        y = tf.sqrt(tf.reduce_mean(tf.square(y), 0) + 1e-8)
        y = tf.reduce_mean(y, [1, 3])[:, None, None]
        y = tf.tile(tf.cast(y, x.dtype), [group, h, w, 1])
        return tf.ensure_shape(y, [*x.shape[:-1], self.features]) if of_share() else y

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.features)

    def get_config(self) -> dict:
        config = {"group_size": self.group_size, "features": self.features}
        return {**super().get_config(), **config}
