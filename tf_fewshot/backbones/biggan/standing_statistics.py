"""Standing statistics of batch normalisation for another truncation.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix D: mean and variance of the batch, averaged over many batches.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import tensorflow as tf

from ...layers import SpectralConv2D, SpectralDense
from ..base import GAN
from ..errors import BackboneError

T = TypeVar("T", bound=GAN)


def accumulate_statistics(
    gan: T,
    truncation: float | None = None,
    batches: int = 100,
    batch_size: int = 32,
    seed: int = 0,
) -> T:
    """A copy whose stored statistics are those of latents truncated at ``truncation``.

    BigGAN's released statistics are those of truncation 1: with narrower latents the maps
    are narrower too, and normalising by these brings back contrast and detail. A GAN with
    one row of statistics gets them for every truncation; one with several rows
    (BigGAN-deep) for the row of this truncation, the others staying as they are.

    Args:
        gan: A BigGAN or BigGAN-deep; it stays as it is.
        truncation: Of ``gan.sample_latents``; None is the whole normal, whose statistics
            are those of the last row.
        batches: Over how many the statistics are averaged; each class is equally likely.
        batch_size: Images in a batch.
        seed: Of latents and classes.

    Raises:
        BackboneError: if there are several rows and none is of this truncation.
    """
    if batches < 1 or batch_size < 1:
        raise BackboneError(
            f"batches and batch_size must be 1 or more, not {batches} and {batch_size}"
        )
    row = _row(gan.configuration.statistics, truncation)
    scratch = gan.clone()
    norms = scratch.generator.norms
    for layer in scratch.generator._flatten_layers():
        # The power steps of spectral normalisation are not to be kept.
        if isinstance(layer, SpectralConv2D | SpectralDense):
            layer.trainable = False
    for norm in norms:
        norm.moved_row = row

    @tf.function(autograph=False)
    def look(z, label, momentum):
        for norm in norms:
            norm.momentum = momentum
        scratch.generator(z, label, training=True)

    rng = np.random.default_rng(seed)
    for i in range(batches):
        # The mean of what was seen so far.
        momentum = tf.constant(i / (i + 1), tf.float32)
        z = scratch.sample_latents(batch_size, int(rng.integers(2**31)), truncation)
        classes = scratch.num_classes
        label = tf.constant(rng.integers(classes, size=batch_size)) if classes else None
        look(tf.constant(z), label, momentum)
    return scratch.clone()


def _row(rows: int, truncation: float | None) -> int:
    if rows == 1 or truncation is None:
        return rows - 1
    position = truncation * (rows - 1)
    row = round(position)
    if abs(position - row) > 1e-3 or not 0 <= row < rows:
        raise BackboneError(
            f"The statistics are kept for truncations 0, {1 / (rows - 1):g}, … 1, and "
            f"{truncation:g} is none of them."
        )
    return row
