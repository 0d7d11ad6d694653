"""The base of frozen networks that map a picture to hidden activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from ..errors import UserError, unknown_name

Preprocess = Literal["torchvision", "bsa"]

# Mean and standard deviation of ImageNet's RGB in [-1, 1]; LPIPS calls them shift and scale.
_MEAN = np.array([-0.030, -0.088, -0.188], np.float32)
_STD = np.array([0.458, 0.448, 0.450], np.float32)
# Of ImageNet's BGR in [0, 255]; BSA's code subtracts them from RGB.
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


def seen_in_rgb(images):
    """Images ``[N, H, W, C]`` in [-1, 1] as RGB: grey is repeated, what is transparent on white.

    Other numbers of channels stay as they are. Gradients flow to the images.
    """
    if images.shape[-1] == 1:
        return tf.repeat(images, 3, -1)
    if images.shape[-1] != 4:
        return images
    opacity = tf.clip_by_value((images[..., 3:] + 1.0) * 0.5, 0.0, 1.0)
    return images[..., :3] * opacity + (1.0 - opacity)


def preprocessed(images, preprocess: Preprocess):
    """Brings images ``[N, H, W, 3]`` in [-1, 1] to the range of a network, in float32.

    "torchvision" subtracts ImageNet's mean and divides by its standard deviation, which
    is also LPIPS's own scaling; "bsa" is ``(x + 1) · 127.5 - [103.939, 116.779, 123.68]``
    on unswapped RGB, as the released code of batch statistics adaptation has it.
    """
    x = tf.cast(images, tf.float32)
    if preprocess == "torchvision":
        return (x - _MEAN) / _STD
    if preprocess == "bsa":
        return (x + 1.0) * 127.5 - _CAFFE_MEAN
    raise unknown_name("preprocessing", preprocess, ["torchvision", "bsa"])


class FrozenTrunk(keras.layers.Layer):
    """Convolutions with ReLU and max pooling, none of it trainable.

    Input: float images ``[N, H, W, 3]`` in [-1, 1]; grey ones and those with opacity are seen as
    RGB. Output: a list of activations after
    ReLU, in the order of ``layers`` and in the policy's compute dtype. Gradients flow to
    the images.

    Args:
        names: Names of the convolutions in order.
        pool_before: Names of those that max pooling precedes.
        pool_size: Width of the pooling window; its stride is 2.
        weights: "kernel" and "bias" of each convolution, in order.
        first: Stride and padding of the first convolution; the rest keep the size.
        smallest: Least height and width that leave a pixel in the last layer.
        layers: Which activations to give; computation stops after the last of them.
        preprocess: See :func:`preprocessed`.

    Raises:
        UserError: for an unknown layer or preprocessing, or images that are too small
            or not RGB.
    """

    def __init__(
        self,
        names: Sequence[str],
        pool_before: Sequence[str],
        pool_size: int,
        weights: Sequence[Mapping[str, np.ndarray]],
        first: tuple[int, int],
        smallest: int,
        layers: Sequence[str],
        preprocess: Preprocess,
        **kwargs: Any,
    ):
        super().__init__(trainable=False, **kwargs)
        for layer in layers:
            if layer not in names:
                raise unknown_name("layer", layer, names)
        if not layers:
            raise UserError("no layers: name at least one.")
        preprocessed(tf.zeros((1, 1, 1, 3)), preprocess)
        self.layer_names = list(layers)
        self.preprocess: Preprocess = preprocess
        self.pool_before, self.pool_size = frozenset(pool_before), pool_size
        self.first, self.smallest = first, smallest
        depth = 1 + max(list(names).index(layer) for layer in layers)
        self.convolutions = []
        for i, (name, given) in enumerate(zip(names[:depth], weights, strict=False)):
            height, width, channels, filters = given["kernel"].shape
            conv = keras.layers.Conv2D(
                filters,
                (height, width),
                strides=first[0] if i == 0 else 1,
                padding="valid" if i == 0 else "same",
                activation="relu",
                trainable=False,
                name=name,
                dtype=self.dtype_policy,
            )
            conv.build((None, None, None, channels))
            conv.kernel.assign(given["kernel"])
            conv.bias.assign(given["bias"])
            self.convolutions.append(conv)
        self.built = True

    def call(self, images):
        images = seen_in_rgb(images)
        height, width, channels = images.shape[1:]
        if channels != 3 or min(height or self.smallest, width or self.smallest) < self.smallest:
            raise UserError(
                f"{self.name} takes RGB images of at least {self.smallest} px, not {images.shape}."
            )
        x = tf.cast(preprocessed(images, self.preprocess), self.compute_dtype)
        pad = self.first[1]
        x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        activations = {}
        for conv in self.convolutions:
            if conv.name in self.pool_before:
                x = tf.nn.max_pool2d(x, self.pool_size, 2, "VALID")
            x = activations[conv.name] = conv(x)
        return [activations[name] for name in self.layer_names]

    def get_config(self) -> dict:
        config = {"layers": self.layer_names, "preprocess": self.preprocess}
        return {**super().get_config(), **config}
