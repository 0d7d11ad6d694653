"""The Fisher diagonal of a generator, seen through a frozen discriminator.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation"
(NeurIPS 2020), equation 2: ``F = E[(∂L(x | θ) / ∂θ)²]`` with generated images x and
L the binary cross-entropy of the discriminator's output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from ..errors import UserError

CONVENTIONS = ("per_sample", "batch_mean")
LIKELIHOODS = ("discriminator", "pixels")

Images = Callable[[tf.Tensor], tf.Tensor]
Loss = Callable[[tf.Tensor], tf.Tensor]


def discriminator_likelihood(
    images: Images, discriminator: keras.Model, others: tf.Tensor | None = None
) -> Loss:
    """Returns the paper's loss: cross-entropy of a frozen discriminator, generated as real.

    Args:
        images: Maps latents ``[B, D]`` to images ``[B, H, W, C]``.
        discriminator: Gives logits ``[N, 1]``.
        others: Images that it sees beside, so that its batch statistics are as in training.

    Returns:
        A loss for :func:`fisher_diagonal`.
    """

    def loss(latents):
        seen = images(latents)
        if others is not None:
            seen = tf.concat([seen, others], 0)
        logits = tf.cast(discriminator(seen), tf.float32)[: tf.shape(latents)[0], 0]
        return tf.nn.softplus(-logits)

    return loss


def pixel_likelihood(images: Images, seed: int = 0) -> Loss:
    """Returns a Gaussian likelihood of the pixels, for generators without a discriminator.

    With images x = G(z) + ε, ε from N(0, 1), the Fisher matrix is E[JᵀJ] with J = ∂x/∂θ. Its
    diagonal is the mean of squared gradients of r·x with r from N(0, 1) (Hutchinson's
    estimator). It is divided by the number of pixels times channels: F is the mean square
    by which a channel of a pixel changes for each unit of the weight.

    Args:
        images: Maps latents ``[B, D]`` to images ``[B, H, W, C]``.
        seed: Of the projections.

    Returns:
        A loss for :func:`fisher_diagonal`; of its values only the gradients mean something.
    """
    seeds = keras.random.SeedGenerator(seed)

    def loss(latents):
        x = tf.cast(images(latents), tf.float32)
        axes = list(range(1, len(x.shape)))
        size = tf.cast(tf.reduce_prod(tf.shape(x)[1:]), tf.float32)
        r = keras.random.normal(tf.shape(x), seed=seeds)
        return tf.reduce_sum(r * x, axes) / tf.sqrt(size)

    return loss


def fisher_diagonal(
    loss: Loss,
    variables: Sequence[keras.Variable],
    latents: np.ndarray,
    convention: str = "per_sample",
    batch_size: int = 8,
) -> list[np.ndarray]:
    """Returns the mean squared gradient of a loss with respect to each weight.

    Args:
        loss: Maps latents ``[B, D]`` to losses ``[B]``; the first is used where
            gradients are taken sample by sample.
        variables: The weights.
        latents: float32 ``[N, D]``, one row a sample.
        convention: "per_sample" squares the gradient of every sample, the definition.
            "batch_mean" squares the gradient of the mean over ``batch_size`` samples, as
            several public versions do; it is smaller by about the batch size.
        batch_size: Of "batch_mean"; samples beyond the last whole batch are left out.

    Returns:
        One float32 array a variable, of its shape.

    Raises:
        UserError: for an unknown convention, too few samples, or values that are not
            finite.
    """
    if convention not in CONVENTIONS:
        raise UserError(f"The Fisher convention is one of {CONVENTIONS}, not {convention!r}.")
    size = 1 if convention == "per_sample" else batch_size
    count = len(latents) // size
    if count < 1:
        raise UserError(f"The Fisher diagonal needs at least {size} samples, not {len(latents)}.")
    tensors = [v.value for v in variables]

    # A loop of tapes: as fast as one batch, with the memory of one sample.
    @tf.function(reduce_retracing=True)
    def accumulate(z):
        sums = [tf.zeros(t.shape, tf.float32) for t in tensors]
        for i in tf.range(tf.shape(z)[0]):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(tensors)
                value = tf.reduce_mean(loss(z[i]))
            gradients = tape.gradient(value, tensors, unconnected_gradients="zero")
            squares = [tf.square(tf.cast(g, tf.float32)) for g in gradients]
            sums = [s + square for s, square in zip(sums, squares, strict=True)]
        return sums

    groups = np.reshape(latents[: count * size], (count, size, -1)).astype(np.float32)
    diagonal = [np.asarray(s) / count for s in accumulate(tf.constant(groups))]
    if not all(np.isfinite(f).all() for f in diagonal):
        raise UserError("The Fisher diagonal is not finite: the source's weights may be broken.")
    return diagonal
