"""The configuration of a StyleGAN2, as the shapes of its variables tell it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...errors import UserError
from .variables import Variables

_LARGEST = 2048


def generator_config(g: Variables) -> dict[str, Any]:
    """Returns the settings that the shapes of the generator's variables tell.

    They are checked against each other first, so that what is then built is no larger
    than what was read.

    Raises:
        UserError: if they do not make a StyleGAN2.
    """
    _, const, *base = g.shape("synthesis/4x4/Const/const", 1, None, None, None)
    if max(base) > _LARGEST // 4:
        raise UserError(f"its constant is {base[0]} x {base[1]} pixels large")
    channels = [g.shape("synthesis/4x4/Conv/weight", 3, 3, const, None)[3]]
    for r in _resolutions(g, "synthesis/{0}x{0}/Conv1/weight"):
        c = g.shape(f"synthesis/{r}x{r}/Conv0_up/weight", 3, 3, channels[-1], None)[3]
        g.shape(f"synthesis/{r}x{r}/Conv1/weight", 3, 3, c, c)
        channels.append(c)
    resolution = 2 ** (len(channels) + 1)
    top = f"{resolution}x{resolution}"
    w_dim = g.shape("synthesis/4x4/Conv/mod_weight", None, const)[0]
    layers = g.count("mapping/Dense{}/weight")
    first, width = g.shape("mapping/Dense0/weight", None, None)
    for i in range(1, layers):
        g.shape(f"mapping/Dense{i}/weight", width, w_dim if i == layers - 1 else width)
    labels = {}
    if "mapping/LabelConcat/weight" in g:
        classes, dim = g.shape("mapping/LabelConcat/weight", None, None)
        labels = {"num_classes": classes, "conditioning": "concat", "label_dim": dim}
    elif "mapping/LabelEmbed/weight" in g:
        classes, dim = g.shape("mapping/LabelEmbed/weight", None, None)
        labels = {"num_classes": classes, "conditioning": "embed", "label_dim": dim}
    latent_dim = first - labels.get("label_dim", 0)
    if latent_dim < 1 or (layers == 1 and width != w_dim):
        raise UserError("the sizes of its mapping network do not fit together")
    architecture = "orig"
    if "synthesis/4x4/ToRGB/weight" in g:
        architecture = "skip"
    elif f"synthesis/{top}/Skip/weight" in g:
        architecture = "resnet"
    return {
        "resolution": resolution,
        "latent_dim": latent_dim,
        "w_dim": w_dim,
        "mapping_layers": layers,
        "mapping_width": width if layers > 1 else None,
        "channels": channels,
        "const_channels": const,
        "base": [int(size) for size in base],
        "image_channels": g.shape(f"synthesis/{top}/ToRGB/weight", 1, 1, channels[-1], None)[3],
        "g_architecture": architecture,
        "use_noise": "synthesis/noise0" in g,
        **labels,
    }


def discriminator_config(d: Variables, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those that the discriminator's tell, beside a generator of this ``config``.

    Of that, "resolution", "image_channels", "num_classes", "conditioning" and "base" are looked
    at.
    """
    resolution = config["resolution"]
    c = d.shape("4x4/Conv/weight", 3, 3, None, None)[3]
    channels = [c]
    for r in _resolutions(d, "{0}x{0}/Conv0/weight"):
        c = d.shape(f"{r}x{r}/Conv1_down/weight", 3, 3, None, channels[-1])[2]
        d.shape(f"{r}x{r}/Conv0/weight", 3, 3, c, c)
        channels.append(c)
    if 2 ** (len(channels) + 1) != resolution:
        raise UserError(
            f"its generator makes {resolution} pixels, its discriminator sees "
            f"{2 ** (len(channels) + 1)}"
        )
    size = f"{resolution}x{resolution}"
    d.shape(f"{size}/FromRGB/weight", 1, 1, config["image_channels"], channels[-1])
    dense = d.shape("4x4/Dense0/weight", math.prod(config.get("base", (4, 4))) * channels[0], None)[
        1
    ]
    outputs = d.shape("Output/weight", dense, None)[1]
    mapping: dict[str, Any] = {}
    classes = config.get("num_classes", 0)
    if "LabelEmbed/weight" in d:
        _, dim = d.shape("LabelEmbed/weight", classes, outputs)
        mapping = {"d_label_dim": dim, "d_mapping_layers": d.count("Mapping{}/weight")}
        for i in range(mapping["d_mapping_layers"]):
            d.shape(f"Mapping{i}/weight", dim, dim)
    elif outputs != (max(classes, 1) if config.get("conditioning") == "concat" else 1):
        raise UserError(
            f"its generator has {classes} classes, and its discriminator gives {outputs} scores"
        )
    architecture = "orig"
    if "4x4/FromRGB/weight" in d:
        architecture = "skip"
    elif f"{size}/Skip/weight" in d:
        architecture = "resnet"
    return {
        "discriminator_channels": channels,
        "dense_channels": dense,
        "d_architecture": architecture,
        **mapping,
    }


def _resolutions(variables: Variables, pattern: str) -> list[int]:
    sizes = [8]
    while pattern.format(sizes[-1]) in variables:
        sizes.append(2 * sizes[-1])
    if len(sizes) == 1:
        raise UserError(f"it lacks {variables.name(pattern.format(8))}")
    if sizes[-2] > _LARGEST:
        raise UserError(f"its pictures would be {sizes[-2]} pixels wide: at most {_LARGEST}")
    return sizes[:-1]
