"""What StyleGAN2 and StyleGAN3 share: the discriminator, and how labels enter.

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data" (NeurIPS 2020).
"""

from __future__ import annotations

import math

from ..parts import ClassTable, Stage
from ..style_based.gan import StyleBasedGAN
from .discriminator import StyleGAN2Discriminator


class StyleGAN2Family(StyleBasedGAN):
    """A style-based GAN with StyleGAN2's discriminator and labels.

    Its configuration has ``resolution``, ``image_channels``, ``labels`` and ``generator``.
    """

    discriminator_class = StyleGAN2Discriminator

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

    def discriminator_stages(self) -> list[Stage]:
        d = self.discriminator
        if d is None:
            return []
        stages = [Stage(layer.name, tuple(layer.weights)) for layer in (d.from_rgb, *d.blocks)]
        mapped = d.mapping.weights if d.mapping is not None else []
        return [*stages, Stage(d.head.name, (*mapped, *d.head.weights))]


def _class_axis(path: str, conditioning: str) -> int | None:
    """Which axis of a weight counts classes."""
    if path.endswith(("LabelConcat/weight", "LabelEmbed/weight")):
        return 0
    if conditioning == "concat" and path.startswith("discriminator/4x4/Output/"):
        return -1
    return None
