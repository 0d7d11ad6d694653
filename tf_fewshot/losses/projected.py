"""Discriminators on projected features of a frozen network.

Source: Sauer et al., "Projected GANs Converge Faster" (NeurIPS 2021), section 3. Activations at
several scales are mixed by fixed random convolutions, across channels and then across scales, and
a small discriminator looks at each mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from ..errors import unknown_name
from ..features import VGG16Features, alexnet_trunk
from ..features.efficientnet_lite0 import efficientnet_lite0
from ..features.trunk import seen_in_rgb
from ..layers import SpectralConv2D, SpectralEmbedding
from ..splitting import by_rows

FeatureNetwork = Literal["alexnet", "vgg16", "efficientnet_lite0"]
# From images [N, H, W, 3] in [-1, 1] to activations [N, h, w, C], the finest first.
Network = Callable[[tf.Tensor], Sequence[tf.Tensor]]

_CALIBRATION = 64
# Heads halve their map until it is as small.
_SMALLEST = 8


def feature_network(name: str, dtype: str = "float32") -> Network:
    """Returns a frozen network that gives activations at four depths.

    Args:
        name: "alexnet" (strides 4, 8, 16 and 16), "vgg16" (2, 4, 8 and 16) or
            "efficientnet_lite0" (4, 8, 16 and 32).
        dtype: Keras dtype policy; EfficientNet-Lite0 computes in float32 always.

    Raises:
        UserError: for another name, or weights that cannot be brought.
    """
    if name == "alexnet":
        return alexnet_trunk(("conv1", "conv2", "conv3", "conv5"), dtype)
    if name == "vgg16":
        return VGG16Features(("conv2_2", "conv3_3", "conv4_3", "conv5_3"), dtype=dtype)
    if name == "efficientnet_lite0":
        return efficientnet_lite0().activations
    raise unknown_name("feature network", name, ["alexnet", "vgg16", "efficientnet_lite0"])


class ProjectedDiscriminator:
    """A head on each scale of a frozen network's activations, mixed at random.

    Activations are brought to ``width`` channels by a random 1 × 1 convolution. From the coarsest
    scale on, the mixture of a scale goes through a random 3 × 3 convolution, is enlarged
    (bilinear) to the next finer scale and added to that one's channels. Neither is trained. Both
    keep about unit size, which is measured on the pictures.

    A head halves its map down to 8 pixels, with spectrally normalised convolutions, and gives a
    map of logits. With classes, its last activations are also projected on a vector of the class
    (Miyato and Koyama, ICLR 2018).

    Args:
        network: See :func:`feature_network`.
        pictures: uint8 ``[N, H, W, 3]``.
        size: Width and height to which images are brought, in pixels.
        width: Channels of mixtures and heads.
        seed: Of the mixings and of the heads' first weights.
        classes: Number of classes; 0 for none.

    Attributes:
        variables: What is trained.
        state: What else changes while it is trained.
        channel_mixings: float32 ``[C, width]`` of each scale.
        scale_mixings: float32 ``[3, 3, width, width]`` of each scale but the finest: what is done
            to its mixture before it is added to the finer one.
    """

    def __init__(
        self,
        network: Network,
        pictures: np.ndarray,
        size: int,
        width: int = 64,
        seed: int = 0,
        classes: int = 0,
    ):
        self._network, self._size = network, size
        rng = np.random.default_rng(seed)
        shown = tf.cast(pictures[:_CALIBRATION], tf.float32) / 127.5 - 1.0
        activations = self._activations(shown)
        self.channel_mixings: list[np.ndarray] = []
        self.scale_mixings: list[np.ndarray] = []
        for i, activation in enumerate(activations):
            channels = activation.shape[-1]
            unit = float(tf.sqrt(tf.reduce_mean(tf.square(activation)) + 1e-12))
            mixing = rng.standard_normal((channels, width)) / (np.sqrt(channels) * unit)
            self.channel_mixings.append(mixing.astype(np.float32))
            if i:
                mixing = rng.standard_normal((3, 3, width, width)) / np.sqrt(9 * width)
                self.scale_mixings.append(mixing.astype(np.float32))
        self._heads = [
            _Head(int(activation.shape[1]), width, classes, rng, f"projected_head{i}")
            for i, activation in enumerate(activations)
        ]
        self.variables = [v for head in self._heads for v in head.trainable_variables]
        self.state = [v for head in self._heads for v in head.non_trainable_variables]

    @by_rows
    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Returns the mixtures of images ``[N, H, W, 3]`` in [-1, 1], the finest first.

        Each is float32 ``[N, h, w, width]``.
        """
        channels = [
            tf.einsum("nhwc,cd->nhwd", activation, mixing)
            for activation, mixing in zip(
                self._activations(images), self.channel_mixings, strict=True
            )
        ]
        mixtures = [channels[-1]]
        pairs = zip(reversed(channels[:-1]), reversed(self.scale_mixings), strict=True)
        for finer, mixing in pairs:
            coarse = tf.nn.conv2d(mixtures[-1], mixing, 1, "SAME")
            enlarged = tf.image.resize(coarse, finer.shape[1:3])
            # The sum of two of unit size is of unit size again.
            mixtures.append((finer + enlarged) / np.float32(np.sqrt(2.0)))
        return mixtures[::-1]

    def logits(
        self, features: Sequence[tf.Tensor], labels=None, training: bool = False
    ) -> list[tf.Tensor]:
        """Returns a map of logits ``[N, h, w, 1]`` for each scale.

        Args:
            features: See :meth:`features`.
            labels: int ``[N]``, which it needs if it has classes.
            training: Whether the spectral norms are renewed.
        """
        return [
            head(feature, labels, training=training)
            for head, feature in zip(self._heads, features, strict=True)
        ]

    def generator_loss(self, logits: Sequence[tf.Tensor]) -> tf.Tensor:
        """See :func:`generator_hinge`."""
        return generator_hinge(logits)

    def discriminator_loss(self, real: Sequence[tf.Tensor], fake: Sequence[tf.Tensor]) -> tf.Tensor:
        """See :func:`discriminator_hinge`."""
        return discriminator_hinge(real, fake)

    def _activations(self, images: tf.Tensor) -> list[tf.Tensor]:
        x = tf.image.resize(seen_in_rgb(tf.cast(images, tf.float32)), [self._size, self._size])
        return [tf.cast(activation, tf.float32) for activation in self._network(x)]


