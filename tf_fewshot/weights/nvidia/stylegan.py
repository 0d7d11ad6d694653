"""NVIDIA's pickles of StyleGAN (version 1), and which of our weights each variable is.

Source: the public repository NVlabs/stylegan (``training/networks_stylegan.py``); the
networks are NCHW, ours NHWC.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ...backbones.stylegan.gan import StyleGAN
from ...errors import UserError
from ...unpickling.values import bounded, told
from ..licences import STYLEGAN_FILE
from ..porting.variables import Names, Variables, accept, channels_last, dense_rows, filled, same
from .network_pickle import Network, check_settings

LICENCE = STYLEGAN_FILE

# What only networks that are still growing use.
_GROWING = r"(synthesis/)?lod|(synthesis/)?ToRGB_lod[1-9]\d*/.*|FromRGB_lod[1-9]\d*/.*"
# What may be set otherwise, but is not read here.
_PLAIN = {
    "use_wscale": True,
    "use_styles": True,
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "const_input_layer": True,
}
# What both networks must have alike.
_ALIKE = {"fused_scale": "auto", "blur_filter": [1, 2, 1]}


def stylegan_of(path: Path, discriminator: Network | None, generator: Network) -> StyleGAN:
    """The averaged generator ``Gs`` and, if it is there, the discriminator, read from ``path``.

    Returns:
        The GAN, with "name", "sha256" and "licence" in its
        ``source_metadata``. LSUN cars are 512 × 512 with the picture in rows 64 to 447.

    Raises:
        UserError: if they are other networks, or if their variables are not exactly those
            of a StyleGAN.
    """
    gan = _built(path, generator, discriminator)
    variables = gan.variables_by_path()
    faults: list[str] = []
    for network, names_of in (
        (generator, _generator_names),
        (discriminator, _discriminator_names),
    ):
        if network is not None:
            faults += filled(Variables(network.variables, _GROWING), names_of(gan), variables)
    accept(gan, path, faults, LICENCE)
    return gan


def _built(path: Path, generator: Network, discriminator: Network | None) -> StyleGAN:
    networks = [generator] if discriminator is None else [generator, discriminator]
    for network in networks:
        check_settings(path, network, _PLAIN, "StyleGAN")
    for name, default in _ALIKE.items():
        values = [bounded(n.settings.get(name, default)) for n in networks]
        if not _alike(values[0], values[-1]):
            raise UserError(
                f"{path} has {name} {told(values[0])} and {told(values[-1])}: they must be alike."
            )
    shapes = {name: value.shape for name, value in generator.variables.items()}
    try:
        config = _config(shapes, generator.settings)
        if discriminator is not None:
            seen = {name: value.shape for name, value in discriminator.variables.items()}
            config |= _judge(seen, config, discriminator.settings)
        return StyleGAN(discriminator=discriminator is not None, **config)
    except UserError as error:
        raise UserError(f"{path} does not hold a StyleGAN that is read here: {error}.") from error
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} does not describe a StyleGAN: {type(error).__name__} {error}"
        ) from error


def _alike(a: Any, b: Any) -> bool:
    """Whether two settings are plain values, and the same."""
    plain = (str, int, float, bool, list, tuple, type(None))
    parts = [
        p for value in (a, b) for p in (value if isinstance(value, (list, tuple)) else [value])
    ]
    return all(isinstance(part, plain) for part in parts) and a == b


def _config(shapes: dict[str, tuple[int, ...]], settings: dict[str, Any]) -> dict[str, Any]:
    resolutions = [4]
    while f"synthesis/{2 * resolutions[-1]}x{2 * resolutions[-1]}/Conv1/weight" in shapes:
        resolutions.append(2 * resolutions[-1])
    channels = [shapes["synthesis/4x4/Const/const"][1]]
    channels += [shapes[f"synthesis/{r}x{r}/Conv1/weight"][-1] for r in resolutions[1:]]
    layers = sum(bool(re.fullmatch(r"mapping/Dense\d+/weight", name)) for name in shapes)
    cutoff = settings.get("truncation_cutoff", 8)
    first, width = shapes["mapping/Dense0/weight"]
    # As many classes as vectors of them, each as large as a latent.
    classes = shapes.get("mapping/LabelConcat/weight", (0, 0))
    fused, taps = settings.get("fused_scale", "auto"), settings.get("blur_filter", [1, 2, 1])
    if fused not in (True, False, "auto"):
        raise UserError(f"fused_scale is {told(fused)}, not True, False or 'auto'")
    return {
        "resolution": resolutions[-1],
        "latent_dim": int(first - classes[1]),
        "num_classes": int(classes[0]),
        "mapping_width": int(width) if layers > 1 else None,
        "mapping_lrmul": float(settings.get("mapping_lrmul", 0.01)),
        "normalize_latents": bool(settings.get("normalize_latents", True)),
        "pixel_norm": bool(settings.get("use_pixel_norm", False)),
        "instance_norm": bool(settings.get("use_instance_norm", True)),
        "image_channels": int(shapes["synthesis/ToRGB_lod0/weight"][3]),
        # Without a filter nothing is smoothed.
        "blur": [float(tap) for tap in taps] if taps else [1.0],
        "w_dim": int(shapes["synthesis/4x4/Const/StyleMod/weight"][0]),
        "mapping_layers": layers,
        "channels": [int(c) for c in channels],
        "fused": fused,
        "use_noise": bool(settings.get("use_noise", True)),
        # The original truncates only where it has both ψ and a cutoff; StyleGAN2's, where it has
        # no cutoff, truncates all layers.
        "truncation_layers": 0 if cutoff is None else int(cutoff),
    }


def _judge(
    shapes: dict[str, tuple[int, ...]], config: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    """What the discriminator's shapes and settings tell, beside a generator of this ``config``."""
    levels = [2**i for i in range(3, int(math.log2(config["resolution"])) + 1)]
    channels = [shapes["4x4/Conv/weight"][3]]
    channels += [shapes[f"{r}x{r}/Conv0/weight"][3] for r in levels]
    outputs, classes = shapes["4x4/Dense1/weight"][1], config["num_classes"]
    if outputs != max(classes, 1):
        raise UserError(
            f"its generator has {classes} classes, and its discriminator gives {outputs} scores"
        )
    return {
        "discriminator_channels": [int(c) for c in channels],
        "dense_channels": int(shapes["4x4/Dense0/weight"][1]),
        "mbstd_group": int(settings.get("mbstd_group_size", 4)),
        "mbstd_features": int(settings.get("mbstd_num_features", 1)),
    }


