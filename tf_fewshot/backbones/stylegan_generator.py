"""The generator of StyleGAN (version 1): mapping and synthesis.

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from ..layers import (
    AdaIN,
    AddNoise,
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    Miner,
    PixelNorm,
    ScaleShift,
    upscale2d,
)
from .base import BackboneError

_FUSE_FROM = 128


def lrelu(x):
    """Leaky ReLU of slope 0.2, StyleGAN's only nonlinearity."""
    return tf.nn.leaky_relu(x, 0.2)


def fuses(fused: bool | str, resolution: int) -> bool:
    """Whether resampling and convolution are one at this resolution."""
    return resolution >= _FUSE_FROM if fused == "auto" else bool(fused)


@keras.saving.register_keras_serializable("tf_fewshot")
class Mapping(keras.layers.Layer):
    """Maps latents ``[N, latent_dim]`` to styles ``w`` ``[N, w_dim]`` by a dense network."""

    def __init__(self, w_dim: int, layers: int, lrmul: float = 0.01, **kwargs):
        super().__init__(**kwargs)
        self.norm = PixelNorm(name="PixelNorm", dtype="float32")
        self.dense = [
            EqualizedDense(w_dim, lrmul=lrmul, name=f"Dense{i}", dtype="float32")
            for i in range(layers)
        ]

    def build(self, input_shape):
        shape = input_shape
        for layer in self.dense:
            layer.build(shape)
            shape = (None, layer.units)

    def call(self, z):
        w = self.norm(z)
        for layer in self.dense:
            w = lrelu(layer(w))
        return w


