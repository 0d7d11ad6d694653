"""Latents of the parts of pictures in place of the prior of latents."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...layers import LatentParts
from ..errors import BackboneError
from .extension import Place, register
from .fitted import FittedLatents


@register
@dataclasses.dataclass(frozen=True)
class PartsOfLatents(FittedLatents):
    """Parts of free latents, which take the place of the prior once they are fitted.

    Attributes:
        parts: How many parts a latent has.
        pictures: How many pictures it is fitted to.
        sharpness: See :class:`~tf_fewshot.layers.LatentParts`.
    """

    name = layer_name = "latent_parts"
    words = "latents of parts"

    parts: int = 2
    pictures: int = 1
    sharpness: float = 8.0

    def layer(self, name: str, place: Place, dtype: Any) -> LatentParts:
        del dtype
        if self.parts > place.latent_dim:
            raise BackboneError(
                f"latents of {place.latent_dim} numbers cannot have {self.parts} parts"
            )
        return LatentParts(self.parts, self.pictures, place.size, self.sharpness, name=name)
