"""StyleGAN2, with the variants of StyleGAN2-ADA.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR
2020) and "Training Generative Adversarial Networks with Limited Data" (NeurIPS 2020).
"""

from __future__ import annotations

import math
from typing import Any

from ..parts import ClassTable, RoleValues, ScaleShiftRole, Stage
from ..registry import register
from ..style_based.gan import StyleBasedGAN
from .config import StyleGAN2Config
from .discriminator import StyleGAN2Discriminator
from .generator import StyleGAN2Generator


@register("stylegan2")
class StyleGAN2(StyleBasedGAN):
    """StyleGAN2 with its discriminator; :class:`StyleGAN2Config` has its settings."""

    configuration_class = StyleGAN2Config
    generator_class = StyleGAN2Generator
    discriminator_class = StyleGAN2Discriminator

    @property
    def truncation_layers(self) -> int | None:
        return self.configuration.generator.truncation_layers

    @property
    def image_shape(self) -> tuple[int, int, int]:
        config = self.configuration
        return (*config.size_at(config.resolution), config.image_channels)

    def class_tables(self) -> list[ClassTable]:
        """The classes' own vectors; all that follows them stays, the mean of the styles too."""
        tables = []
        for path, variable in self.variables_by_path().items():
            axis = _class_axis(path, self.configuration.labels.conditioning)
            if axis is not None:
                # What layers are scaled by at run time depends on the number of classes.
                scaled = path.endswith("LabelEmbed/weight")
                divisor = math.sqrt(self.num_classes) if scaled else 1.0
                tables.append(ClassTable(path, variable.numpy(), axis, divisor=divisor, table=path))
        return tables

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


def _class_axis(path: str, conditioning: str) -> int | None:
    """Which axis of a weight counts classes."""
    if path.endswith(("LabelConcat/weight", "LabelEmbed/weight")):
        return 0
    if conditioning == "concat" and path.startswith("discriminator/4x4/Output/"):
        return -1
    return None
