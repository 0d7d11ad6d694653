"""NVIDIA's StyleGAN2-ADA for PyTorch.

Source: the public repository NVlabs/stylegan2-ada-pytorch (``training/networks.py``).
"""

from __future__ import annotations

from pathlib import Path

from ...backbones.stylegan2.gan import StyleGAN2
from ...errors import UserError
from ...unpickling.values import in_file
from ..porting.stylegan2_variables import assembled
from .persistence import Module
from .stylegan2 import LICENCE
from .stylegan2_ada_names import AdaVariables, discriminator_settings, generator_settings


def stylegan2_of(path: Path, generator: Module, discriminator: Module | None) -> StyleGAN2:
    """The GAN of these networks, which were read from ``path``.

    Raises:
        UserError: if their variables are not exactly those of a StyleGAN2, or they have settings
            that are not read here.
    """
    g, d = AdaVariables(generator.tensors), None
    try:
        settings = generator_settings(generator)
        if discriminator is not None:
            d = AdaVariables(discriminator.tensors)
            settings |= discriminator_settings(discriminator, settings["taps"])
    except UserError as error:
        raise in_file(path, error) from error
    return assembled(path, g, d, settings, LICENCE)
