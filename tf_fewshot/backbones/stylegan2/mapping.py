"""StyleGAN2's mapping networks: of latents and labels to styles, of labels to scores."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...layers import EqualizedDense, PixelNorm, scaled_lrelu
from ...layers.by_row import by_row
from ..style_based.labels import LabelConcat


@keras.saving.register_keras_serializable("tf_fewshot")
class LabelEmbed(keras.layers.Layer):
    """A dense layer of the one-hot label, normalised, as StyleGAN2-ADA has it.

    Input int ``[N]``, output float32 ``[N, dim]``.
    """

    by_row = ("weight",)

    def __init__(self, num_classes: int, dim: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.dim = num_classes, dim
        self.norm = PixelNorm(name="PixelNorm", dtype="float32")

    def build(self, input_shape=None):
        self.runtime_scale = 1.0 / self.num_classes**0.5
        self.weight = self.add_weight(
            shape=(self.num_classes, self.dim),
            name="weight",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            autocast=False,
        )
        self.bias = self.add_weight(
            shape=(self.dim,), name="bias", initializer="zeros", autocast=False
        )

    def call(self, label):
        rows = by_row(self.weight, tf.gather(tf.convert_to_tensor(self.weight), label))
        return self.norm(rows * self.runtime_scale + self.bias)


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Mapping(keras.layers.Layer):
    """Maps latents ``[N, latent_dim]``, with int labels ``[N]``, to styles ``[N, w_dim]``.

    Args:
        latent_dim, w_dim: Sizes of the latents and of the styles.
        layers: Number of dense layers.
        width: Size of the hidden ones; None is ``w_dim``.
        lrmul: Their learning rate multiplier.
        num_classes: Number of classes; 0 takes no labels.
        conditioning: "concat" joins a class's vector to the latent and normalises both
            together (StyleGAN2); "embed" normalises each (StyleGAN2-ADA).
        label_dim: Size of a class's vector; None is ``latent_dim``.
    """

    def __init__(
        self,
        latent_dim: int,
        w_dim: int,
        layers: int,
        width: int | None = None,
        lrmul: float = 0.01,
        num_classes: int = 0,
        conditioning: str = "embed",
        label_dim: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.conditioning = conditioning
        self.norm = PixelNorm(name="PixelNorm", dtype="float32")
        self.embed: Any = None
        self.input_dim = latent_dim
        if num_classes:
            dim = latent_dim if label_dim is None else label_dim
            self.input_dim += dim
            cls = LabelConcat if conditioning == "concat" else LabelEmbed
            self.embed = cls(num_classes, dim, name=cls.__name__, dtype="float32")
        self.dense = _stack(layers, w_dim if width is None else width, w_dim, lrmul)

    def build(self, input_shape=None):
        if self.embed is not None:
            self.embed.build()
        _build(self.dense, self.input_dim)

    def call(self, z, label=None):
        if self.embed is None:
            x = self.norm(z)
        elif self.conditioning == "concat":
            x = self.norm(tf.concat([z, self.embed(label)], 1))
        else:
            x = tf.concat([self.norm(z), self.embed(label)], 1)
        for layer in self.dense:
            x = scaled_lrelu(layer(x))
        return x


@keras.saving.register_keras_serializable("tf_fewshot")
class LabelMapping(keras.layers.Layer):
    """Maps int labels ``[N]`` to what the discriminator's features are projected on.

    Output float32 ``[N, dim]``. Source: Karras et al., "Training Generative Adversarial
    Networks with Limited Data" (2020), after Miyato and Koyama (2018).
    """

    def __init__(self, num_classes: int, dim: int, layers: int, lrmul: float, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.embed = LabelEmbed(num_classes, dim, name="LabelEmbed", dtype="float32")
        self.dense = _stack(layers, dim, dim, lrmul)

    def build(self, input_shape=None):
        self.embed.build()
        _build(self.dense, self.dim)

    def call(self, label):
        x = self.embed(label)
        for layer in self.dense:
            x = scaled_lrelu(layer(x))
        return x


def _stack(layers: int, width: int, last: int, lrmul: float) -> list[EqualizedDense]:
    return [
        EqualizedDense(
            width if i < layers - 1 else last,
            gain=1.0,
            lrmul=lrmul,
            name=f"Dense{i}",
            dtype="float32",
        )
        for i in range(layers)
    ]


def _build(dense: list[EqualizedDense], dim: int) -> None:
    for layer in dense:
        layer.build((None, dim))
        dim = layer.units
