"""Generators and discriminators, one architecture a file, behind the contract of ``base``."""

from . import biggan, biggan_deep, dcgan, sngan, stylegan, stylegan2
from .base import GAN
from .errors import BackboneError
from .parts import ScaleShiftRole, Stage
from .registry import build, register

__all__ = [
    "GAN",
    "BackboneError",
    "ScaleShiftRole",
    "Stage",
    "biggan",
    "biggan_deep",
    "build",
    "dcgan",
    "register",
    "sngan",
    "stylegan",
    "stylegan2",
]
