"""What a configuration of StyleGAN2 must fulfil."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks import check_entries
from ..errors import BackboneError

_ARCHITECTURES = ("orig", "skip", "resnet")


def check(config: dict[str, Any], discriminator_channels: Sequence[int]) -> None:
    """Whether the arguments of a StyleGAN2 fit together.

    Raises:
        BackboneError: if they do not.
    """
    resolution = config["resolution"]
    check_entries("channels", config["channels"], resolution, resolution)
    check_entries("discriminator_channels", discriminator_channels, resolution, resolution)
    for name in ("g_architecture", "d_architecture"):
        if config[name] not in _ARCHITECTURES:
            raise BackboneError(f"{name} must be 'orig', 'skip' or 'resnet', not {config[name]!r}")
    if config["conditioning"] not in ("concat", "embed"):
        raise BackboneError(
            f"conditioning must be 'concat' or 'embed', not {config['conditioning']!r}"
        )
    if len(config["taps"]) < 2:
        raise BackboneError(f"taps must be at least two numbers, not {config['taps']!r}")
    if config["one_class"] and config["num_classes"] != 1:
        raise BackboneError(
            f"one_class is of a network with num_classes=1, not {config['num_classes']}"
        )
    if config["mbstd_features"] and discriminator_channels[0] % config["mbstd_features"]:
        raise BackboneError(
            f"mbstd_features={config['mbstd_features']} does not divide the "
            f"{discriminator_channels[0]} channels at 4 px"
        )
