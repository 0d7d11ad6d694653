"""What the generators of StyleGAN and StyleGAN2 share: how styles are made, mixed and truncated.

Source: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial
Networks" (CVPR 2019), section 3.1 and appendix B.
"""

from __future__ import annotations

import abc
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...layers import LatentGaussian, Miner
from ..errors import BackboneError


class StyleBasedGenerator(keras.Model, abc.ABC):
    """Mapping and synthesis networks, of two layers for each resolution.

    A subclass makes ``mapping``, which takes latents ``[N, latent_dim]``, and ``noises``, and has
    ``styles`` and ``activations``.

    Args:
        config: All arguments of the subclass but its name and policy, among them
            ``latent_dim``, ``w_dim``, ``channels``, ``use_noise``, ``miner``,
            ``latent_gaussian``, ``mixing`` and ``w_avg_beta``.
    """

    mapping: Any
    noises: list

    def __init__(self, config: dict[str, Any], name: str, **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = config
        self.latent_dim, self.w_dim = config["latent_dim"], config["w_dim"]
        self.mixing, self.w_avg_beta = config["mixing"], config["w_avg_beta"]
        self.use_noise = config["use_noise"]
        self.num_layers = 2 * len(config["channels"])
        self.miner = Miner(config["miner"], name="miner") if config["miner"] else None
        self.latent_gaussian: LatentGaussian | None = None
        if config["latent_gaussian"]:
            size = self.num_layers * self.w_dim
            rank = config["latent_gaussian"]
            self.latent_gaussian = LatentGaussian(rank, size, name="latent_gaussian")
        self.seeds = keras.random.SeedGenerator(0, name="seeds")

    def build(self, input_shape=None):
        """Makes the weights up to the styles; a subclass makes those that draw."""
        if self.miner is not None:
            self.miner.build((None, self.latent_dim))
        self.mapping.build((None, self.latent_dim))
        self.w_avg = self.add_weight(
            shape=(self.w_dim,), name="w_avg", initializer="zeros", trainable=False, autocast=False
        )
        if self.latent_gaussian is not None:
            self.latent_gaussian.build()

    def call(self, z, label=None, training=False):
        if not training:
            return self.synthesize(self.layer_styles(z, label))
        w = self.styles(z, label)
        # As batch normalisation: what is frozen keeps its statistics.
        if self.trainable:
            step = (tf.reduce_mean(w, 0) - self.w_avg) * (1.0 - self.w_avg_beta)
            self.w_avg.assign_add(tf.stop_gradient(step))
        return self.synthesize(self._mixed(self._carried(z, w), label), noise="random")

    @abc.abstractmethod
    def styles(self, z, label=None) -> Any:
        """Styles float32 ``[N, w_dim]`` of latents ``[N, latent_dim]`` and labels ``[N]``."""

    @abc.abstractmethod
    def activations(self, ws, noise: str = "const") -> list[Any]:
        """What each layer gives, the last of them the images, of styles ``[N, layers, w_dim]``.

        ``noise`` is "const" for the noise maps of the weights, "random" or "none".
        """

    def synthesize(self, ws, noise: str = "const"):
        """Images float32 ``[N, H, W, C]`` of styles ``[N, layers, w_dim]``."""
        return self.activations(ws, noise)[-1]

    def broadcast(self, w):
        """Styles ``[N, layers, w_dim]`` of every layer, the same, of ``w`` ``[N, w_dim]``."""
        return tf.tile(w[:, None], [1, self.num_layers, 1])

    def layer_styles(self, z, label=None):
        """Styles ``[N, layers, w_dim]`` of latents: of one ``w``, or a fitted Gaussian's."""
        return self._carried(z, self.styles(z, label))

    def _carried(self, z, w):
        ws = self.broadcast(w)
        if self.latent_gaussian is None:
            return ws
        flat = tf.reshape(ws, [-1, self.latent_gaussian.size])
        return tf.reshape(self.latent_gaussian(z, flat), tf.shape(ws))

    def truncate(self, ws, psi, layers: int | None = None):
        """Moves the styles of the first ``layers`` (None: all) towards the mean by ``psi``.

        ``psi`` is a number, or float32 ``[N, 1]``, one for each row; 1 moves nothing.
        """
        psi = tf.reshape(tf.cast(psi, tf.float32), [-1, 1, 1])
        count = self.num_layers if layers is None else layers
        first = (np.arange(self.num_layers) < count)[None, :, None]
        centre = tf.tile(tf.convert_to_tensor(self.w_avg)[None], [self.num_layers, 1])
        if self.latent_gaussian is not None:
            flat = self.latent_gaussian.centre(tf.reshape(centre, [-1]))
            centre = tf.reshape(flat, tf.shape(centre))
        return centre + (ws - centre) * tf.where(first, psi, 1.0)

    def _mixed(self, ws, label=None):
        """Styles of all layers, for some rows those of other latents from a random layer on."""
        if not self.mixing:
            return ws
        n = tf.shape(ws)[0]
        z = keras.random.normal((n, self.latent_dim), seed=self.seeds)
        cut = keras.random.randint((n,), 1, self.num_layers, seed=self.seeds)
        mix = keras.random.uniform((n,), seed=self.seeds) < self.mixing
        cut = tf.where(mix, cut, self.num_layers)
        keep = tf.range(self.num_layers)[None] < cut[:, None]
        return tf.where(keep[:, :, None], ws, self.layer_styles(z, label))

    def _noise_weight(self, i: int, size: int):
        return self.add_weight(
            shape=(1, size, size, 1),
            name=f"noise{i}",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
        )

    def _noise(self, i: int, size: int, n, kind: str):
        """The map ``[1 or n, size, size, 1]`` of noise input ``i``; None without."""
        if kind not in ("const", "random", "none"):
            raise BackboneError(f"noise must be 'const', 'random' or 'none', not {kind!r}")
        if kind == "none" or not self.use_noise:
            return None
        if kind == "const":
            return tf.convert_to_tensor(self.noises[i])
        return keras.random.normal((n, size, size, 1), seed=self.seeds)

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