def _generator_names(gan: StyleGAN) -> Names:
    """Returns the pickle's variable for each of our weights, and how its value is changed."""
    names: Names = {"generator/w_avg": ("dlatent_avg", same)}
    for i in range(gan.config["mapping_layers"]):
        for part in ("weight", "bias"):
            names[f"generator/mapping/Dense{i}/{part}"] = (f"mapping/Dense{i}/{part}", same)
    if gan.num_classes:
        path = "mapping/LabelConcat/weight"
        names[f"generator/{path}"] = (path, same)
    for i in range(len(gan.generator.noises)):
        names[f"generator/noise{i}"] = (f"synthesis/noise{i}", channels_last)
    for block in gan.generator.blocks:
        ours, theirs = f"generator/{block.name}", f"synthesis/{block.name}"
        first, second = ("Const", "Conv") if block.first else ("Conv0_up", "Conv1")
        if block.first:
            names[f"{ours}/const"] = (f"{theirs}/Const/const", channels_last)
        else:
            names[f"{ours}/Conv0_up/weight"] = (f"{theirs}/Conv0_up/weight", same)
        names[f"{ours}/Conv1/weight"] = (f"{theirs}/{second}/weight", same)
        for epilogue, scope in (("Epilogue0", first), ("Epilogue1", second)):
            inner, outer = f"{ours}/{epilogue}", f"{theirs}/{scope}"
            names[f"{inner}/bias"] = (f"{outer}/bias", same)
            for part in ("weight", "bias"):
                names[f"{inner}/AdaIN/StyleMod/{part}"] = (f"{outer}/StyleMod/{part}", same)
            if gan.config["use_noise"]:
                names[f"{inner}/Noise/weight"] = (f"{outer}/Noise/weight", same)
    r = gan.config["resolution"]
    for part in ("weight", "bias"):
        names[f"generator/ToRGB_{r}x{r}/{part}"] = (f"synthesis/ToRGB_lod0/{part}", same)
    return names


def _discriminator_names(gan: StyleGAN) -> Names:
    r, rows = gan.config["resolution"], dense_rows(gan.configuration.judges[0])
    names: Names = {}
    for part in ("weight", "bias"):
        names[f"discriminator/FromRGB_{r}x{r}/{part}"] = (f"FromRGB_lod0/{part}", same)
        for level in range(3, int(math.log2(r)) + 1):
            size = f"{2**level}x{2**level}"
            for conv in ("Conv0", "Conv1_down"):
                names[f"discriminator/{size}/{conv}/{part}"] = (f"{size}/{conv}/{part}", same)
        for layer in ("Conv", "Dense0", "Dense1"):
            change = rows if (layer, part) == ("Dense0", "weight") else same
            names[f"discriminator/4x4/{layer}/{part}"] = (f"4x4/{layer}/{part}", change)
    return names
