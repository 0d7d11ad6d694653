"""Differentiable augmentation of what a discriminator sees, real and generated alike."""

from .ada import ADA, AdaptiveProbability
from .base import Augmentation
from .diffaugment import DiffAugment
from .draws import seeds_for

__all__ = ["ADA", "AdaptiveProbability", "Augmentation", "DiffAugment", "seeds_for"]
