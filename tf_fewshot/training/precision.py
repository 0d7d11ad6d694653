"""Choosing the precision of training by a short measurement."""

from __future__ import annotations

import time

import tensorflow as tf

from ..backbones import GAN
from ..errors import unknown_name

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
}
# Rounding is a price: a policy must earn it.
_WORTH = 1.15


def choose(precision: str, gan: GAN, batch_size: int) -> tuple[str, str]:
    """The Keras dtype policy to train with, and a line that says why.

    Args:
        precision: "float32", "bfloat16", or "auto", which measures both.
        gan: The networks that will be trained.
        batch_size: Of the training.

    Raises:
        UserError: for another precision.
    """
    if precision in POLICIES:
        return POLICIES[precision], f"Precision {precision}, as asked."
    if precision != "auto":
        raise unknown_name("precision", precision, [*POLICIES, "auto"])
    full, half = (_seconds(gan.with_precision(POLICIES[p]), batch_size) for p in POLICIES)
    chosen = "bfloat16" if full / half >= _WORTH else "float32"
    line = f"Precision {chosen}: bfloat16 is {full / half:.2f} times as fast as float32 here."
    return POLICIES[chosen], line


def _seconds(gan: GAN, batch_size: int) -> float:
    z = tf.constant(gan.sample_latents(batch_size, seed=0))
    tensors = [v.value for v in gan.generator.trainable_weights]

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            images = gan.generator(z)
            scores = gan.discriminator(images) if gan.discriminator is not None else images
            loss = tf.reduce_mean(scores)
        return tape.gradient(loss, tensors)

    step()
    best = float("inf")
    for _ in range(4):
        begun = time.perf_counter()
        gradients = step()
        _ = [g.numpy() for g in gradients[-1:] if g is not None]
        best = min(best, time.perf_counter() - begun)
    return best
