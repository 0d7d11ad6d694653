"""What StyleGAN3's layers are told of each other: sizes, rates, frequencies and filters.

Source: Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021), section 3.2,
figure 4 and appendix C.3.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from ...layers.lowpass import Resampling, kaiser_lowpass, radial_lowpass
from .config import StyleGAN3Config, SynthesisConfig


@dataclasses.dataclass(frozen=True)
class Signal:
    """A map between layers, as samples of a continuous one.

    Attributes:
        size: Width and height, margins included.
        rate: Samples in the width of the picture.
        cutoff: The frequency at which its low-pass filter lets half through.
        half_width: Half of the band over which that filter goes from all to nothing.
        channels: Of the map.
    """

    size: int
    rate: int
    cutoff: float
    half_width: float
    channels: int


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What one layer is built from.

    Attributes:
        name: Of the layer.
        before, after: The maps that enter and leave it.
        kernel_size: Of its convolution.
        up: How its leaky ReLU's input is resampled; None for pixels, which have no leaky ReLU.
        down: How its output is; its filter is not used where there is ``radial``.
        radial: The filter down where it is alike in all directions, ``[taps, taps]``.
    """

    name: str
    before: Signal
    after: Signal
    kernel_size: int
    up: Resampling | None = None
    down: Resampling | None = None
    radial: np.ndarray | None = None


def signals(config: StyleGAN3Config) -> list[Signal]:
    """The maps that leave each layer, and the pixels; the first one enters the first layer, too."""
    layers, resolution = config.layers, config.resolution
    last = resolution / 2
    cutoffs = layers.progression(layers.first_cutoff, last)
    ends = layers.progression(layers.first_stopband, last * layers.last_stopband_rel)
    rates = 2 ** np.ceil(np.log2(np.minimum(2 * ends, resolution)))
    halves = np.maximum(ends, rates / 2) - cutoffs
    sizes = rates + 2 * layers.margin
    # The last layer before the pixels crops what is around the picture.
    sizes[-2:] = resolution
    channels = [*(config.channels or ()), config.image_channels]
    rows = zip(sizes, rates, cutoffs, halves, channels, strict=True)
    return [Signal(int(s), int(r), float(f), float(h), int(c)) for s, r, f, h, c in rows]


def plans(config: StyleGAN3Config) -> list[Plan]:
    """What each layer is built from, that of the pixels at the end."""
    g, maps = config.generator, signals(config)
    made = []
    for i, after in enumerate(maps[:-1]):
        critical = i >= config.layers.synthesis_layers - config.layers.critical_layers
        made.append(_plan(g, f"L{i}", maps[max(i - 1, 0)], after, g.radial and not critical))
    return [*made, Plan("ToRGB", maps[-2], maps[-1], 1)]


def _plan(g: SynthesisConfig, name: str, before: Signal, after: Signal, radial: bool) -> Plan:
    rate = max(before.rate, after.rate) * g.lrelu_upsampling
    up, down = rate // before.rate, rate // after.rate
    up_taps = g.filter_size * up if up > 1 else 1
    down_taps = g.filter_size * down if down > 1 else 1
    # What leaves the leaky ReLU, what the convolution gave, and what filters take off.
    wanted = (after.size - 1) * down + down_taps
    padding = wanted + up_taps - 1 - (before.size + g.kernel_size - 1) * up
    # Samples stand for the middle of their pixels (appendix C.3).
    first = (padding + up) // 2
    kept = Resampling(_line(down_taps, after, rate), 1, down, 0, after.size)
    return Plan(
        name,
        before,
        after,
        g.kernel_size,
        Resampling(_line(up_taps, before, rate), up, 1, first, wanted),
        kept,
        _square(down_taps, after.cutoff, after.half_width, rate) if radial and down > 1 else None,
    )


def _line(taps: int, of: Signal, rate: int) -> tuple[float, ...]:
    return (1.0,) if taps == 1 else _designed(taps, of.cutoff, of.half_width, rate)


@functools.cache
def _designed(taps: int, cutoff: float, half_width: float, rate: int) -> tuple[float, ...]:
    return tuple(map(float, kaiser_lowpass(taps, cutoff, 2 * half_width, rate)))


@functools.cache
def _square(taps: int, cutoff: float, half_width: float, rate: int) -> np.ndarray:
    return radial_lowpass(taps, cutoff, 2 * half_width, rate)
