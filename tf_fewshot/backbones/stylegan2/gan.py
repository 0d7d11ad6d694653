"""StyleGAN2, with the variants of StyleGAN2-ADA.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020) and "Training Generative Adversarial Networks with Limited Data" (NeurIPS 2020).
"""

from __future__ import annotations

from typing import Any

from ..parts import RoleValues, ScaleShiftRole, Stage
from ..registry import register
from .config import StyleGAN2Config
from .family import StyleGAN2Family
from .generator import StyleGAN2Generator


@register("stylegan2")
class StyleGAN2(StyleGAN2Family):
    """StyleGAN2 with its discriminator; :class:`StyleGAN2Config` has its settings."""

    configuration_class = StyleGAN2Config
    generator_class = StyleGAN2Generator

    @property
    def image_shape(self) -> tuple[int, int, int]:
        config = self.configuration
        return (*config.size_at(config.resolution), config.image_channels)

    # Parts -------------------------------------------------------------------------

    def generator_stages(self) -> list[Stage]:
        g, stages = self.generator, [self._mapping_stage()]
        noises = list(g.noises)
        for block in g.blocks:
            own = [noises.pop(0) for _ in block.convs if noises]
            stages.append(Stage(block.name, (*block.weights, *own)))
        return [*stages, Stage("ToRGB", tuple(g.to_rgb.weights))]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The maps from styles to what scales the input of each layer.

        There are no shifts: StyleGAN2's biases do not depend on the style.
        """
        return [
            ScaleShiftRole(name, tuple(conv.modulation.weights), (), direct=False)
            for name, conv in self._styled()
        ]

    def own_scale_shift(self, z, label=None) -> list[RoleValues]:
        """What the styles of these latents scale the input channels of each layer by."""
        ws = self.generator.layer_styles(z, label)
        return [
            RoleValues(name, conv.modulation(ws[:, i]).numpy() + 1.0, None, True)
            for i, (name, conv) in enumerate(self._styled())
        ]

    def _styled(self) -> list[tuple[str, Any]]:
        return [(f"{b.name}/{c.name}", c) for b in self.generator.blocks for c in b.convs]
