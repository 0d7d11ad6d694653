"""What a generator keeps of its own samples: the mean of its styles, and statistics of batches.

They are moved in training, step by step, and so belong to weights of some steps before, and to
those that are trained, not to their average. A copy that samples are drawn from can be measured
again: its truncation then moves towards the mean of its own styles, and its maps are normalised by
their own means and variances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .base import GAN
from .style_based.gan import StyleBasedGAN

_STYLES = 4096
_BATCHES, _BATCH_SIZE = 16, 32


def sample_statistics(gan: GAN) -> list[keras.Variable]:
    """Returns the variables of such statistics; empty if the architecture keeps none."""
    if isinstance(gan, StyleBasedGAN):
        return [gan.generator.w_avg]
    return [v for layer in _norms(gan) for v in (layer.moving_mean, layer.moving_variance)]


def measure_styles(gan: GAN, seed: int = 0) -> None:
    """Makes the centre of truncation the mean of 4,096 styles; nothing without styles."""
    if isinstance(gan, StyleBasedGAN):
        z = gan.sample_latents(_STYLES, seed)
        styles = gan.generator.styles(z, _labels(gan, _STYLES, seed))
        gan.generator.w_avg.assign(tf.reduce_mean(styles, 0))


def measure_batches(gan: GAN, seed: int = 0) -> None:
    """Averages batch statistics over 16 batches of 32 samples; nothing without such layers.

    Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
    (ICLR 2019), appendix D. Layers that are frozen keep theirs, as in training.
    """
    norms = list(_norms(gan))
    if not norms:
        return
    measured = {id(v) for v in sample_statistics(gan)}
    # Spectral normalisation takes a step of its own in every call.
    others = [v for v in gan.generator.weights if not v.trainable and id(v) not in measured]
    before = [v.numpy() for v in others]
    momenta = [layer.momentum for layer in norms]
    z = gan.sample_latents(_BATCHES * _BATCH_SIZE, seed)
    labels = _labels(gan, len(z), seed)
    try:
        for i in range(_BATCHES):
            part = slice(i * _BATCH_SIZE, (i + 1) * _BATCH_SIZE)
            for layer in norms:
                # The mean of what was seen so far.
                layer.momentum = i / (i + 1)
            gan.generator(z[part], None if labels is None else labels[part], training=True)
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
        for variable, value in zip(others, before, strict=True):
            variable.assign(value)


def _norms(gan: GAN) -> Iterator[Any]:
    for layer in gan.generator._flatten_layers():
        if hasattr(layer, "moving_mean") and hasattr(layer, "momentum"):
            yield layer


def _labels(gan: GAN, n: int, seed: int) -> np.ndarray | None:
    """Classes of which each is as likely, int32 ``[n]``; None without classes."""
    if not gan.num_classes:
        return None
    return np.random.default_rng([seed, 1]).integers(gan.num_classes, size=n, dtype=np.int32)
