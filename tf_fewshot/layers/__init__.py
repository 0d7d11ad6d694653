"""Keras layers: scale and shift, latent tables, StyleGAN's building blocks."""

from .class_norm import ClassBatchNorm
from .equalized import EqualizedConv2D, EqualizedDense
from .latent_table import LatentTable
from .minibatch import MinibatchStdDev
from .resample import Blur, downscale2d, upscale2d
from .scale_shift import ScaleShift
from .spectral import SpectralConv2D, SpectralDense, SpectralEmbedding
from .style import AdaIN, AddNoise, PixelNorm

__all__ = [
    "AdaIN",
    "AddNoise",
    "Blur",
    "ClassBatchNorm",
    "EqualizedConv2D",
    "EqualizedDense",
    "LatentTable",
    "MinibatchStdDev",
    "PixelNorm",
    "ScaleShift",
    "SpectralConv2D",
    "SpectralDense",
    "SpectralEmbedding",
    "downscale2d",
    "upscale2d",
]
