"""What takes the place of the prior of latents, once it is fitted to latents of pictures."""

from __future__ import annotations

import dataclasses
from typing import Any

from .extension import Extension, Point
from .host import Host


@dataclasses.dataclass(frozen=True)
class FittedLatents(Extension):
    """Free latents that are drawn from what was fitted to pictures, rather than from the prior.

    Its layer has ``reset()``, and ``coordinates(latents, dim)``: the ``z`` that it carries to the
    latents of the pictures.
    """

    point = Point.FREE

    def of(self, gan: Host) -> Any:
        """Returns its layer in a GAN that has this extension."""
        ((_, layer),) = gan.generator.extensions.layers(self.name)
        return layer

    def reset(self, gan: Host) -> None:
        """Makes it forget what it was fitted to."""
        self.of(gan).reset()
