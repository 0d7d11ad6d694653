"""StyleGAN2's variables under the names of its TensorFlow code, whatever file they are from.

The configuration, the assignment to our networks and the account of what is missing or
left over are the same for all readers. Source: the public repositories NVlabs/stylegan2
and stylegan2-ada (names and layouts).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...backbones import GAN
from ...backbones.stylegan2.gan import StyleGAN2
from ...errors import UserError
from .stylegan2_shapes import discriminator_config, generator_config
from .variables import Names, Variables, accept, channels_last, dense_rows, filled, same


def assembled(
    path: Path,
    generator: Variables,
    discriminator: Variables | None,
    settings: Mapping[str, Any],
    licence: str | None,
) -> StyleGAN2:
    """Builds the GAN and gives it its weights.

    Args:
        path: The file, for errors and ``source_metadata``.
        generator, discriminator: Their variables; a GAN may have no discriminator.
        settings: Of the configuration, what shapes do not say.
        licence: Of the weights.

    Raises:
        UserError: if the variables are not exactly those of a StyleGAN2; all that are
            missing, unexpected, of another shape or not finite are named.
    """
    try:
        config = {**generator_config(generator), **settings}
        if discriminator is not None:
            config |= discriminator_config(discriminator, config)
        gan = StyleGAN2(discriminator=discriminator is not None, **config)
    except UserError as error:
        raise UserError(f"{path} does not hold a StyleGAN2 that is read here: {error}.") from error
    variables = gan.variables_by_path()
    faults = filled(generator, _generator_names(gan), variables)
    if discriminator is not None:
        faults += filled(discriminator, discriminator_names(gan), variables)
    accept(gan, path, faults, licence)
    return gan


def _generator_names(gan: StyleGAN2) -> Names:
    """Returns TensorFlow's name of each of our weights, and how its value is changed."""
    names: Names = {}
    for path in gan.variables_by_path():
        network, _, rest = path.partition("/")
        if network != "generator":
            continue
        change, theirs = same, f"synthesis/{rest}"
        if rest == "w_avg":
            theirs = "dlatent_avg"
        elif rest.startswith("mapping/"):
            theirs = rest
        elif rest == "4x4/const":
            theirs, change = "synthesis/4x4/Const/const", channels_last
        elif rest.startswith("noise"):
            change = channels_last
        elif rest.startswith("ToRGB/"):
            _, size, part = rest.split("/", 2)
            theirs = f"synthesis/{size}/ToRGB/{part}"
        names[path] = (theirs.replace("Modulation/", "mod_"), change)
    return names


def discriminator_names(gan: GAN) -> Names:
    """Returns TensorFlow's names of the discriminator's weights, likewise."""
    rows = dense_rows(gan.config["discriminator_channels"][0], *gan.config.get("base", (4, 4)))
    names: Names = {}
    for path in gan.variables_by_path():
        network, _, rest = path.partition("/")
        if network != "discriminator":
            continue
        theirs = rest
        if rest.startswith("FromRGB/"):
            _, size, part = rest.split("/")
            theirs = f"{size}/FromRGB/{part}"
        elif rest.startswith("mapping/"):
            theirs = rest.removeprefix("mapping/").replace("Dense", "Mapping")
        theirs = theirs.replace("4x4/Output/", "Output/")
        names[path] = (theirs, rows if rest == "4x4/Dense0/weight" else same)
    return names
