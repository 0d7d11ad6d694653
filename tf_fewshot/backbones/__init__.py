"""Generators and discriminators, a folder a family, behind the contract of ``base``."""

# Importing a family makes its architectures known to ``build``.
from . import biggan, dcgan, extensions, progan, sngan, stylegan, stylegan2, stylegan3
from .base import GAN
from .errors import BackboneError
from .parts import RoleValues, ScaleShiftRole, Stage
from .registry import build, register, settings_of

__all__ = [
    "GAN",
    "BackboneError",
    "RoleValues",
    "ScaleShiftRole",
    "Stage",
    "biggan",
    "build",
    "dcgan",
    "extensions",
    "progan",
    "register",
    "settings_of",
    "sngan",
    "stylegan",
    "stylegan2",
    "stylegan3",
]
