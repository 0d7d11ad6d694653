"""Generators and discriminators, one architecture a file, behind the contract of ``base``."""

from . import dcgan, sngan, stylegan, stylegan2
from .base import GAN, BackboneError, ScaleShiftRole, Stage, build, register

__all__ = [
    "GAN",
    "BackboneError",
    "ScaleShiftRole",
    "Stage",
    "build",
    "dcgan",
    "register",
    "sngan",
    "stylegan",
    "stylegan2",
]
