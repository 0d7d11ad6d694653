"""A miner of latents.

Source: Wang et al., "MineGAN: effective knowledge transfer from GANs to target domains with few
images" (CVPR 2020), section 3.1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ...layers import Miner
from .extension import Extension, Place, Point, register


@register
@dataclasses.dataclass(frozen=True)
class LatentMiner(Extension):
    """A small network that latents pass through before the generator.

    Attributes:
        widths: Widths of its hidden layers.
    """

    name = layer_name = "miner"
    words = "a miner"
    point = Point.LATENTS

    widths: Sequence[int] = (512,)

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))

    def layer(self, name: str, place: Place, dtype: Any) -> Any:
        del place, dtype
        return Miner(self.widths, name=name)
