"""StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019). The framework of the EWC paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..layers import (
    AdaIN,
    AddNoise,
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    MinibatchStdDev,
    PixelNorm,
    ScaleShift,
    downscale2d,
    upscale2d,
)
from .base import GAN, BackboneError, ScaleShiftRole, Stage, build_networks, register

_FUSE_FROM = 128


def default_channels(resolution: int, base: int = 8192, maximum: int = 512) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels as in the released networks."""
    stages = int(math.log2(resolution)) - 1
    return [min(base // 2 ** (i + 1), maximum) for i in range(stages)]


def _lrelu(x):
    return tf.nn.leaky_relu(x, 0.2)


def _fuse(fused: bool | str, resolution: int) -> bool:
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
            w = _lrelu(layer(w))
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
        x = _lrelu(x + tf.cast(self.bias, x.dtype))
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
            fuse = _fuse(fused, resolution)
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
        w0, w1 = styles
        if self.first:
            x = tf.tile(tf.cast(self.const, self.compute_dtype), [tf.shape(w0)[0], 1, 1, 1])
        else:
            x = self.blur(self.conv0(x))
        x = self.epilogue0(x, w0, noises[0])
        return self.epilogue1(self.conv1(x), w1, noises[1])


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
            "mixing": mixing,
            "w_avg_beta": w_avg_beta,
        }
        self.resolution, self.latent_dim, self.w_dim = resolution, latent_dim, w_dim
        self.fading, self.mixing, self.w_avg_beta = fading, mixing, w_avg_beta
        self.use_noise = use_noise
        self.resolutions = [4 * 2**i for i in range(len(channels))]
        self.num_layers = 2 * len(channels)
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
            return self.synthesize(self.broadcast(self.mapping(z)))
        w = self.mapping(z)
        # As batch normalisation: what is frozen keeps its statistics.
        if self.trainable:
            step = (tf.reduce_mean(w, 0) - self.w_avg) * (1.0 - self.w_avg_beta)
            self.w_avg.assign_add(tf.stop_gradient(step))
        return self.synthesize(self._mixed(w), noise="random")

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
        x, images = None, {}
        for i, block in enumerate(self.blocks):
            styles = (ws[:, 2 * i], ws[:, 2 * i + 1])
            maps = tuple(self._noise(2 * i + k, tf.shape(ws)[0], noise) for k in (0, 1))
            x = block(x, styles, maps)
            to_rgb = self.to_rgb.get(str(block.resolution))
            if to_rgb is not None:
                images[block.resolution] = to_rgb(tf.cast(x, tf.float32))
        image = images[self.resolution]
        if self.fading:
            image += (upscale2d(images[self.resolution // 2]) - image) * self.lod
        return image

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
        other = self.mapping(keras.random.normal((n, self.latent_dim), seed=self.seeds))
        cut = keras.random.randint((n,), 1, self.num_layers, seed=self.seeds)
        mix = keras.random.uniform((n,), seed=self.seeds) < self.mixing
        cut = tf.where(mix, cut, self.num_layers)
        keep = tf.range(self.num_layers)[None] < cut[:, None]
        return tf.where(keep[:, :, None], ws, other[:, None])

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorBlock(keras.layers.Layer):
    """The two convolutions of one resolution; the second halves the image."""

    def __init__(self, resolution, channels, out_channels, fused, **kwargs):
        kwargs.setdefault("name", f"{resolution}x{resolution}")
        super().__init__(autocast=False, **kwargs)
        self.resolution, self.channels = resolution, channels
        self.conv0 = EqualizedConv2D(channels, name="Conv0", dtype=self.dtype_policy)
        self.blur = Blur(name="Blur", dtype=self.dtype_policy)
        self.conv1 = EqualizedConv2D(
            out_channels,
            resample="down",
            fused=_fuse(fused, resolution),
            name="Conv1_down",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.conv0.build(input_shape)
        self.conv1.build((None, self.resolution, self.resolution, self.channels))

    def call(self, x):
        x = _lrelu(self.conv0(x))
        return _lrelu(self.conv1(self.blur(x)))


@keras.saving.register_keras_serializable("tf_fewshot")
class DiscriminatorHead(keras.layers.Layer):
    """The last, 4 × 4 resolution: minibatch standard deviation to logit, in float32."""

    def __init__(self, channels, mbstd_group, **kwargs):
        kwargs.setdefault("name", "4x4")
        super().__init__(**kwargs)
        self.mbstd_group = mbstd_group
        self.stddev = MinibatchStdDev(mbstd_group, name="MinibatchStdDev", dtype="float32")
        self.conv = EqualizedConv2D(channels, name="Conv", dtype="float32")
        self.dense0 = EqualizedDense(channels, name="Dense0", dtype="float32")
        self.dense1 = EqualizedDense(1, gain=1.0, name="Dense1", dtype="float32")

    def build(self, input_shape):
        channels = input_shape[-1]
        self.conv.build((None, 4, 4, channels + (self.mbstd_group > 1)))
        self.dense0.build((None, 16 * self.conv.filters))
        self.dense1.build((None, self.dense0.units))

    def call(self, x):
        x = tf.cast(x, tf.float32)
        if self.mbstd_group > 1:
            x = self.stddev(x)
        x = _lrelu(self.conv(x))
        x = _lrelu(self.dense0(tf.reshape(x, [-1, 16 * self.conv.filters])))
        return self.dense1(x)


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANDiscriminator(keras.Model):
    """StyleGAN's discriminator; see :class:`StyleGANGenerator` for the arguments.

    Args:
        mbstd_group: Group of the minibatch standard deviation; 1 leaves it out.
    """

    def __init__(
        self,
        resolution: int,
        channels: Sequence[int],
        fused: bool | str = "auto",
        fading: bool = False,
        mbstd_group: int = 4,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "resolution": resolution,
            "channels": list(channels),
            "fused": fused,
            "fading": fading,
            "mbstd_group": mbstd_group,
        }
        self.resolution, self.fading = resolution, fading
        resolutions = [4 * 2**i for i in range(len(channels))][::-1]
        widths = list(channels)[::-1]
        seen = resolutions[:2] if fading else resolutions[:1]
        self.from_rgb = {
            str(r): EqualizedConv2D(c, 1, name=f"FromRGB_{r}x{r}", dtype=self.dtype_policy)
            for r, c in zip(seen, widths, strict=False)
        }
        self.blocks = [
            DiscriminatorBlock(r, widths[i], widths[i + 1], fused, dtype=self.dtype_policy)
            for i, r in enumerate(resolutions[:-1])
        ]
        self.head = DiscriminatorHead(widths[-1], mbstd_group, dtype="float32")
        self._widths = widths

    def build(self, input_shape=None):
        for r, layer in self.from_rgb.items():
            layer.build((None, int(r), int(r), 3))
        for i, block in enumerate(self.blocks):
            block.build((None, block.resolution, block.resolution, self._widths[i]))
        self.head.build((None, 4, 4, self._widths[-1]))
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )

    def call(self, images, label=None, training=False):
        del label, training
        images = tf.convert_to_tensor(images)
        x = self._seen(images)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == 0 and self.fading:
                small = self._seen(downscale2d(images))
                x += (small - x) * tf.cast(self.lod, x.dtype)
        return self.head(x)

    def _seen(self, images):
        return _lrelu(self.from_rgb[str(images.shape[1])](tf.cast(images, self.compute_dtype)))

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}


@register("stylegan")
class StyleGAN(GAN):
    """StyleGAN v1 with its discriminator.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim, mapping_layers: Of the mapping network.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        fused, fading, scale_shift, use_noise: See :class:`StyleGANGenerator`.
        mbstd_group: Group of the minibatch standard deviation.
        truncation_layers: How many layers ψ acts on.
        dtype: Keras dtype policy, such as "mixed_bfloat16".
    """

    def __init__(
        self,
        resolution: int = 64,
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
        channels: Sequence[int] | None = None,
        fused: bool | str = "auto",
        fading: bool = False,
        scale_shift: bool = False,
        use_noise: bool = True,
        mbstd_group: int = 4,
        truncation_layers: int = 8,
        dtype: str = "float32",
    ):
        if resolution < 8 or resolution & (resolution - 1):
            raise BackboneError(f"resolution must be a power of two from 8, not {resolution}")
        channels = list(channels) if channels is not None else default_channels(resolution)
        if len(channels) != int(math.log2(resolution)) - 1:
            raise BackboneError(
                f"{resolution} px need {int(math.log2(resolution)) - 1} entries in channels "
                f"(for 4, 8, … {resolution}), not {len(channels)}"
            )
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            w_dim=w_dim,
            mapping_layers=mapping_layers,
            channels=channels,
            fused=fused,
            fading=fading,
            scale_shift=scale_shift,
            use_noise=use_noise,
            mbstd_group=mbstd_group,
            truncation_layers=truncation_layers,
            dtype=dtype,
        )
        self.generator: Any = StyleGANGenerator(
            resolution,
            latent_dim,
            w_dim,
            mapping_layers,
            channels,
            fused=fused,
            fading=fading,
            scale_shift=scale_shift,
            use_noise=use_noise,
            dtype=dtype,
        )
        self.discriminator: Any = StyleGANDiscriminator(
            resolution, channels, fused=fused, fading=fading, mbstd_group=mbstd_group, dtype=dtype
        )
        build_networks(
            (self.generator, (latent_dim,)), (self.discriminator, (resolution, resolution, 3))
        )
        self._free_scale: np.ndarray | None = None

    @property
    def latent_dim(self) -> int:
        return self.config["latent_dim"]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config["resolution"], self.config["resolution"], 3)

    def truncate_latents(self, z, truncation):
        """Returns ``z``: StyleGAN truncates its styles."""
        del truncation
        return z

    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        del label
        ws = self.generator.broadcast(self.generator.mapping(z))
        if truncation is not None:
            ws = self.generator.truncate(ws, truncation, self.config["truncation_layers"])
        return self.generator.synthesize(ws, noise)

    # Pictures are fitted among the styles: pixel normalisation makes z = 0, where a
    # latent table begins, a pole of the mapping network.

    @property
    def free_latent_dim(self) -> int:
        return self.config["w_dim"]

    def free_latents(self, z, label=None):
        del label
        return (self.generator.mapping(z) - self.generator.w_avg) / self._scale()

    def synthesize(self, free, label=None, training: bool = False):
        del label
        ws = self.generator.broadcast(self.generator.w_avg + free * self._scale())
        return self.generator.synthesize(ws, noise="random" if training else "const")

    def _scale(self) -> np.ndarray:
        """Standard deviation of each component of the styles, ``[w_dim]``."""
        scale = self._free_scale
        if scale is None:
            with tf.init_scope():
                styles = self.generator.mapping(self.sample_latents(4096, seed=0))
                scale = self._free_scale = np.std(np.asarray(styles), 0) + 1e-8
        return scale

    def generator_stages(self) -> list[Stage]:
        g = self.generator
        stages = [Stage("mapping", (*g.mapping.weights, g.w_avg))]
        for i, block in enumerate(g.blocks):
            variables = [*block.weights, *g.noises[2 * i : 2 * i + 2]]
            stages.append(Stage(block.name, tuple(variables)))
        last = [v for layer in g.to_rgb.values() for v in layer.weights]
        stages.append(Stage("ToRGB", (*last, *([g.lod] if g.fading else []))))
        return stages

    def synthesis_stages(self) -> list[Stage]:
        return self.generator_stages()[1:]

    def discriminator_stages(self) -> list[Stage]:
        d = self.discriminator
        if d is None:
            return []
        first = [v for layer in d.from_rgb.values() for v in layer.weights]
        stages = [Stage("FromRGB", (*first, *([d.lod] if d.fading else [])))]
        stages += [Stage(block.name, tuple(block.weights)) for block in d.blocks]
        return [*stages, Stage("4x4", tuple(d.head.weights))]

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        if not self.config["scale_shift"]:
            raise BackboneError("this StyleGAN has no scale and shift: use with_scale_shift()")
        roles = []
        for block in self.generator.blocks:
            for epilogue in (block.epilogue0, block.epilogue1):
                layer = epilogue.scale_shift
                if layer is not None:
                    name = f"{block.name}/{epilogue.name}"
                    roles.append(ScaleShiftRole(name, (layer.gamma,), (layer.beta,)))
        return roles
