"""Pretrained weights: by name, from this project's own files, and from foreign formats."""

from .load import READERS, Reader, load
from .native.gan_file import load_gan, save_gan
from .presets import PRESETS, Preset

__all__ = ["PRESETS", "READERS", "Preset", "Reader", "load", "load_gan", "save_gan"]
