"""StyleGAN2's discriminator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figure 7; "Training Generative Adversarial Networks with Limited Data" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ...layers import downsample2d
from .discriminator_layers import FromRGB, StyleGAN2DiscriminatorBlock, StyleGAN2Head
from .generator import Architecture, labels_of
from .mapping import Conditioning, LabelMapping


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Discriminator(keras.Model):
    """StyleGAN2's discriminator.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        channels: Channels at 4, 8, … ``resolution`` pixels.
        dense_channels: Size of the dense layer; None is the first of ``channels``.
        image_channels: Channels of the images.
        architecture: "resnet" has residual blocks, "skip" looks at the halved image in
            each resolution, "orig" neither.
        taps: Low-pass filter of the resampling.
        clamp: What activations are clamped to, in both directions; None clamps nothing.
        clamp_last_pixels: Whether those from the 4-pixel image are, too.
        mbstd_group: Images that the minibatch standard deviation is taken of; None is
            the whole batch.
        mbstd_features: Channels that it adds; 0 leaves it out.
        num_classes: Number of classes; 0 takes no labels.
        conditioning: "concat" has a score for each class (StyleGAN2), "embed" projects
            on a mapped class vector (StyleGAN2-ADA).
        label_mapping: Arguments of :class:`LabelMapping`.
        one_class: Takes no labels, and has the weights of one class.
        scale_shift: Adds a normalized :class:`ScaleShift` to every hidden layer.
    """

    def __init__(
        self,
        resolution: int,
        channels: Sequence[int],
        dense_channels: int | None = None,
        image_channels: int = 3,
        architecture: Architecture = "resnet",
        taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0),
        clamp: float | None = None,
        clamp_last_pixels: bool = True,
        mbstd_group: int | None = 4,
        mbstd_features: int = 1,
        num_classes: int = 0,
        conditioning: Conditioning = "embed",
        label_mapping: dict[str, Any] | None = None,
        one_class: bool = False,
        scale_shift: bool = False,
        name: str = "discriminator",
        **kwargs,
    ):
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = {
            "resolution": resolution,
            "channels": list(channels),
            "dense_channels": dense_channels,
            "image_channels": image_channels,
            "architecture": architecture,
            "taps": list(taps),
            "clamp": clamp,
            "clamp_last_pixels": clamp_last_pixels,
            "mbstd_group": mbstd_group,
            "mbstd_features": mbstd_features,
            "num_classes": num_classes,
            "conditioning": conditioning,
            "label_mapping": label_mapping,
            "one_class": one_class,
            "scale_shift": scale_shift,
        }
        self.image_channels, self.taps = image_channels, tuple(taps)
        self.one_class, self.classes = one_class, num_classes
        widths = {4 * 2**i: c for i, c in enumerate(channels)}
        self.sees_all = architecture == "skip"
        seen = {r: c for r, c in widths.items() if self.sees_all or r == resolution}
        clamps = {r: clamp if r > 4 or clamp_last_pixels else None for r in seen}
        self.from_rgb = FromRGB(seen, clamps, name="FromRGB", dtype=self.dtype_policy)
        self.blocks = [
            StyleGAN2DiscriminatorBlock(
                r,
                c,
                widths[r // 2],
                architecture == "resnet",
                taps,
                clamp,
                scale_shift,
                dtype=self.dtype_policy,
            )
            for r, c in reversed(widths.items())
            if r > 4
        ]
        self.mapping, outputs = None, 1
        if num_classes and conditioning == "concat":
            outputs = num_classes
        elif num_classes:
            settings = {"dim": widths[4], "layers": 0, "lrmul": 0.1, **(label_mapping or {})}
            self.mapping = LabelMapping(num_classes, name="mapping", dtype="float32", **settings)
            outputs = self.mapping.dim
        self.head = StyleGAN2Head(
            widths[4],
            widths[4] if dense_channels is None else dense_channels,
            outputs,
            mbstd_group,
            mbstd_features,
            clamp,
            scale_shift,
        )

    def build(self, input_shape=None):
        self.from_rgb.build((None, None, None, self.image_channels))
        for layer in (*self.blocks, self.head):
            layer.build()
        if self.mapping is not None:
            self.mapping.build()

    def call(self, images, label=None, training=False):
        del training
        images = tf.convert_to_tensor(images)
        label = labels_of(label, images, self.classes, self.one_class)
        scores = self.head(self.activations(images)[-1])
        if label is None:
            return scores
        if self.mapping is None:
            return tf.gather(scores, label, axis=1, batch_dims=1)[:, None]
        product = tf.reduce_sum(scores * self.mapping(label), 1, keepdims=True)
        return product / math.sqrt(self.mapping.dim)

    def activations(self, images) -> list:
        """What each stage from the pixels to 4 px gives."""
        image = tf.convert_to_tensor(images)
        found = [self.from_rgb(image)]
        for block in self.blocks:
            x = block(found[-1])
            if self.sees_all:
                image = downsample2d(tf.cast(image, tf.float32), self.taps)
                seen = self.from_rgb(image)
                x = tf.cast(x, seen.dtype) + seen
            found.append(x)
        return found

    def get_config(self) -> dict:
        return {**self._config, "name": self.name, "dtype": self.dtype_policy.name}
