"""StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019). The framework of the EWC paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from .base import GAN, BackboneError, ScaleShiftRole, Stage, build_networks, register
from .stylegan_discriminator import StyleGANDiscriminator
from .stylegan_generator import StyleGANGenerator


def default_channels(resolution: int, base: int = 8192, maximum: int = 512) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels as in the released networks."""
    stages = int(math.log2(resolution)) - 1
    return [min(base // 2 ** (i + 1), maximum) for i in range(stages)]


@register("stylegan")
class StyleGAN(GAN):
    """StyleGAN v1 with its discriminator.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim, mapping_layers: Of the mapping network.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        fused, fading, scale_shift, use_noise, miner: See :class:`StyleGANGenerator`.
        discriminator_scale_shift: See :class:`StyleGANDiscriminator`.
        mbstd_group: Group of the minibatch standard deviation.
        truncation_layers: How many layers ψ acts on.
        dtype: Keras dtype policy, such as "mixed_bfloat16".
    """

    def __init__(
        self,
        resolution: int = 64,
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
        channels: Sequence[int] | None = None,
        fused: bool | str = "auto",
        fading: bool = False,
        scale_shift: bool = False,
        use_noise: bool = True,
        mbstd_group: int = 4,
        truncation_layers: int = 8,
        miner: Sequence[int] = (),
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        if resolution < 8 or resolution & (resolution - 1):
            raise BackboneError(f"resolution must be a power of two from 8, not {resolution}")
        channels = list(channels) if channels is not None else default_channels(resolution)
        if len(channels) != int(math.log2(resolution)) - 1:
            raise BackboneError(
                f"{resolution} px need {int(math.log2(resolution)) - 1} entries in channels "
                f"(for 4, 8, … {resolution}), not {len(channels)}"
            )
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            w_dim=w_dim,
            mapping_layers=mapping_layers,
            channels=channels,
            fused=fused,
            fading=fading,
            scale_shift=scale_shift,
            use_noise=use_noise,
            mbstd_group=mbstd_group,
            truncation_layers=truncation_layers,
            miner=list(miner),
            discriminator_scale_shift=discriminator_scale_shift,
            dtype=dtype,
        )
        self.generator: Any = StyleGANGenerator(
            resolution,
            latent_dim,
            w_dim,
            mapping_layers,
            channels,
            fused=fused,
            fading=fading,
            scale_shift=scale_shift,
            use_noise=use_noise,
            miner=miner,
            dtype=dtype,
        )
        self.discriminator: Any = StyleGANDiscriminator(
            resolution,
            channels,
            fused=fused,
            fading=fading,
            mbstd_group=mbstd_group,
            scale_shift=discriminator_scale_shift,
            dtype=dtype,
        )
        build_networks(
            (self.generator, (latent_dim,)), (self.discriminator, (resolution, resolution, 3))
        )
        self._free_scale: np.ndarray | None = None

    @property
    def latent_dim(self) -> int:
        return self.config["latent_dim"]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config["resolution"], self.config["resolution"], 3)

    def truncate_latents(self, z, truncation):
        """Returns ``z``: StyleGAN truncates its styles."""
        del truncation
        return z

    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        del label
        ws = self.generator.broadcast(self.generator.styles(z))
        if truncation is not None:
            ws = self.generator.truncate(ws, truncation, self.config["truncation_layers"])
        return self.generator.synthesize(ws, noise)

    # Pictures are fitted among the styles: pixel normalisation makes z = 0, where a
    # latent table begins, a pole of the mapping network.

    @property
    def free_latent_dim(self) -> int:
        return self.config["w_dim"]

    def free_latents(self, z, label=None):
        del label
        return (self.generator.styles(z) - self.generator.w_avg) / self._scale()

    def synthesize(self, free, label=None, training: bool = False):
        del label
        ws = self.generator.broadcast(self.generator.w_avg + free * self._scale())
        return self.generator.synthesize(ws, noise="random" if training else "const")

    def _scale(self) -> np.ndarray:
        """Standard deviation of each component of the styles, ``[w_dim]``."""
        scale = self._free_scale
        if scale is None:
            with tf.init_scope():
                styles = self.generator.styles(self.sample_latents(4096, seed=0))
                scale = self._free_scale = np.std(np.asarray(styles), 0) + 1e-8
        return scale

    def generator_features(self, z, label=None) -> list:
        del label
        ws = self.generator.broadcast(self.generator.styles(z))
        return self.generator.activations(ws)

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label, training
        return self.discriminator.activations(images)

    def generator_stages(self) -> list[Stage]:
        g = self.generator
        mined = g.miner.weights if g.miner is not None else []
        stages = [Stage("mapping", (*mined, *g.mapping.weights, g.w_avg))]
        for i, block in enumerate(g.blocks):
            variables = [*block.weights, *g.noises[2 * i : 2 * i + 2]]
            stages.append(Stage(block.name, tuple(variables)))
        last = [v for layer in g.to_rgb.values() for v in layer.weights]
        stages.append(Stage("ToRGB", (*last, *([g.lod] if g.fading else []))))
        return stages

    def synthesis_stages(self) -> list[Stage]:
        return self.generator_stages()[1:]

    def discriminator_stages(self) -> list[Stage]:
        d = self.discriminator
        if d is None:
            return []
        first = [v for layer in d.from_rgb.values() for v in layer.weights]
        stages = [Stage("FromRGB", (*first, *([d.lod] if d.fading else [])))]
        stages += [Stage(block.name, tuple(block.weights)) for block in d.blocks]
        return [*stages, Stage("4x4", tuple(d.head.weights))]

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        if not self.config["scale_shift"]:
            raise BackboneError("this StyleGAN has no scale and shift: use with_scale_shift()")
        roles = []
        for block in self.generator.blocks:
            for epilogue in (block.epilogue0, block.epilogue1):
                layer = epilogue.scale_shift
                if layer is not None:
                    name = f"{block.name}/{epilogue.name}"
                    roles.append(ScaleShiftRole(name, (layer.gamma,), (layer.beta,)))
        return roles

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        if not self.config["discriminator_scale_shift"]:
            raise BackboneError("use with_discriminator_scale_shift() first")
        return [
            ScaleShiftRole(f"{part.name}/{layer.name}", (layer.gamma,), (layer.beta,))
            for part in (*self.discriminator.blocks, self.discriminator.head)
            for layer in part.scale_shifts
        ]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The style modulations of AdaIN: maps that compute scale and shift together."""
        return [
            ScaleShiftRole(
                f"{block.name}/{epilogue.name}",
                tuple(epilogue.adain.style_mod.weights),
                (),
                direct=False,
            )
            for block in self.generator.blocks
            for epilogue in (block.epilogue0, block.epilogue1)
        ]
