"""Generators and discriminators, one architecture a file, behind the contract of ``base``."""

from . import stylegan
from .base import GAN, BackboneError, ScaleShiftRole, Stage, build, register

__all__ = ["GAN", "BackboneError", "ScaleShiftRole", "Stage", "build", "register", "stylegan"]
