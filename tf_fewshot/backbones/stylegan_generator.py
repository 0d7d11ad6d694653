"""The generator of StyleGAN (version 1): mapping and synthesis.

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from ..layers import EqualizedConv2D, Miner, upscale2d
from .errors import BackboneError
from .stylegan_layers import Mapping, SynthesisBlock


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

    def styles(self, z, label=None):
        """Styles ``w`` ``[N, w_dim]`` of latents ``[N, latent_dim]``; labels are ignored."""
        del label
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
