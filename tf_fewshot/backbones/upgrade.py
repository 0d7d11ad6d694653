"""Configurations of files that earlier releases wrote, as today's releases read them.

Extensions were once settings of each architecture ("scale_shift": true, "miner": [512], …), and
each network had a configuration of its own. Everything that is built from stored settings comes
through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import BackboneError
from .extensions import (
    DiscriminatorScaleShift,
    Extension,
    GaussianOfLatents,
    GeneratorScaleShift,
    LatentMiner,
    OneClass,
    from_json,
    to_json,
)

# The setting that an extension once was, and the extension of a value that is not false.
_SETTINGS: dict[str, Callable[[Any], Extension]] = {
    "scale_shift": lambda value: GeneratorScaleShift(),
    "miner": lambda value: LatentMiner(value),
    "latent_gaussian": lambda value: GaussianOfLatents(value),
    "discriminator_scale_shift": lambda value: DiscriminatorScaleShift(),
    "one_class": lambda value: OneClass(),
}

# Settings of a network by what they are called in its architecture; None was left away.
_RENAMED: dict[str, dict[str, str | None]] = {
    "DCGANDiscriminator": {"widths": "discriminator_widths"},
    "SNGANDiscriminator": {"widths": "discriminator_widths"},
    "BigGANGenerator": {"rows": "statistics", "to_rgb": None},
    "BigGANDeepGenerator": {"rows": "statistics"},
    "StyleGAN2Generator": {
        "architecture": "g_architecture",
        "clamp": "g_clamp",
        "layers": "mapping_layers",
        "width": "mapping_width",
        "lrmul": "mapping_lrmul",
    },
    "StyleGAN2Discriminator": {
        "architecture": "d_architecture",
        "channels": "discriminator_channels",
        "clamp": "d_clamp",
        "clamp_last_pixels": "d_clamp_last_pixels",
        "dim": "d_label_dim",
        "layers": "d_mapping_layers",
        "lrmul": "d_mapping_lrmul",
    },
}
# Settings that were arguments of a part of the network.
_PARTS = ("mapping", "label_mapping")
# What the resolution of a network that did not say it follows from: channels at 4, 8, … pixels.
_CHANNELS = {"SNGANGenerator": "widths", "BigGANGenerator": "channels"}
_CHANNELS["BigGANDeepGenerator"] = "channels"


def upgraded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a GAN with its extensions as one list of JSON, "extensions".

    Settings that were extensions once change that list: they add theirs, or remove it.

    Args:
        config: By flat names; it stays as it is.

    Raises:
        BackboneError: for extensions that there are not, or what is no list of them.
    """
    flat = dict(config)
    listed = flat.pop("extensions", ())
    if not isinstance(listed, (list, tuple)):
        raise BackboneError(f"extensions must be a list, not {listed!r}")
    chosen = {e.name: e for e in map(from_json, listed)}
    for name, extension in _SETTINGS.items():
        if name in flat:
            value = flat.pop(name)
            chosen.pop(name, None)
            if value:
                chosen[name] = extension(value)
                # StyleGAN2 counted the one class, and the others did not.
                if name == "one_class" and flat.get("num_classes", 1) in (None, 1):
                    flat["num_classes"] = 0
    return {**flat, "extensions": [to_json(extension) for extension in chosen.values()]}


def upgraded_network(network: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of one network, as a ``.keras`` file holds them, likewise.

    Args:
        network: Name of its class.
        config: By the names of its architecture, or by those that the network had once.
    """
    if "extensions" in config:
        return dict(config)
    flat = dict(config)
    for part in _PARTS:
        flat |= flat.pop(part, None) or {}
    if network.endswith("Discriminator"):
        flat["discriminator_scale_shift"] = flat.pop("scale_shift", False)
    for old, new in _RENAMED.get(network, {}).items():
        if old in flat:
            value = flat.pop(old)
            if new is not None:
                flat[new] = value
    if network in _CHANNELS:
        flat["resolution"] = 4 * 2 ** (len(flat[_CHANNELS[network]]) - 1)
    return upgraded(flat)
