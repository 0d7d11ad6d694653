"""StyleGAN2, with the variants of StyleGAN2-ADA.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020) and "Training Generative Adversarial Networks with Limited Data" (NeurIPS 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..base import GAN
from ..checks import check_class, check_resolution
from ..parts import ScaleShiftRole, Stage
from ..registry import register
from ..style_based.gan import StyleBasedGAN
from ..stylegan.gan import default_channels
from .config import check
from .discriminator import StyleGAN2Discriminator
from .generator import Architecture, StyleGAN2Generator
from .mapping import Conditioning


@register("stylegan2")
class StyleGAN2(StyleBasedGAN):
    """StyleGAN2 with its discriminator.

    The defaults are those of config F. Config E has half the channels; StyleGAN2-ADA's
    "auto" has ``mapping_layers=2``, activations clamped to 256 and, below 512 pixels,
    half the channels. Configs B to D, once grown, are ``"orig"`` in both networks.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim, mapping_layers: Of the mapping network.
        mapping_width: Size of its hidden layers; None is ``w_dim``.
        mapping_lrmul: Its learning rate multiplier.
        channels: Channels at 4, 8, … ``resolution``; None takes config F's.
        discriminator_channels: The same for the discriminator; None mirrors ``channels``.
        const_channels: Of the generator's constant; None is the first of ``channels``.
        dense_channels: Of the discriminator's dense layer; None is its first channels.
        image_channels: Channels of the images.
        g_architecture, d_architecture: "orig", "skip" or "resnet" (figure 7).
        taps: Low-pass filter of the resampling, of at least two numbers.
        g_clamp, d_clamp: What activations are clamped to; None clamps nothing.
        d_clamp_last_pixels: Whether features of the 4-pixel image are, too ("skip" only).
        mbstd_group, mbstd_features: Of the minibatch standard deviation: group size (None
            is the whole batch) and channels (0 leaves it out).
        num_classes: Number of classes; 0 for a network without labels.
        conditioning: How labels enter: "concat" (StyleGAN2) or "embed" (StyleGAN2-ADA).
        label_dim: Size of a class's vector in the generator; None is ``latent_dim``.
        d_label_dim, d_mapping_layers, d_mapping_lrmul: Of the discriminator's mapping of
            labels, for "embed"; None as ``d_label_dim`` is its first channels.
        one_class: Takes no labels, and has the weights of one class (``num_classes=1``).
        scale_shift, use_noise, mixing, miner, latent_gaussian: See :class:`StyleGAN2Generator`.
        discriminator_scale_shift: See :class:`StyleGAN2Discriminator`.
        truncation_layers: How many layers ψ acts on; None is all.
        dtype: Keras dtype policy, such as "mixed_bfloat16".

    Raises:
        BackboneError: if the configuration does not fit together.
    """

    def __init__(
        self,
        resolution: int = 256,
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
        mapping_width: int | None = None,
        mapping_lrmul: float = 0.01,
        channels: Sequence[int] | None = None,
        discriminator_channels: Sequence[int] | None = None,
        const_channels: int | None = None,
        dense_channels: int | None = None,
        image_channels: int = 3,
        g_architecture: Architecture = "skip",
        d_architecture: Architecture = "resnet",
        taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0),
        g_clamp: float | None = None,
        d_clamp: float | None = None,
        d_clamp_last_pixels: bool = True,
        mbstd_group: int | None = 4,
        mbstd_features: int = 1,
        num_classes: int = 0,
        conditioning: Conditioning = "embed",
        label_dim: int | None = None,
        d_label_dim: int | None = None,
        d_mapping_layers: int = 0,
        d_mapping_lrmul: float = 0.1,
        one_class: bool = False,
        scale_shift: bool = False,
        use_noise: bool = True,
        mixing: float = 0.9,
        truncation_layers: int | None = None,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        check_resolution(resolution, 8)
        channels = default_channels(resolution, 16384) if channels is None else list(channels)
        mirrored = channels if discriminator_channels is None else list(discriminator_channels)
        config = {k: v for k, v in locals().items() if k not in ("self", "mirrored", "__class__")}
        check(config, mirrored)
        lists = {"discriminator_channels": mirrored, "taps": list(taps), "miner": list(miner)}
        super().__init__(**{**config, **lists})
        labels = {"num_classes": num_classes, "conditioning": conditioning}
        shared = {
            "image_channels": image_channels,
            "taps": taps,
            "one_class": one_class,
            "dtype": dtype,
        }
        self.generator: Any = StyleGAN2Generator(
            resolution,
            latent_dim,
            w_dim,
            {
                "layers": mapping_layers,
                "width": mapping_width,
                "lrmul": mapping_lrmul,
                "label_dim": label_dim,
                **labels,
            },
            channels,
            const_channels,
            architecture=g_architecture,
            clamp=g_clamp,
            scale_shift=scale_shift,
            use_noise=use_noise,
            mixing=mixing,
            miner=miner,
            latent_gaussian=latent_gaussian,
            **shared,
        )
        self.discriminator: Any = StyleGAN2Discriminator(
            resolution,
            mirrored,
            dense_channels,
            architecture=d_architecture,
            clamp=d_clamp,
            clamp_last_pixels=d_clamp_last_pixels,
            mbstd_group=mbstd_group,
            mbstd_features=mbstd_features,
            label_mapping={
                "dim": mirrored[0] if d_label_dim is None else d_label_dim,
                "layers": d_mapping_layers,
                "lrmul": d_mapping_lrmul,
            },
            scale_shift=discriminator_scale_shift,
            **labels,
            **shared,
        )
        label = tf.zeros([1], tf.int32)
        self.generator(tf.zeros((1, latent_dim)), label)
        self.discriminator(tf.zeros((1, resolution, resolution, image_channels)), label)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        r = self.config["resolution"]
        return (r, r, self.config["image_channels"])

    @property
    def num_classes(self) -> int:
        return 0 if self.config["one_class"] else self.config["num_classes"]

    # Classes ---------------------------------------------------------------------

    def with_one_class(self, start: int | str = "mean") -> GAN:
        """A copy without classes; see :meth:`GAN.with_one_class`.

        Everything that follows the classes' own vectors stays, the mean of the styles too.

        Args:
            start: "mean" of the vectors of all classes, or the number of one.
        """
        if not self.num_classes:
            return self
        number = None if start == "mean" else check_class(start, self)
        twin = self.rebuild(num_classes=1, one_class=True)
        theirs = twin.variables_by_path()
        for path, variable in self.variables_by_path().items():
            axis = _class_axis(path, self.config["conditioning"])
            if axis is None:
                continue
            value = np.asarray(variable.numpy())
            chosen = value.mean(axis) if number is None else value.take(number, axis)
            # What the layers are scaled by at run time depends on the number of classes.
            if path.endswith("LabelEmbed/weight"):
                chosen = chosen / math.sqrt(self.num_classes)
            theirs[path].assign(np.expand_dims(chosen, axis))
        return twin

    # Parts -------------------------------------------------------------------------

    def generator_stages(self) -> list[Stage]:
        g, stages = self.generator, [self._mapping_stage()]
        noises = list(g.noises)
        for block in g.blocks:
            own = [noises.pop(0) for _ in block.convs if noises]
            stages.append(Stage(block.name, (*block.weights, *own)))
        return [*stages, Stage("ToRGB", tuple(g.to_rgb.weights))]

    def discriminator_stages(self) -> list[Stage]:
        d = self.discriminator
        if d is None:
            return []
        stages = [Stage(layer.name, tuple(layer.weights)) for layer in (d.from_rgb, *d.blocks)]
        mapped = d.mapping.weights if d.mapping is not None else []
        return [*stages, Stage(d.head.name, (*mapped, *d.head.weights))]

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("scale_shift")
        return [ScaleShiftRole.of(name, conv.scale_shift) for name, conv in self._styled()[:-1]]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The maps from styles to what scales the input of each layer.

        There are no shifts: StyleGAN2's biases do not depend on the style.
        """
        return [
            ScaleShiftRole(name, tuple(conv.modulation.weights), (), direct=False)
            for name, conv in self._styled()
        ]

    def _styled(self) -> list[tuple[str, Any]]:
        return [(f"{b.name}/{c.name}", c) for b in self.generator.blocks for c in b.convs]


def _class_axis(path: str, conditioning: str) -> int | None:
    """Which axis of a weight counts classes."""
    if path.endswith(("LabelConcat/weight", "LabelEmbed/weight")):
        return 0
    if conditioning == "concat" and path.startswith("discriminator/4x4/Output/"):
        return -1
    return None