def generator_hinge(logits: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the generator's loss on logits of its images: -logit, summed over scales."""
    return tf.add_n([-tf.reduce_mean(some) for some in logits])


def discriminator_hinge(real: Sequence[tf.Tensor], fake: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the heads' hinge loss, summed over scales: 2 for each that cannot tell anything."""
    return tf.add_n(
        [
            tf.reduce_mean(tf.nn.relu(1.0 - r)) + tf.reduce_mean(tf.nn.relu(1.0 + f))
            for r, f in zip(real, fake, strict=True)
        ]
    )


class _Head(keras.layers.Layer):
    """Logits of the mixture of one scale."""

    def __init__(self, size: int, width: int, classes: int, rng: np.random.Generator, name: str):
        super().__init__(name=name, dtype="float32")

        def drawn() -> keras.initializers.Initializer:
            return keras.initializers.GlorotUniform(int(rng.integers(2**31)))

        self._convolutions, self._halves = [], []
        while not self._halves or self._halves[-1]:
            self._halves.append(size > _SMALLEST)
            size = (size + 1) // 2
            self._convolutions.append(
                SpectralConv2D(
                    width,
                    kernel_initializer=drawn(),
                    name=f"{name}_conv{len(self._convolutions)}",
                    dtype="float32",
                )
            )
        self._last = SpectralConv2D(
            1, 1, kernel_initializer=drawn(), name=f"{name}_logit", dtype="float32"
        )
        for layer in (*self._convolutions, self._last):
            layer.build((None, None, None, width))
            # Where the power method begins is drawn here, too: the seed decides on all of it.
            layer.u.assign(rng.standard_normal(layer.u.shape))
        self._classes = None
        if classes:
            self._classes = SpectralEmbedding(
                classes, width, kernel_initializer=drawn(), name=f"{name}_classes", dtype="float32"
            )
            self._classes.build((None,))
            self._classes.u.assign(rng.standard_normal(self._classes.u.shape))
        self.built = True

    def call(self, x, labels=None, training=False):
        for convolution, halves in zip(self._convolutions, self._halves, strict=True):
            x = tf.nn.leaky_relu(convolution(x, training=training), 0.2)
            if halves:
                x = tf.nn.avg_pool2d(x, 2, 2, "SAME")
        logits = self._last(x, training=training)
        if self._classes is None:
            return logits
        rows = self._classes(labels, training=training)
        return logits + tf.einsum("nhwd,nd->nhw", x, rows)[..., None]
