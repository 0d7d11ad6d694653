"""NVIDIA's pickles of Progressive GAN, and which of our weights each variable is.

Source: the public repositories tkarras/progressive_growing_of_gans (``networks.py``) and
NVlabs/stylegan (``training/networks_progan.py``); the networks are NCHW, ours NHWC.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.progan.gan import ProGAN
from ...errors import UserError
from ...unpickling.values import in_file, told
from ..licences import PROGAN_FILE
from ..porting.variables import Names, Variables, accept, dense_rows, filled, same
from .network_pickle import Network, check_settings

# What only networks that are still growing use.
_GROWING = r"lod|(To|From)RGB_lod[1-9]\d*/.*"
_PLAIN = {
    "use_wscale": True,
    "use_pixelnorm": True,
    "pixelnorm_epsilon": 1e-8,
    "use_leakyrelu": True,
    "normalize_latents": True,
    "label_size": 0,
}
_LARGEST = 2048


def is_progan(generator: Network) -> bool:
    """Returns whether a generator begins with a dense layer of latents at 4 pixels."""
    return "4x4/Dense/weight" in generator.variables


def progan_of(path: Path, discriminator: Network | None, generator: Network) -> ProGAN:
    """The averaged generator ``Gs`` and, if it is there, the discriminator, read from ``path``.

    Returns:
        The GAN, with "name", "sha256" and "licence" in its ``source_metadata``.

    Raises:
        UserError: if they are other networks, were still growing, or if their variables are not
            exactly those of a Progressive GAN.
    """
    for network in (generator, discriminator):
        if network is not None:
            check_settings(path, network, _PLAIN, "Progressive GAN")
    g, d = _Named(generator), None if discriminator is None else _Named(discriminator)
    try:
        config = _of_generator(g)
        if discriminator is not None and d is not None:
            config |= _of_discriminator(d, discriminator, config["resolution"])
        gan = ProGAN(discriminator=d is not None, **config)
    except UserError as error:
        raise in_file(path, error) from error
    variables = gan.variables_by_path()
    faults = filled(g, _names(gan, "generator"), variables)
    if d is not None:
        faults += filled(d, _names(gan, "discriminator"), variables)
    accept(gan, path, faults, PROGAN_FILE)
    return gan


class _Named(Variables):
    """Their variables by our names, which are those of convolutions that resample, too."""

    def __init__(self, network: Network):
        super().__init__(network.variables, _GROWING)

    def name(self, tf_name: str) -> str:
        apart = tf_name.replace("Conv0_up", "Conv0").replace("Conv1_down", "Conv1")
        # Where both are apart they have other names.
        return tf_name if tf_name in self.arrays or apart not in self.arrays else apart

    def layout(self, tf_name: str, value: np.ndarray) -> np.ndarray:
        if not tf_name.endswith("Conv0_up/weight"):
            return value
        # The kernel of a transposed convolution has its outputs first, and is turned round.
        return value[::-1, ::-1] if self.name(tf_name) != tf_name else value.transpose(0, 1, 3, 2)


def _of_generator(g: Variables) -> dict[str, Any]:
    """The settings, which shapes tell; they are checked against each other."""
    latent_dim, outputs = g.shape("4x4/Dense/weight", None, None)
    channels = [g.shape("4x4/Conv/weight", 3, 3, None, None)[3]]
    if outputs != 16 * channels[0]:
        raise UserError("the sizes of its layers at 4 pixels do not fit together")
    for r in _resolutions(g, "{0}x{0}/Conv1/bias"):
        c = g.shape(f"{r}x{r}/Conv0_up/weight", 3, 3, channels[-1], None)[3]
        g.shape(f"{r}x{r}/Conv1/weight", 3, 3, c, c)
        channels.append(c)
    return {
        "resolution": 2 ** (len(channels) + 1),
        "latent_dim": latent_dim,
        "channels": channels,
        "image_channels": g.shape("ToRGB_lod0/weight", 1, 1, channels[-1], None)[3],
    }


def _of_discriminator(d: Variables, network: Network, resolution: int) -> dict[str, Any]:
    channels = [d.shape("4x4/Conv/weight", 3, 3, None, None)[3]]
    for r in _resolutions(d, "{0}x{0}/Conv0/bias"):
        c = d.shape(f"{r}x{r}/Conv0/weight", 3, 3, None, None)[3]
        d.shape(f"{r}x{r}/Conv1_down/weight", 3, 3, c, channels[-1])
        channels.append(c)
    if 2 ** (len(channels) + 1) != resolution:
        raise UserError(
            f"its generator makes {resolution} pixels, its discriminator sees "
            f"{2 ** (len(channels) + 1)}"
        )
    group = network.settings.get("mbstd_group_size", 4)
    if not isinstance(group, (int, np.integer)) or not 0 <= group < 2**16:
        raise UserError(f"it has mbstd_group_size={told(group)}, which is no number from 0")
    return {
        "discriminator_channels": channels,
        "dense_channels": d.shape("4x4/Dense0/weight", 16 * channels[0], None)[1],
        "fused": d.name("8x8/Conv1_down/weight") == "8x8/Conv1_down/weight",
        "mbstd_group": max(int(group), 1),
    }


def _resolutions(variables: Variables, pattern: str) -> list[int]:
    sizes = [8]
    while pattern.format(sizes[-1]) in variables and sizes[-1] <= _LARGEST:
        sizes.append(2 * sizes[-1])
    # Layers that there are not at 8 pixels are missed when their shapes are asked for.
    return sizes[:-1] or [8]


def _names(gan: ProGAN, network: str) -> Names:
    """Returns the pickle's variable for each of our weights, and how its value is changed."""
    rows = dense_rows(gan.config["discriminator_channels"][0])
    changes = {"4x4/Dense/weight": _dense_columns, "4x4/Dense0/weight": rows}
    names: Names = {}
    for path in gan.variables_by_path():
        kind, _, rest = path.partition("/")
        if kind == network:
            theirs = rest.replace("RGB/", "RGB_lod0/")
            names[path] = (theirs, changes.get(rest, same))
    return names


def _dense_columns(value: np.ndarray) -> np.ndarray:
    """Columns of the first layer, which are channels, height, width there."""
    size, columns = value.shape
    return value.reshape(size, columns // 16, 4, 4).transpose(0, 2, 3, 1).reshape(size, columns)
