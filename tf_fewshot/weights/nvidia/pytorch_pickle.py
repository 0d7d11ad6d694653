"""NVIDIA's pickles of PyTorch: which family's networks they are, and their reader.

The generators of StyleGAN2-ADA and StyleGAN3 are of one name; what is in them tells them apart.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...backbones import GAN
from ...errors import UserError
from ...unpickling.values import in_file
from .persistence import is_module_pickle, read_modules
from .stylegan2_ada import stylegan2_of
from .stylegan3 import is_stylegan3, stylegan3_of


def is_pytorch_pickle(path: str | os.PathLike) -> bool:
    """Returns whether a file begins as a pickle that names NVIDIA's persistent objects."""
    return is_module_pickle(path)


def read_pytorch_pickle(path: str | os.PathLike) -> GAN:
    """Reads the averaged generator ``G_ema`` and, if it is there, the discriminator ``D``.

    Returns:
        A StyleGAN2 or a StyleGAN3, with "name", "sha256" and "licence" in its
        ``source_metadata``.

    Raises:
        UserError: if the file is damaged or of other networks, names anything but
            modules, tensors and plain containers, or if its variables are not exactly
            those of such a network. Nothing in it is ever run.
    """
    path = Path(path)
    try:
        generator, discriminator = read_modules(path)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error
    read = stylegan3_of if is_stylegan3(generator) else stylegan2_of
    return read(path, generator, discriminator)
