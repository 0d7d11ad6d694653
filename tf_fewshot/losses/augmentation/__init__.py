"""Differentiable augmentation of what a discriminator sees, real and generated alike."""

from .ada import ADA, AdaptiveProbability
from .base import Augmentation
from .diffaugment import DiffAugment

__all__ = ["ADA", "AdaptiveProbability", "Augmentation", "DiffAugment"]
