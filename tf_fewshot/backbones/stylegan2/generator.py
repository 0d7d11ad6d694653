"""StyleGAN2's generator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020), figures 2d and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from ..errors import BackboneError
from ..style_based.generator import StyleBasedGenerator
from .layers import StyleGAN2Block, ToRGB
from .mapping import StyleGAN2Mapping

Architecture = Literal["orig", "skip", "resnet"]


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGAN2Generator(StyleBasedGenerator):
    """StyleGAN2's mapping and synthesis networks.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        mapping: Further arguments of :class:`StyleGAN2Mapping`.
        channels: Channels at 4, 8, … ``resolution`` pixels.
        const_channels: Channels of the constant; None is the first of ``channels``.
        image_channels: Channels of the images.
        architecture: "skip" adds up the pixels of all resolutions, "resnet" has residual
            blocks, "orig" neither.
        taps: Low-pass filter of the resampling.
        clamp: See :class:`StyledConv2D`.
        scale_shift: Adds :class:`ScaleShift` to every hidden layer but the last.
        use_noise: Whether every layer has noise inputs.
        one_class: Takes no labels, and has the weights of one class.
        miner: Widths of the hidden layers of a :class:`Miner` before the mapping network;
            none leaves it out.
        latent_gaussian: Axes of a :class:`LatentGaussian` of the styles of all layers; 0
            leaves it out.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
    """

    def __init__(
        self,
        resolution: int,
        latent_dim: int,
        w_dim: int,
        mapping: dict[str, Any],
        channels: Sequence[int],
        const_channels: int | None = None,
        image_channels: int = 3,
        architecture: Architecture = "skip",
        taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0),
        clamp: float | None = None,
        scale_shift: bool = False,
        use_noise: bool = True,
        one_class: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        mixing: float = 0.9,
        w_avg_beta: float = 0.995,
        name: str = "generator",
        **kwargs,
    ):
        config = {
            "resolution": resolution,
            "latent_dim": latent_dim,
            "w_dim": w_dim,
            "mapping": dict(mapping),
            "channels": list(channels),
            "const_channels": const_channels,
            "image_channels": image_channels,
            "architecture": architecture,
            "taps": list(taps),
            "clamp": clamp,
            "scale_shift": scale_shift,
            "use_noise": use_noise,
            "one_class": one_class,
            "miner": list(miner),
            "latent_gaussian": latent_gaussian,
            "mixing": mixing,
            "w_avg_beta": w_avg_beta,
        }
        super().__init__(config, name, **kwargs)
        self.one_class, self.classes = one_class, mapping.get("num_classes", 0)
        self.mapping = StyleGAN2Mapping(
            latent_dim, w_dim, name="mapping", dtype="float32", **mapping
        )
        self.blocks = [
            StyleGAN2Block(
                4 * 2**i,
                c,
                architecture == "resnet",
                (scale_shift, scale_shift and i < len(channels) - 1),
                taps,
                const_channels,
                {"use_noise": use_noise, "clamp": clamp},
                dtype=self.dtype_policy,
            )
            for i, c in enumerate(channels)
        ]
        shown = [b.resolution for b in self.blocks]
        self.to_rgb = ToRGB(
            shown if architecture == "skip" else shown[-1:],
            image_channels,
            clamp,
            taps,
            name="ToRGB",
        )

    def build(self, input_shape=None):
        super().build(input_shape)
        self.noises = []
        shape, shapes = (None, 4, 4, None), []
        for i, block in enumerate(self.blocks):
            r = block.resolution
            for k in range(len(block.convs) if self.use_noise else 0):
                self.noises.append(self._noise_weight(max(2 * i - 1, 0) + k, r))
            block.build(shape, (None, None, self.w_dim))
            shape = (None, r, r, block.channels)
            shapes.append(shape)
        self.to_rgb.build(shapes[-len(self.to_rgb.resolutions) :], self.w_dim)

    def styles(self, z, label=None):
        """Styles float32 ``[N, w_dim]`` of latents and, if there are classes, labels ``[N]``.

        Raises:
            BackboneError: if there are classes but no labels.
        """
        z = z if self.miner is None else self.miner(z)
        return self.mapping(z, labels_of(label, z, self.classes, self.one_class))

    def activations(self, ws, noise: str = "const") -> list:
        """What each styled layer gives, and the images."""
        found, features, styles, layer = [None], [], [], 0
        for block in self.blocks:
            used = range(layer, layer + len(block.convs))
            maps = [self._noise(i, block.resolution, tf.shape(ws)[0], noise) for i in used]
            found += block.activations(found[-1], [ws[:, i] for i in used], maps)
            layer += len(block.convs)
            features.append(found[-1])
            # The style of the next convolution is that of the pixels, too.
            styles.append(ws[:, layer])
        n = len(self.to_rgb.resolutions)
        return [*found[1:], self.to_rgb(features[-n:], styles[-n:])]


def labels_of(label, rows, classes: int, one_class: bool):
    """The labels that a network of ``classes`` needs: int ``[N]``, None without classes.

    Raises:
        BackboneError: if there are classes but no labels.
    """
    if not classes:
        return None
    if one_class:
        return tf.zeros([tf.shape(rows)[0]], tf.int32)
    if label is None:
        raise BackboneError(f"this StyleGAN2 has {classes} classes: say which with label")
    return tf.cast(label, tf.int32)
