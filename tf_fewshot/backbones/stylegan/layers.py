"""The layers of StyleGAN's generator, and what its discriminator has in common with them.

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ...layers import AdaIN, AddNoise, Blur, EqualizedConv2D, EqualizedDense, PixelNorm
from ..extensions import Extensions
from ..style_based.labels import LabelConcat
from .config import GeneratorConfig, MappingConfig

_FUSE_FROM = 128

# The fields of a dataclass, as Keras keeps arguments.
Fields = abc.Mapping[str, Any]


def lrelu(x):
    """Leaky ReLU of slope 0.2, StyleGAN's only nonlinearity."""
    return tf.nn.leaky_relu(x, 0.2)


def fuses(fused: bool | str, resolution: int) -> bool:
    """Whether resampling and convolution are one at this resolution."""
    return resolution >= _FUSE_FROM if fused == "auto" else bool(fused)


@keras.saving.register_keras_serializable("tf_fewshot")
class Mapping(keras.layers.Layer):
    """Maps latents ``[N, latent_dim]`` to styles ``w`` ``[N, w_dim]`` by a dense network.

    Args:
        w_dim: Size of the styles.
        config: How many layers there are, and of which form: the fields of a ``MappingConfig``.
        classes: Rows of a table of vectors, of which the one of the label is joined to the
            latent; 0 has no labels.
        latent_dim: Size of such a vector.

    The inputs are latents, and int labels ``[N]`` where there are classes.
    """

    def __init__(self, w_dim: int, config: Fields, classes: int = 0, latent_dim: int = 0, **kwargs):
        super().__init__(**kwargs)
        form = MappingConfig(**config)
        width = w_dim if form.mapping_width is None else form.mapping_width
        last = form.mapping_layers - 1
        self.norm = PixelNorm(name="PixelNorm", dtype="float32") if form.normalize_latents else None
        self.embed: LabelConcat | None = (
            LabelConcat(classes, latent_dim, name="LabelConcat", dtype="float32")
            if classes
            else None
        )
        self.dense = [
            EqualizedDense(
                w_dim if i == last else width,
                lrmul=form.mapping_lrmul,
                name=f"Dense{i}",
                dtype="float32",
            )
            for i in range(form.mapping_layers)
        ]

    def build(self, input_shape):
        shape = input_shape
        if self.embed is not None:
            self.embed.build()
            shape = (None, input_shape[-1] + self.embed.dim)
        for layer in self.dense:
            layer.build(shape)
            shape = (None, layer.units)

    def call(self, z, label=None):
        w = z if self.embed is None else tf.concat([z, self.embed(label)], 1)
        w = w if self.norm is None else self.norm(w)
        for layer in self.dense:
            w = lrelu(layer(w))
        return w


@keras.saving.register_keras_serializable("tf_fewshot")
class Epilogue(keras.layers.Layer):
    """What follows every convolution: noise, bias, leaky ReLU, AdaIN, and what extensions add.

    Args:
        config: Whether there is a noise input, and what is normalised: the fields of a
            ``GeneratorConfig``.
        extensions: What adds layers.
        place: Name of the layer among all of the network.
    """

    def __init__(
        self,
        config: Fields,
        extensions: Extensions | Iterable = (),
        place: str = "",
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        dtype, form = self.dtype_policy, GeneratorConfig(**config)
        self.noise = AddNoise(name="Noise", dtype=dtype) if form.use_noise else None
        self.norm = PixelNorm(name="PixelNorm", dtype="float32") if form.pixel_norm else None
        self.adain = AdaIN(normalised=form.instance_norm, name="AdaIN", dtype=dtype)
        self.added = Extensions.of(extensions).hidden(self, "{camel}", place)

    def build(self, input_shape, style_shape, noise_shape=None):
        channels = input_shape[-1]
        if self.noise is not None:
            self.noise.build(input_shape)
        self.bias = self.add_weight(
            shape=(channels,), name="bias", initializer="zeros", autocast=False
        )
        self.adain.build(input_shape, style_shape)
        self.added.build(input_shape)

    def call(self, x, w, noise):
        if noise is not None and self.noise is not None:
            x = self.noise(x, noise)
        x = lrelu(x + tf.cast(self.bias, x.dtype))
        if self.norm is not None:
            x = tf.cast(self.norm(x), x.dtype)
        return self.added(self.adain(x, w))


@keras.saving.register_keras_serializable("tf_fewshot")
class SynthesisBlock(keras.layers.Layer):
    """The two styled layers of one resolution.

    Args:
        resolution, channels: Of the output.
        w_dim: Size of the styles.
        fused: Whether resampling and convolution are one; "auto" from 128 px.
        config: Of what follows both layers.
        blur: Low-pass filter of the doubling.
        extensions: What adds layers after both, but for the second of the last resolution.
        last: Whether this is the last resolution.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        w_dim: int,
        fused: bool | str,
        config: Fields,
        blur: Sequence[float],
        extensions: Extensions | Iterable = (),
        last: bool = False,
        **kwargs,
    ):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels, self.w_dim = resolution, channels, w_dim
        self.first = resolution == 4
        same = {"use_bias": False, "dtype": self.dtype_policy}
        if not self.first:
            fuse = fuses(fused, resolution)
            self.conv0 = EqualizedConv2D(
                channels, resample="up", fused=fuse, name="Conv0_up", **same
            )
            self.blur = Blur(blur, name="Blur", dtype=self.dtype_policy)
        self.epilogue0 = self._epilogue("Epilogue0", config, extensions)
        self.conv1 = EqualizedConv2D(channels, name="Conv1", **same)
        self.epilogue1 = self._epilogue("Epilogue1", config, () if last else extensions)

    def _epilogue(self, name: str, config: Fields, extensions) -> Epilogue:
        place = f"{self.name}/{name}"
        return Epilogue(config, extensions, place, name=name, dtype=self.dtype_policy)

    def build(self, input_shape, styles_shape=None, noises_shape=None):
        r = self.resolution
        if self.first:
            self.const = self.add_weight(
                shape=(1, 4, 4, self.channels), name="const", initializer="ones", autocast=False
            )
        else:
            self.conv0.build(input_shape)
        shape, style = (None, r, r, self.channels), (None, self.w_dim)
        self.epilogue0.build(shape, style)
        self.conv1.build(shape)
        self.epilogue1.build(shape, style)

    def call(self, x, styles, noises):
        return self.activations(x, styles, noises)[-1]

    def activations(self, x, styles, noises) -> list:
        """What both layers give."""
        w0, w1 = styles
        if self.first:
            x = tf.tile(tf.cast(self.const, self.compute_dtype), [tf.shape(w0)[0], 1, 1, 1])
        else:
            x = self.blur(self.conv0(x))
        x = self.epilogue0(x, w0, noises[0])
        return [x, self.epilogue1(self.conv1(x), w1, noises[1])]