@keras.saving.register_keras_serializable("tf_fewshot")
class Epilogue(keras.layers.Layer):
    """What follows every convolution: noise, bias, leaky ReLU, AdaIN, scale and shift."""

    def __init__(self, scale_shift: bool, use_noise: bool, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.noise = AddNoise(name="Noise", dtype=self.dtype_policy) if use_noise else None
        self.adain = AdaIN(name="AdaIN", dtype=self.dtype_policy)
        self.scale_shift = (
            ScaleShift(name="ScaleShift", dtype=self.dtype_policy) if scale_shift else None
        )

    def build(self, input_shape, style_shape, noise_shape=None):
        channels = input_shape[-1]
        if self.noise is not None:
            self.noise.build(input_shape)
        self.bias = self.add_weight(
            shape=(channels,), name="bias", initializer="zeros", autocast=False
        )
        self.adain.build(input_shape, style_shape)
        if self.scale_shift:
            self.scale_shift.build(input_shape)

    def call(self, x, w, noise):
        if noise is not None and self.noise is not None:
            x = self.noise(x, noise)
        x = lrelu(x + tf.cast(self.bias, x.dtype))
        x = self.adain(x, w)
        return self.scale_shift(x) if self.scale_shift else x


@keras.saving.register_keras_serializable("tf_fewshot")
class SynthesisBlock(keras.layers.Layer):
    """The two styled layers of one resolution."""

    def __init__(self, resolution, channels, w_dim, fused, scale_shift, use_noise, **kwargs):
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
            self.blur = Blur(name="Blur", dtype=self.dtype_policy)
        self.epilogue0 = Epilogue(
            scale_shift[0], use_noise, name="Epilogue0", dtype=self.dtype_policy
        )
        self.conv1 = EqualizedConv2D(channels, name="Conv1", **same)
        self.epilogue1 = Epilogue(
            scale_shift[1], use_noise, name="Epilogue1", dtype=self.dtype_policy
        )

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


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANGenerator(keras.Model):
    """StyleGAN's mapping and synthesis networks.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        mapping_layers: Dense layers of the mapping network.
        channels: Channels at 4, 8, … ``resolution`` pixels.
        fused: Whether resampling and convolution are one; "auto" from 128 px.
        fading: Whether the last resolution is faded in by the weight ``lod``
            (1: only the resolution below is seen, 0: only the last).
        scale_shift: Adds :class:`ScaleShift` to every hidden layer but the last.
        use_noise: Whether every layer has noise inputs. Drawings of flat colour have
            nothing random for them to make, and the grain that they leave shows.
        miner: Widths of the hidden layers of a :class:`Miner` before the mapping network;
            none leaves it out.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
    """

    def __init__(
        self,
        resolution: int,
        latent_dim: int,
        w_dim: int,
        mapping_layers: int,
        channels: Sequence[int],
        fused: bool | str = "auto",
        fading: bool = False,
        scale_shift: bool = False,
        use_noise: bool = True,
        miner: Sequence[int] = (),
        mixing: float = 0.9,
        w_avg_beta: float = 0.995,
        name: str = "generator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "resolution": resolution,
            "latent_dim": latent_dim,
            "w_dim": w_dim,
            "mapping_layers": mapping_layers,
            "channels": list(channels),
            "fused": fused,
            "fading": fading,
            "scale_shift": scale_shift,
            "use_noise": use_noise,
            "miner": list(miner),
            "mixing": mixing,
            "w_avg_beta": w_avg_beta,
        }
        self.resolution, self.latent_dim, self.w_dim = resolution, latent_dim, w_dim
        self.fading, self.mixing, self.w_avg_beta = fading, mixing, w_avg_beta
        self.use_noise = use_noise
        self.resolutions = [4 * 2**i for i in range(len(channels))]
        self.num_layers = 2 * len(channels)
        self.miner = Miner(miner, name="miner") if miner else None
        self.mapping = Mapping(w_dim, mapping_layers, name="mapping", dtype="float32")
        last = resolution
        self.blocks = [
            SynthesisBlock(
                r,
                c,
                w_dim,
                fused,
                (scale_shift, scale_shift and r != last),
                use_noise,
                dtype=self.dtype_policy,
            )
            for r, c in zip(self.resolutions, channels, strict=True)
        ]
        # In float32: rounding here shows as colour fringes.
        shown = self.resolutions[-2:] if fading else self.resolutions[-1:]
        self.to_rgb = {
            str(r): EqualizedConv2D(3, 1, gain=1.0, name=f"ToRGB_{r}x{r}", dtype="float32")
            for r in shown
        }
        self.seeds = keras.random.SeedGenerator(0, name="seeds")

    def build(self, input_shape=None):
        if self.miner is not None:
            self.miner.build((None, self.latent_dim))
        self.mapping.build((None, self.latent_dim))
        self.w_avg = self.add_weight(
            shape=(self.w_dim,), name="w_avg", initializer="zeros", trainable=False, autocast=False
        )
        self.noises = [
            self.add_weight(
                shape=(1, 4 * 2 ** (i // 2), 4 * 2 ** (i // 2), 1),
                name=f"noise{i}",
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                trainable=False,
                autocast=False,
            )
            for i in range(self.num_layers if self.use_noise else 0)
        ]
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )
        shape = (None, 4, 4, None)
        for block in self.blocks:
            block.build(shape)
            shape = (None, block.resolution, block.resolution, block.channels)
            if str(block.resolution) in self.to_rgb:
                self.to_rgb[str(block.resolution)].build(shape)

    def call(self, z, label=None, training=False):
        del label
        if not training:
            return self.synthesize(self.broadcast(self.styles(z)))
        w = self.styles(z)
        # As batch normalisation: what is frozen keeps its statistics.
        if self.trainable:
            step = (tf.reduce_mean(w, 0) - self.w_avg) * (1.0 - self.w_avg_beta)
            self.w_avg.assign_add(tf.stop_gradient(step))
        return self.synthesize(self._mixed(w), noise="random")

    def styles(self, z):
        """Styles ``w`` ``[N, w_dim]`` of latents ``[N, latent_dim]``."""
        return self.mapping(z if self.miner is None else self.miner(z))

    def broadcast(self, w):
        """Repeats ``w`` ``[N, w_dim]`` for every layer: ``[N, layers, w_dim]``."""
        return tf.tile(w[:, None], [1, self.num_layers, 1])

    def truncate(self, ws, psi, layers: int = 8):
        """Moves the styles of the first ``layers`` towards the mean by the factor ``psi``.

        ``psi`` is a number, or float32 ``[N, 1]``, one for each row; 1 moves nothing.
        """
        psi = tf.reshape(tf.cast(psi, tf.float32), [-1, 1, 1])
        first = (np.arange(self.num_layers) < layers)[None, :, None]
        return self.w_avg + (ws - self.w_avg) * tf.where(first, psi, 1.0)

    def synthesize(self, ws, noise: str = "const"):
        """Images float32 ``[N, H, W, 3]`` of styles ``[N, layers, w_dim]``."""
        return self.activations(ws, noise)[-1]

    def activations(self, ws, noise: str = "const") -> list:
        """What each layer gives, the last of them the images."""
        found, images = [None], {}
        for i, block in enumerate(self.blocks):
            styles = (ws[:, 2 * i], ws[:, 2 * i + 1])
            maps = tuple(self._noise(2 * i + k, tf.shape(ws)[0], noise) for k in (0, 1))
            found += block.activations(found[-1], styles, maps)
            to_rgb = self.to_rgb.get(str(block.resolution))
            if to_rgb is not None:
                images[block.resolution] = to_rgb(tf.cast(found[-1], tf.float32))
        image = images[self.resolution]
        if self.fading:
            image += (upscale2d(images[self.resolution // 2]) - image) * self.lod
        return [*found[1:], image]

    def _noise(self, i: int, n, kind: str):
        if kind not in ("const", "random", "none"):
            raise BackboneError(f"noise must be 'const', 'random' or 'none', not {kind!r}")
        if kind == "none" or not self.use_noise:
            return None
        if kind == "const":
            return tf.convert_to_tensor(self.noises[i])
        size = 4 * 2 ** (i // 2)
        return keras.random.normal((n, size, size, 1), seed=self.seeds)

    def _mixed(self, w):
        ws = self.broadcast(w)
        if not self.mixing:
            return ws
        n = tf.shape(w)[0]
        other = self.styles(keras.random.normal((n, self.latent_dim), seed=self.seeds))
        cut = keras.random.randint((n,), 1, self.num_layers, seed=self.seeds)
        mix = keras.random.uniform((n,), seed=self.seeds) < self.mixing
        cut = tf.where(mix, cut, self.num_layers)
        keep = tf.range(self.num_layers)[None] < cut[:, None]
        return tf.where(keep[:, :, None], ws, other[:, None])

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
