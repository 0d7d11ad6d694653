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
from ..licences import STYLEGAN_FILE
from ..porting.variables import Names, Variables, accept, channels_last, dense_rows, filled, same
from .network_pickle import Network, check_settings

LICENCE = STYLEGAN_FILE

# What only networks that are still growing use.
_GROWING = r"(synthesis/)?lod|(synthesis/)?ToRGB_lod[1-9]\d*/.*|FromRGB_lod[1-9]\d*/.*"
_PLAIN = {
    "use_wscale": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "use_styles": True,
    "normalize_latents": True,
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "mapping_lrmul": 0.01,
    "const_input_layer": True,
    "num_channels": 3,
    "label_size": 0,
    "mbstd_num_features": 1,
    "blur_filter": [1, 2, 1],
}


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
    fused = [n.settings.get("fused_scale", "auto") for n in networks]
    if fused[0] != fused[-1] or fused[0] not in (True, False, "auto"):
        raise UserError(
            f"{path} has fused_scale {fused[0]!r} and {fused[-1]!r}: they must be alike."
        )
    shapes = {name: value.shape for name, value in generator.variables.items()}
    try:
        config = _config(shapes, generator.settings, networks[-1].settings)
        return StyleGAN(discriminator=discriminator is not None, **config)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} does not describe a StyleGAN: {type(error).__name__} {error}"
        ) from error


def _config(
    shapes: dict[str, tuple[int, ...]], settings: dict[str, Any], d_settings: dict[str, Any]
) -> dict[str, Any]:
    resolutions = [4]
    while f"synthesis/{2 * resolutions[-1]}x{2 * resolutions[-1]}/Conv1/weight" in shapes:
        resolutions.append(2 * resolutions[-1])
    channels = [shapes["synthesis/4x4/Const/const"][1]]
    channels += [shapes[f"synthesis/{r}x{r}/Conv1/weight"][-1] for r in resolutions[1:]]
    layers = sum(bool(re.fullmatch(r"mapping/Dense\d+/weight", name)) for name in shapes)
    cutoff = settings.get("truncation_cutoff", 8)
    return {
        "resolution": resolutions[-1],
        "latent_dim": int(shapes["mapping/Dense0/weight"][0]),
        "w_dim": int(shapes["synthesis/4x4/Const/StyleMod/weight"][0]),
        "mapping_layers": layers,
        "channels": [int(c) for c in channels],
        "fused": settings.get("fused_scale", "auto"),
        "use_noise": bool(settings.get("use_noise", True)),
        "mbstd_group": int(d_settings.get("mbstd_group_size", 4)),
        # The original truncates only where it has both ψ and a cutoff; StyleGAN2's, where it has
        # no cutoff, truncates all layers.
        "truncation_layers": 0 if cutoff is None else int(cutoff),
    }


def _generator_names(gan: StyleGAN) -> Names:
    """Returns the pickle's variable for each of our weights, and how its value is changed."""
    names: Names = {"generator/w_avg": ("dlatent_avg", same)}
    for i in range(gan.config["mapping_layers"]):
        for part in ("weight", "bias"):
            names[f"generator/mapping/Dense{i}/{part}"] = (f"mapping/Dense{i}/{part}", same)
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
    r, rows = gan.config["resolution"], dense_rows(gan.config["channels"][0])
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
