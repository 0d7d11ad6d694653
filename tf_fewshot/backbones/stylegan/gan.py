"""StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019). The framework of the EWC paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import check_entries, check_resolution
from ..parts import ScaleShiftRole, Stage
from ..registry import build_networks, register
from ..style_based.gan import StyleBasedGAN
from .discriminator import StyleGANDiscriminator
from .generator import StyleGANGenerator


def default_channels(resolution: int, base: int = 8192, maximum: int = 512) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels as in the released networks."""
    stages = int(math.log2(resolution)) - 1
    return [min(base // 2 ** (i + 1), maximum) for i in range(stages)]


@register("stylegan")
class StyleGAN(StyleBasedGAN):
    """StyleGAN v1 with its discriminator.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim, mapping_layers: Of the mapping network.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        fused, fading, scale_shift, use_noise, miner, latent_gaussian: See
            :class:`StyleGANGenerator`.
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
        latent_gaussian: int = 0,
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        check_resolution(resolution, 8)
        channels = list(channels) if channels is not None else default_channels(resolution)
        check_entries("channels", channels, resolution, resolution)
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
            latent_gaussian=latent_gaussian,
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
            latent_gaussian=latent_gaussian,
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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config["resolution"], self.config["resolution"], 3)

    def generator_stages(self) -> list[Stage]:
        g, stages = self.generator, [self._mapping_stage()]
        for i, block in enumerate(g.blocks):
            variables = [*block.weights, *g.noises[2 * i : 2 * i + 2]]
            stages.append(Stage(block.name, tuple(variables)))
        last = [v for layer in g.to_rgb.values() for v in layer.weights]
        stages.append(Stage("ToRGB", (*last, *([g.lod] if g.fading else []))))
        return stages

    def discriminator_stages(self) -> list[Stage]:
        return [] if self.discriminator is None else self.discriminator.stages()

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("scale_shift")
        roles = []
        for block in self.generator.blocks:
            for epilogue in (block.epilogue0, block.epilogue1):
                layer = epilogue.scale_shift
                if layer is not None:
                    name = f"{block.name}/{epilogue.name}"
                    roles.append(ScaleShiftRole.of(name, layer))
        return roles

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
