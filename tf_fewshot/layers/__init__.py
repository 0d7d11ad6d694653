"""Keras layers: scale and shift, latent tables, StyleGAN's building blocks."""

from .attention import SelfAttention
from .batch_norm import WholeBatchNormalization
from .choice_map import ChoiceMap
from .class_norm import ClassBatchNorm
from .equalized import EqualizedConv2D, EqualizedDense
from .fir import FilteredConv2D, downsample2d, upfirdn2d, upsample2d
from .given import GivenWeights, given_weights
from .hyper_norm import HyperBatchNorm
from .latent_gaussian import LatentGaussian
from .latent_map import LatentMap
from .latent_parts import LatentParts
from .latent_table import LatentTable
from .miner import Miner
from .minibatch import MinibatchStdDev
from .modulated import ModulatedConv2D, scaled_lrelu
from .resample import Blur, DoublingConv2D, downscale2d, upscale2d
from .scale_shift import ScaleShift
from .spectral import SpectralConv2D, SpectralDense, SpectralEmbedding
from .style import AdaIN, AddNoise, PixelNorm

__all__ = [
    "AdaIN",
    "AddNoise",
    "Blur",
    "ChoiceMap",
    "ClassBatchNorm",
    "DoublingConv2D",
    "EqualizedConv2D",
    "EqualizedDense",
    "FilteredConv2D",
    "GivenWeights",
    "HyperBatchNorm",
    "LatentGaussian",
    "LatentMap",
    "LatentParts",
    "LatentTable",
    "Miner",
    "MinibatchStdDev",
    "ModulatedConv2D",
    "PixelNorm",
    "ScaleShift",
    "SelfAttention",
    "SpectralConv2D",
    "SpectralDense",
    "SpectralEmbedding",
    "WholeBatchNormalization",
    "downsample2d",
    "downscale2d",
    "given_weights",
    "scaled_lrelu",
    "upfirdn2d",
    "upsample2d",
    "upscale2d",
]
