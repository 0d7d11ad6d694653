"""What style-based generators share: how styles are made, mixed and truncated.

Source: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial
Networks" (CVPR 2019), section 3.1 and appendix B.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...layers.by_row import by_row
from ...splitting import batch_mean, drawn
from ..errors import BackboneError
from ..network import Network
from .labels import labels_of


@dataclasses.dataclass(frozen=True)
class StyleOptions:
    """What a style-based generator is told beside its configuration's sizes.

    Attributes:
        use_noise: Whether every layer has noise inputs. Drawings of flat colour have
            nothing random for them to make, and the grain that they leave shows.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
        layers: How many layers have a style.
    """

    use_noise: bool
    mixing: float
    w_avg_beta: float
    layers: int


class StyleBasedGenerator(Network, abc.ABC):
    """Mapping and synthesis networks.

    A subclass makes ``mapping``, which takes latents ``[N, latent_dim]`` and labels, and
    ``noises``, and has ``activations``. Extensions act on ``z``, on the styles of all layers,
    which are its free space, and on every hidden layer but the last.

    Args:
        config: With ``latent_dim`` and ``w_dim``.
        extensions: Those of the GAN.
        options: How styles are mixed and noise is used.
    """

    kind = "generator"
    by_row = ("w_avg",)

    mapping: Any
    noises: list

    def __init__(self, config: Any, extensions, options: StyleOptions, **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        self.latent_dim, self.w_dim = config.latent_dim, config.w_dim
        self.mixing, self.w_avg_beta = options.mixing, options.w_avg_beta
        self.use_noise = options.use_noise
        self.num_layers = options.layers
        size = self.num_layers * self.w_dim
        self.latents = self.extensions.latents(self, self.latent_dim, size)
        self.seeds = keras.random.SeedGenerator(0, name="seeds")

    def build(self, input_shape=None):
        """Makes the weights up to the styles; a subclass makes those that draw."""
        self.latents.build_entering()
        self.mapping.build((None, self.latent_dim))
        self.w_avg = self.add_weight(
            shape=(self.w_dim,), name="w_avg", initializer="zeros", trainable=False, autocast=False
        )
        self.latents.build_free()

    def call(self, z, label=None, training=False):
        if not training:
            return self.synthesize(self.layer_styles(z, label))
        w = self.styles(z, label)
        # As batch normalisation: what is frozen keeps its statistics.
        if self.trainable:
            step = (batch_mean(tf.reduce_mean(w, 0)) - self.w_avg) * (1.0 - self.w_avg_beta)
            self.w_avg.assign_add(tf.stop_gradient(step))
        return self.synthesize_training(self._mixed(self._carried(z, w), label))

    def styles(self, z, label=None) -> Any:
        """Styles float32 ``[N, w_dim]`` of latents and, if there are classes, labels ``[N]``.

        Raises:
            BackboneError: if there are classes but no labels.
        """
        z = self.latents.enter(z)
        return self.mapping(z, labels_of(label, z, self.classes))

    @abc.abstractmethod
    def activations(self, ws, noise: str = "const") -> list[Any]:
        """What each layer gives, the last of them the images, of styles ``[N, layers, w_dim]``.

        ``noise`` is "const" for the noise maps of the weights, "random" or "none".
        """

    def synthesize(self, ws, noise: str = "const"):
        """Images float32 ``[N, H, W, C]`` of styles ``[N, layers, w_dim]``."""
        return self.activations(ws, noise)[-1]

    def synthesize_training(self, ws):
        """Images of styles in training; a subclass may gather statistics of its layers."""
        return self.synthesize(ws, noise="random")

    def broadcast(self, w):
        """Styles ``[N, layers, w_dim]`` of every layer, the same, of ``w`` ``[N, w_dim]``."""
        return tf.tile(w[:, None], [1, self.num_layers, 1])

    def layer_styles(self, z, label=None):
        """Styles ``[N, layers, w_dim]`` of latents: of one ``w``, unless extensions change them."""
        return self._carried(z, self.styles(z, label))

    def _carried(self, z, w):
        ws = self.broadcast(w)
        if not self.latents.free:
            return ws
        flat = tf.reshape(ws, [-1, self.num_layers * self.w_dim])
        return tf.reshape(self.latents.carry(z, flat), tf.shape(ws))

    def truncate(self, ws, psi, layers: int | None = None):
        """Moves the styles of the first ``layers`` (None: all) towards the mean by ``psi``.

        ``psi`` is a number, or float32 ``[N, 1]``, one for each row; 1 moves nothing.
        """
        psi = tf.reshape(tf.cast(psi, tf.float32), [-1, 1, 1])
        count = self.num_layers if layers is None else layers
        first = (np.arange(self.num_layers) < count)[None, :, None]
        # [layers, w_dim], or [N, layers, w_dim] where rows have weights of their own.
        centre = tf.stack([by_row(self.w_avg)] * self.num_layers, -2)
        if self.latents.free:
            size = self.num_layers * self.w_dim
            flat = self.latents.centre(tf.reshape(centre, [*centre.shape[:-2], size]))
            centre = tf.reshape(flat, [-1, self.num_layers, self.w_dim])
        moved = centre + (ws - centre) * psi
        # Styles that are not moved are left as they are, to the bit.
        return tf.where(first & (psi != 1.0), moved, ws)

    def _mixed(self, ws, label=None):
        """Styles of all layers, for some rows those of other latents from a random layer on."""
        if not self.mixing:
            return ws
        n = tf.shape(ws)[0]
        last, seeds = self.num_layers, self.seeds
        z = drawn(lambda rows: keras.random.normal((rows, self.latent_dim), seed=seeds), n)
        cut = drawn(lambda rows: keras.random.randint((rows,), 1, last, seed=seeds), n)
        mix = drawn(lambda rows: keras.random.uniform((rows,), seed=seeds), n) < self.mixing
        cut = tf.where(mix, cut, self.num_layers)
        keep = tf.range(self.num_layers)[None] < cut[:, None]
        return tf.where(keep[:, :, None], ws, self.layer_styles(z, label))

    def _noise_weight(self, i: int, size: tuple[int, int]):
        return self.add_weight(
            shape=(1, *size, 1),
            name=f"noise{i}",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
        )

    def _noise(self, i: int, size: tuple[int, int], n, kind: str):
        """The map ``[1 or n, *size, 1]`` of noise input ``i``; None without."""
        if kind not in ("const", "random", "none"):
            raise BackboneError(f"noise must be 'const', 'random' or 'none', not {kind!r}")
        if kind == "none" or not self.use_noise:
            return None
        if kind == "const":
            return tf.convert_to_tensor(self.noises[i])
        seeds = self.seeds
        return drawn(lambda rows: keras.random.normal((rows, *size, 1), seed=seeds), n)
