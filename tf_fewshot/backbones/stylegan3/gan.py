"""StyleGAN3, in its configs T and R.

Source: Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021).
"""

from __future__ import annotations

from ..configuration import Configuration
from ..parts import RoleValues, ScaleShiftRole, Stage
from ..registry import register
from ..stylegan2.family import StyleGAN2Family
from .config import StyleGAN3Config
from .generator import StyleGAN3Generator


@register("stylegan3")
class StyleGAN3(StyleGAN2Family):
    """StyleGAN3 with StyleGAN2's discriminator; :class:`StyleGAN3Config` has its settings."""

    configuration_class = StyleGAN3Config
    generator_class = StyleGAN3Generator

    def configuration_of(self, network: str) -> Configuration:
        config = self.configuration
        return config if network == "generator" else config.of_discriminator()

    # Parts -------------------------------------------------------------------------

    def generator_stages(self) -> list[Stage]:
        g = self.generator
        drawing = (g.features, *g.layers_between, g.to_rgb)
        stages = [Stage(layer.name, tuple(layer.weights)) for layer in drawing]
        return [self._mapping_stage(), *stages]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The maps from styles to what scales the input of each layer.

        There are no shifts: StyleGAN3's biases do not depend on the style.
        """
        return [
            ScaleShiftRole(layer.name, tuple(layer.modulation.weights), (), direct=False)
            for layer in self.generator.layers_between
        ]

    def own_scale_shift(self, z, label=None) -> list[RoleValues]:
        """What the styles of these latents scale the input channels of each layer by."""
        ws = self.generator.layer_styles(z, label)
        return [
            RoleValues(layer.name, layer.modulation(ws[:, i + 1]).numpy() + 1.0, None, True)
            for i, layer in enumerate(self.generator.layers_between)
        ]
