"""The names of variables in DeepMind's BigGAN modules, and which of our weights each is.

Source: the modules deepmind/biggan-{128,256,512} and biggan-deep-{128,256,512} as public
conversions of them describe their variables. Kernels lie here as they do there.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

from ...backbones import GAN
from ...backbones.biggan.deep import BigGANDeep
from ...backbones.biggan.gan import BigGAN


@dataclasses.dataclass(frozen=True)
class Kind:
    """The names of the variables of one architecture."""

    network: type[GAN]
    first: str
    average: str
    """What follows the name of a weight's average over training."""
    scale: str
    shift: str
    norm: str
    statistics: str
    last_norm: str
    last_statistics: str
    convs: tuple[str, ...]
    to_rgb: str
    doubling: int
    """Blocks for each doubling of width and height."""


PLAIN = Kind(
    BigGAN,
    "G_Z",
    "/ema_b999900",
    "gamma",
    "beta",
    "HyperBN",
    "CrossReplicaBN",
    "ScaledCrossReplicaBN",
    "ScaledCrossReplicaBNbn",
    ("conv0", "conv1"),
    "conv_2d",
    1,
)
DEEP = Kind(
    BigGANDeep,
    "GenZ",
    "/ema_0.9999",
    "scale",
    "offset",
    "BatchNorm",
    "BatchNorm",
    "BatchNorm",
    "BatchNorm",
    ("conv0", "conv1", "conv2", "conv3"),
    "conv_to_rgb",
    2,
)


def block(i: int) -> str:
    """The scope of a block."""
    return "Generator/GBlock" + (f"_{i}" if i else "")


def block_count(kind: Kind, channels: list[int]) -> int:
    """Blocks of a network with such channels at 4, 8, … pixels."""
    return kind.doubling * (len(channels) - 1)


def norm_channels(kind: Kind, channels: list[int]) -> list[int]:
    """Channels of every normalisation, from input to output."""
    before_norms = []
    for before, after in itertools.pairwise(channels):
        if kind is DEEP:
            narrow = max(before // 4, 1)
            before_norms += 2 * [before, narrow, narrow, narrow]
        else:
            before_norms += [before, after]
    return [*before_norms, channels[-1]]


def variable_names(
    kind: Kind, average: Callable[[str], str], config: dict[str, Any], with_statistics: bool
) -> dict[str, str]:
    """The variable of a module for each of our paths, about as our networks make them.

    Args:
        average: Gives the variable of a weight: its average, if the module has averages.
        config: Of our network.
        with_statistics: Whether variables hold the statistics, rather than tables.
    """
    names = {"generator/class_table": average("linear/w")}

    def spectral(ours: str, theirs: str, bias: bool = True) -> None:
        names[f"generator/{ours}/kernel"] = average(f"{theirs}/w")
        names[f"generator/{ours}/u"] = f"{theirs}/u0"
        if bias:
            names[f"generator/{ours}/bias"] = average(f"{theirs}/b")

    def statistics(ours: str, theirs: str) -> None:
        if with_statistics:
            names[f"generator/{ours}/moving_mean"] = f"{theirs}/accumulated_mean"
            names[f"generator/{ours}/moving_variance"] = f"{theirs}/accumulated_var"

    if config["attention"]:
        for part in ("theta", "phi", "g", "o_conv"):
            spectral(f"attention/{part}", f"Generator/attention/{part}", bias=False)
        names["generator/attention/gamma"] = average("Generator/attention/gamma")
    spectral("G_linear", f"Generator/{kind.first}/G_linear")
    for i in range(block_count(kind, config["channels"])):
        ours, theirs = f"GBlock_{i}", block(i)
        for k, conv in enumerate(kind.convs):
            number = f"_{k}" if k else ""
            norm = f"{theirs}/{kind.norm}{number}"
            spectral(f"{ours}/norm{k}/gamma", f"{norm}/{kind.scale}", bias=False)
            spectral(f"{ours}/norm{k}/beta", f"{norm}/{kind.shift}", bias=False)
            statistics(f"{ours}/norm{k}", f"{theirs}/{kind.statistics}{number}")
            spectral(f"{ours}/conv{k}", f"{theirs}/{conv}")
        if kind is PLAIN:
            spectral(f"{ours}/conv_sc", f"{theirs}/conv_sc")
    names["generator/norm/gamma"] = average(f"Generator/{kind.last_norm}/{kind.scale}")
    names["generator/norm/beta"] = average(f"Generator/{kind.last_norm}/{kind.shift}")
    statistics("norm", f"Generator/{kind.last_statistics}")
    spectral("to_rgb", f"Generator/{kind.to_rgb}")
    return names
