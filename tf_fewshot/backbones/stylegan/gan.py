"""StyleGAN (version 1).

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019). The framework of the EWC paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..parts import ClassTable, RoleValues, ScaleShiftRole, Stage
from ..registry import register
from ..style_based.gan import StyleBasedGAN
from .config import StyleGANConfig
from .discriminator import StyleGANDiscriminator
from .generator import StyleGANGenerator


@register("stylegan")
class StyleGAN(StyleBasedGAN):
    """StyleGAN v1 with its discriminator; :class:`StyleGANConfig` has its settings."""

    configuration_class = StyleGANConfig
    generator_class = StyleGANGenerator
    discriminator_class = StyleGANDiscriminator

    def class_tables(self) -> list[ClassTable]:
        """The classes' own vectors and scores; all that follows them stays."""
        axes = {"generator/mapping/LabelConcat/weight": 0}
        axes |= {f"discriminator/4x4/Dense1/{part}": -1 for part in ("weight", "bias")}
        variables = self.variables_by_path()
        return [
            ClassTable(path, variables[path].numpy(), axis, table=path)
            for path, axis in axes.items()
            if self.generator.classes.rows and path in variables
        ]

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

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The style modulations of AdaIN: maps that compute scale and shift together."""
        return [
            ScaleShiftRole(name, tuple(adain.style_mod.weights), (), direct=False)
            for name, adain in self._styled()
        ]

    def own_scale_shift(self, z, label=None) -> list[RoleValues]:
        """What the styles of these latents scale and shift after each normalisation."""
        ws, values = self.generator.layer_styles(z, label), []
        for i, (name, adain) in enumerate(self._styled()):
            scale, shift = np.split(adain.style_mod(ws[:, i]).numpy(), 2, axis=-1)
            values.append(RoleValues(name, scale + 1.0, shift))
        return values

    def _styled(self) -> list[tuple[str, Any]]:
        return [
            (f"{block.name}/{epilogue.name}", epilogue.adain)
            for block in self.generator.blocks
            for epilogue in (block.epilogue0, block.epilogue1)
        ]
