"""The configuration of StyleGAN (version 1)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..checks import check_entries, check_resolution
from ..configuration import Configuration
from ..errors import BackboneError


def default_channels(resolution: int, base: int = 8192, maximum: int = 512) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels as in the released networks."""
    stages = int(math.log2(resolution)) - 1
    return [min(base // 2 ** (i + 1), maximum) for i in range(stages)]


@dataclasses.dataclass(frozen=True)
class StyleGANConfig(Configuration):
    """What a StyleGAN is built from.

    Attributes:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        mapping_layers: Dense layers of the mapping network.
        channels: Channels at 4, 8, … ``resolution``; None takes the released widths.
        fused: Whether resampling and convolution are one; "auto" from 128 px.
        fading: Whether the last resolution is faded in by the weight ``lod``
            (1: only the resolution below is seen, 0: only the last).
        use_noise: Whether every layer has noise inputs. Drawings of flat colour have
            nothing random for them to make, and the grain that they leave shows.
        mbstd_group: Group of the minibatch standard deviation; 1 leaves it out.
        truncation_layers: How many layers ψ acts on; 0 is none of them.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
    """

    resolution: int = 64
    latent_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    channels: Sequence[int] | None = None
    fused: bool | str = "auto"
    fading: bool = False
    use_noise: bool = True
    mbstd_group: int = 4
    truncation_layers: int = 8
    mixing: float = 0.9
    w_avg_beta: float = 0.995

    def resolved(self) -> StyleGANConfig:
        check_resolution(self.resolution, 8)
        if isinstance(self.fused, str) and self.fused != "auto":
            raise BackboneError(f"fused must be true, false or 'auto', not {self.fused!r}")
        channels = self.channels
        channels = default_channels(self.resolution) if channels is None else list(channels)
        check_entries("channels", channels, self.resolution, self.resolution)
        return dataclasses.replace(self, channels=channels)
