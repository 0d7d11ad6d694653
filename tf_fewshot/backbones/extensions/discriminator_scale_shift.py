"""Scale and shift of the discriminator's hidden layers.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics
Adaptation" (ICCV 2019), section 4.2, "TransferGAN (scale and shift)".
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ...layers import ScaleShift
from ..parts import ScaleShiftRole
from .extension import Extension, Place, Point, register
from .host import Host


@register
@dataclasses.dataclass(frozen=True)
class DiscriminatorScaleShift(Extension):
    """A scale, divided by its largest, and a shift for each channel of every hidden layer.

    They begin at 1 and 0, where they change nothing.
    """

    name = "discriminator_scale_shift"
    layer_name = "scale_shift"
    words = "scale and shift to judge with"
    networks = ("discriminator",)
    point = Point.HIDDEN

    def layer(self, name: str, place: Place, dtype: Any) -> Any:
        del place
        return ScaleShift(normalized=True, name=name, dtype=dtype)

    def roles(self, gan: Host) -> list[ScaleShiftRole]:
        assert gan.discriminator is not None
        layers = gan.discriminator.extensions.layers(self.name)
        return [ScaleShiftRole.of(name, layer) for name, layer in layers]
