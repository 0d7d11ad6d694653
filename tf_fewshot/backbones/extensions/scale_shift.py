"""Scale and shift of the generator's hidden layers.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics
Adaptation" (ICCV 2019), equation 2.
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
class GeneratorScaleShift(Extension):
    """A scale and a shift for each channel of every hidden layer of the generator but the last.

    They begin at 1 and 0, where they change nothing.
    """

    name = layer_name = "scale_shift"
    words = "scale and shift"
    point = Point.HIDDEN

    def layer(self, name: str, place: Place, dtype: Any) -> Any:
        del place
        return ScaleShift(name=name, dtype=dtype)

    def roles(self, gan: Host) -> list[ScaleShiftRole]:
        layers = gan.generator.extensions.layers(self.name)
        return [ScaleShiftRole.of(name, layer) for name, layer in layers]
