"""How labels enter StyleGAN and StyleGAN2, and which of their weights count classes."""

from __future__ import annotations

import keras
import tensorflow as tf

from ...layers.by_row import by_row
from ..errors import BackboneError
from ..extensions import Classes


@keras.saving.register_keras_serializable("tf_fewshot")
class LabelConcat(keras.layers.Layer):
    """A vector ``[dim]`` for each class, as StyleGAN2 joins it to the latent.

    Input int ``[N]``, output float32 ``[N, dim]``.
    """

    by_row = ("weight",)

    def __init__(self, num_classes: int, dim: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.dim = num_classes, dim

    def build(self, input_shape=None):
        self.weight = self.add_weight(
            shape=(self.num_classes, self.dim),
            name="weight",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            autocast=False,
        )

    def call(self, label):
        return by_row(self.weight, tf.gather(tf.convert_to_tensor(self.weight), label))


def labels_of(label, rows, classes: Classes):
    """The labels that a network needs: int ``[N]``, None without classes.

    Raises:
        BackboneError: if there are classes but no labels.
    """
    if not classes.rows:
        return None
    if classes.single:
        return tf.zeros([tf.shape(rows)[0]], tf.int32)
    if label is None:
        raise BackboneError(f"this StyleGAN has {classes.count} classes: say which with label")
    return tf.cast(label, tf.int32)
