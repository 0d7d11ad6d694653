"""NVIDIA's TensorFlow pickles of StyleGAN2 and StyleGAN2-ADA.

Configs E and F, ADA's networks, and configs B to D once they are grown. Source: the
public repositories NVlabs/stylegan2 and stylegan2-ada (their defaults, too: a setting
that a file does not have is the default of its version).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones import GAN
from ...errors import UserError
from ...unpickling.values import in_file, told
from ..licences import STYLEGAN2_FILE
from ..porting.stylegan2_variables import assembled
from ..porting.variables import Variables
from .network_pickle import Network, check_settings, read_network_pickle
from .progan import is_progan, progan_of
from .stylegan import stylegan_of

LICENCE = STYLEGAN2_FILE

_ADA = 5
_GROWING = r"(synthesis/)?lod|(synthesis/)?(To|From)RGB_lod[1-9]\d*/.*"
# What may be set otherwise, but is not read here.
_PLAIN = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_wscale": True,
    "fmap_decay": 1.0,
    "use_spectral_norm": False,
    "use_pagan": False,
    "adaptive_dropout": 0,
}


def read_tensorflow_pickle(path: str | os.PathLike) -> GAN:
    """Reads the averaged generator of NVIDIA's TensorFlow networks, and their discriminator.

    A file may hold the generator alone, which then has no discriminator.

    Returns:
        A Progressive GAN, a StyleGAN or a StyleGAN2, with "name", "sha256" and "licence" in
        its ``source_metadata``.

    Raises:
        UserError: if the file is damaged or of other networks, or if its variables are
            not exactly those of the architecture that it describes.
    """
    path = Path(path)
    discriminator, generator = read_network_pickle(path)
    if is_progan(generator):
        return progan_of(path, discriminator, generator)
    # Config A is StyleGAN (version 1) in a file of StyleGAN2's code.
    if "synthesis/4x4/Const/StyleMod/weight" in generator.variables or generator.version < 4:
        return stylegan_of(path, discriminator, generator)
    for network in (generator, discriminator):
        if network is not None:
            check_settings(path, network, _PLAIN, "StyleGAN2")
    judges = None
    try:
        settings = _of_generator(generator)
        if discriminator is not None:
            settings |= _of_discriminator(discriminator)
    except UserError as error:
        raise in_file(path, error) from error
    settings["taps"] = _taps(path, generator)
    if discriminator is not None:
        judges = _TensorFlow(discriminator)
        if _taps(path, discriminator) != settings["taps"]:
            raise UserError(f"{path} has two values of resample_kernel: they must be alike.")
    return assembled(path, _TensorFlow(generator), judges, settings, LICENCE)


class _TensorFlow(Variables):
    """NVIDIA's own; networks that once were growing number their pixels' layers backwards."""

    def __init__(self, network: Network):
        super().__init__(network.variables, _GROWING)
        tops = {n.split("_lod0/")[0] for n in network.variables if "_lod0/" in n}
        self._top = tops.pop() if tops else ""
        self._size = 4
        prefix = "synthesis/" if self._top.startswith("synthesis/") else ""
        while any(
            f"{prefix}{2 * self._size}x{2 * self._size}/{conv}/weight" in network.variables
            for conv in ("Conv1", "Conv0")
        ):
            self._size *= 2

    def name(self, tf_name: str) -> str:
        prefix, _, layer = self._top.rpartition("/")
        scope = f"{prefix}/" if prefix else ""
        own = f"{scope}{self._size}x{self._size}/{layer}/"
        if self._top and tf_name.startswith(own):
            return f"{self._top}_lod0/{tf_name.removeprefix(own)}"
        return tf_name


def _taps(path: Path, network: Network) -> list[float]:
    taps = network.settings.get("resample_kernel", [1, 3, 3, 1])
    # Without a filter, neighbours are repeated or averaged.
    taps = [1, 1] if taps is None else taps
    plain = isinstance(taps, (list, tuple)) and 2 <= len(taps) <= 16
    if not plain or not all(type(t) in (int, float) and abs(t) < 1e6 for t in taps):
        raise UserError(
            f"{path} has resample_kernel={told(taps)}: no list of at least two numbers."
        )
    if not sum(taps):
        raise UserError(f"{path} has resample_kernel={told(taps)}, which sums to 0.")
    return [float(t) for t in taps]


def _of_generator(network: Network) -> dict[str, Any]:
    settings = network.settings
    cutoff = _number(settings, "truncation_cutoff", None)
    return {
        "mapping_lrmul": _number(settings, "mapping_lrmul", 0.01),
        "g_clamp": _number(settings, "conv_clamp", None),
        "mixing": _number(settings, "style_mixing_prob", 0.9) or 0.0,
        "truncation_layers": None if cutoff is None else int(cutoff),
    }


def _of_discriminator(network: Network) -> dict[str, Any]:
    settings = network.settings
    ada = network.version >= _ADA
    group = _number(settings, "mbstd_group_size", None if ada else 4)
    features = int(_number(settings, "mbstd_num_features", 1) or 0)
    if not ada and (group is None or group <= 1):
        features = 0
    return {
        "d_clamp": _number(settings, "conv_clamp", None),
        "d_mapping_lrmul": _number(settings, "mapping_lrmul", 0.1),
        "mbstd_group": None if group is None else max(int(group), 1),
        "mbstd_features": features,
    }


def _number(settings: Mapping[str, Any], name: str, default: float | None) -> float | None:
    value = settings.get(name, default)
    if value is None:
        return None
    if isinstance(value, (int, float, np.number)) and 0 <= value < 1e9:
        return value.item() if isinstance(value, np.number) else value
    raise UserError(f"it has {name}={told(value)}, which is no number from 0")
