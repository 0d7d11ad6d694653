"""A second discriminator that looks through the eyes of a frozen network.

Sources: Sauer et al., "Projected GANs Converge Faster" (NeurIPS 2021): small heads on
activations that are mixed by fixed random projections; Kumari et al., "Ensembling
Off-the-shelf Models for GAN Training" (CVPR 2022): beside the usual discriminator.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from ..features import ALEXNET_LEAST_SIZE, alexnet_trunk
from ..layers import MinibatchStdDev, SpectralEmbedding
from ..splitting import by_rows

_LAYERS = ("conv1", "conv2", "conv3", "conv5")
_WIDTH = 64
_CALIBRATION = 64
# Channels that tell how the images of a group differ.
_SPREAD = 8


class FeatureDiscriminator:
    """Heads on the activations of an AlexNet that is never trained.

    Each layer's activations are projected at random to 64 channels of about unit size;
    a head of three spectrally normalised convolutions gives a map of logits. With classes the
    activations before the last convolution are also projected on a vector of the class, as
    Miyato and Koyama do (ICLR 2018).

    Args:
        pictures: uint8 ``[N, H, W, 3]``; the size of their activations is the unit.
        seed: Of the projections and of the heads' first weights.
        dtype: Keras dtype policy of the AlexNet; heads are float32.
        classes: Number of classes; 0 for none.
        group: Images of which the heads are also shown the standard deviation
            (:class:`~tf_fewshot.layers.MinibatchStdDev`); 0 leaves it out.

    Attributes:
        variables: What is trained.
        state: What else changes while it is trained.

    Raises:
        UserError: if AlexNet's weights cannot be brought.
    """

    def __init__(
        self,
        pictures: np.ndarray,
        seed: int = 0,
        dtype: str = "float32",
        classes: int = 0,
        group: int = 0,
    ):
        self._trunk = alexnet_trunk(_LAYERS, dtype)
        self._size = max(ALEXNET_LEAST_SIZE, pictures.shape[1], pictures.shape[2])
        rng = np.random.default_rng(seed)
        shown = tf.cast(pictures[:_CALIBRATION], tf.float32) / 127.5 - 1.0
        self._mixings: list[np.ndarray] = []
        self._heads: list[_Head] = []
        for i, activation in enumerate(self._activations(shown)):
            channels = activation.shape[-1]
            unit = float(tf.sqrt(tf.reduce_mean(tf.square(activation)) + 1e-12))
            mixing = rng.standard_normal((channels, _WIDTH)) / (np.sqrt(channels) * unit)
            self._mixings.append(mixing.astype(np.float32))
            self._heads.append(_Head(activation.shape[1:3], i, rng, classes, group))
        self.variables = [v for head in self._heads for v in head.trainable_variables]
        self.state = [v for head in self._heads for v in head.non_trainable_variables]

    @by_rows
    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Returns what the heads see of images ``[N, H, W, 3]``: ``[N, h, w, 64]`` each."""
        activations = self._activations(images)
        return [
            tf.einsum("nhwc,cd->nhwd", activation, mixing)
            for activation, mixing in zip(activations, self._mixings, strict=True)
        ]

    def logits(
        self, features: list[tf.Tensor], labels=None, training: bool = False
    ) -> list[tf.Tensor]:
        """Returns a map ``[N, h, w, 1]`` for each layer; ``training`` renews the spectral norms.

        ``labels`` are int ``[N]``, and not looked at without classes.
        """
        return [
            head(feature, labels, training)
            for head, feature in zip(self._heads, features, strict=True)
        ]

    def generator_loss(self, logits: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the generator's hinge loss on logits of its images: a scalar."""
        return _mean([-logit for logit in logits])

    def discriminator_loss(self, real: Sequence[tf.Tensor], fake: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the hinge loss of the heads' logits: a scalar, 2 if they cannot tell anything."""
        return _mean([tf.nn.relu(1.0 - logit) for logit in real]) + _mean(
            [tf.nn.relu(1.0 + logit) for logit in fake]
        )

    def _activations(self, images: tf.Tensor) -> list[tf.Tensor]:
        x = tf.image.resize(tf.cast(images, tf.float32), [self._size, self._size])
        return [tf.cast(activation, tf.float32) for activation in self._trunk(x)]


class _Head:
    """Logits of one layer's activations."""

    def __init__(
        self, size: tuple[int, int], number: int, rng: np.random.Generator, classes: int, group: int
    ):
        layers: list[keras.layers.Layer] = []
        for i, (filters, width) in enumerate([(_WIDTH, 3), (_WIDTH, 1), (1, 1)]):
            initializer = keras.initializers.GlorotUniform(int(rng.integers(2**31)))
            conv = keras.layers.Conv2D(
                filters,
                width,
                padding="same",
                kernel_initializer=initializer,
                name=f"conv{i}",
                dtype="float32",
            )
            layers.append(
                keras.layers.SpectralNormalization(conv, name=f"normalised{i}", dtype="float32")
            )
            if i < 2:
                layers.append(keras.layers.LeakyReLU(0.2, name=f"lrelu{i}", dtype="float32"))
        self._hidden = keras.Sequential(layers[:-1], name=f"feature_head{number}")
        self._last = layers[-1]
        self._spread = MinibatchStdDev(group, _SPREAD, dtype="float32") if group else None
        self._hidden.build((None, *size, _WIDTH + (_SPREAD if group else 0)))
        self._last.build((None, *size, _WIDTH))
        parts: list[keras.layers.Layer] = [self._hidden, self._last]
        self._projection: SpectralEmbedding | None = None
        if classes:
            initializer = keras.initializers.GlorotUniform(int(rng.integers(2**31)))
            projection = SpectralEmbedding(
                classes, _WIDTH, kernel_initializer=initializer, name="projection", dtype="float32"
            )
            projection.build((None,))
            parts.append(projection)
            self._projection = projection
        self.trainable_variables = [v for part in parts for v in part.trainable_variables]
        self.non_trainable_variables = [v for part in parts for v in part.non_trainable_variables]

    def __call__(self, feature: tf.Tensor, labels, training: bool) -> tf.Tensor:
        if self._spread is not None:
            feature = self._spread(feature)
        hidden = self._hidden(feature, training=training)
        logits = self._last(hidden, training=training)
        if self._projection is None:
            return logits
        rows = self._projection(labels, training=training)
        return logits + tf.einsum("nhwd,nd->nhw", hidden, rows)[..., None]


def _mean(maps: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_mean(m) for m in maps]) / len(maps)
