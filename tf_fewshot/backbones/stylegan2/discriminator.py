"""StyleGAN2's discriminator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figure 7; "Training Generative Adversarial Networks with Limited Data" (2020).
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from ...layers import downsample2d
from ..extensions import Point
from ..network import Network
from ..style_based.labels import labels_of
from .config import StyleGAN2Config
from .discriminator_layers import FromRGB, StyleGAN2DiscriminatorBlock, StyleGAN2Head
from .mapping import LabelMapping


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Discriminator(Network):
    """StyleGAN2's discriminator; extensions act on its classes and every hidden layer.

    With classes, "concat" has a score for each (StyleGAN2), "embed" projects on a mapped class
    vector (StyleGAN2-ADA).
    """

    kind = "discriminator"
    points = frozenset({Point.HIDDEN, Point.CLASSES})
    configuration = StyleGAN2Config

    def __init__(self, config: StyleGAN2Config, extensions=(), **kwargs):
        super().__init__(config, extensions, autocast=False, **kwargs)
        d = config.discriminator
        self.taps, self.sees_all = tuple(config.taps), d.d_architecture == "skip"
        widths = {4 * 2**i: c for i, c in enumerate(d.discriminator_channels or ())}
        seen = {r: c for r, c in widths.items() if self.sees_all or r == config.resolution}
        clamps = {r: d.d_clamp if r > 4 or d.d_clamp_last_pixels else None for r in seen}
        self.from_rgb = FromRGB(
            seen, clamps, config.base[0], name="FromRGB", dtype=self.dtype_policy
        )
        self.blocks = [
            StyleGAN2DiscriminatorBlock(
                r,
                c,
                widths[r // 2],
                d.d_architecture == "resnet",
                config.taps,
                d.d_clamp,
                self.extensions,
                dtype=self.dtype_policy,
            )
            for r, c in reversed(widths.items())
            if r > 4
        ]
        self.mapping, outputs = self._mapping(widths[4])
        self.head = StyleGAN2Head(
            widths[4],
            widths[4] if d.dense_channels is None else d.dense_channels,
            outputs,
            d.mbstd_group,
            d.mbstd_features,
            d.d_clamp,
            tuple(config.base),
            self.extensions,
        )

    def _mapping(self, features: int) -> tuple[LabelMapping | None, int]:
        """The mapping of labels, if there is one, and how many scores the head has."""
        labels, rows = self.config.labels, self.classes.rows
        if not rows:
            return None, 1
        if labels.conditioning == "concat":
            return None, rows
        dim = features if labels.d_label_dim is None else labels.d_label_dim
        mapping = LabelMapping(
            rows,
            dim,
            labels.d_mapping_layers,
            labels.d_mapping_lrmul,
            name="mapping",
            dtype="float32",
        )
        return mapping, dim

    def build(self, input_shape=None):
        self.from_rgb.build((None, None, None, self.config.image_channels))
        for layer in (*self.blocks, self.head):
            layer.build()
        if self.mapping is not None:
            self.mapping.build()

    def call(self, images, label=None, training=False):
        return self.logits(self.activations(images)[-1], label, training)

    def logits(self, features, label=None, training=False):
        """Logits ``[N, 1]`` of what the last stage but one gives, with labels if it has classes."""
        del training
        label = labels_of(label, features, self.classes)
        scores = self.head(features)
        if label is None:
            return scores
        if self.mapping is None:
            return tf.gather(scores, label, axis=1, batch_dims=1)[:, None]
        product = tf.reduce_sum(scores * self.mapping(label), 1, keepdims=True)
        return product / math.sqrt(self.mapping.dim)

    def activations(self, images) -> list:
        """What each stage from the pixels to 4 px gives."""
        image = tf.convert_to_tensor(images)
        from_rgb = self._part(self.from_rgb)
        maps = [from_rgb(image)]
        for block in self.blocks:
            x = self._part(block)(maps[-1])
            if self.sees_all:
                image = downsample2d(tf.cast(image, tf.float32), self.taps)
                seen = from_rgb(image)
                x = tf.cast(x, seen.dtype) + seen
            maps.append(x)
        return maps
