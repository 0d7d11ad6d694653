"""Choosing the precision of training by a short measurement."""

from __future__ import annotations

import time
from collections.abc import Callable

import tensorflow as tf

from ..backbones import GAN
from ..errors import UserError, unknown_name

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
# Float16 is for GPUs that are slow in bfloat16, and needs its losses scaled.
_MEASURED = (POLICIES["float32"], POLICIES["bfloat16"])
# Rounding is a price: a policy must earn it.
_WORTH = 1.15


def choose(precision: str, gan: GAN, batch_size: int) -> tuple[str, str]:
    """Returns the Keras dtype policy to train with, and a line that says why.

    Args:
        precision: "float32", "bfloat16", "float16", or "auto", which measures the first two.
        gan: The networks that will be trained.
        batch_size: Of the training.

    Raises:
        UserError: for another precision, or if the memory is full.
    """
    if precision in POLICIES:
        return POLICIES[precision], f"Precision {precision}, as asked."
    if precision != "auto":
        raise unknown_name("precision", precision, [*POLICIES, "auto"])
    try:
        full, half = _best_seconds(gan, batch_size)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"The memory does not hold a step of {batch_size} pictures. Lower batch_size, or take "
            "a smaller source."
        ) from error
    chosen = "bfloat16" if full / half >= _WORTH else "float32"
    line = f"Precision {chosen}: bfloat16 is {full / half:.2f} times as fast as float32 here."
    return POLICIES[chosen], line


def _best_seconds(gan: GAN, batch_size: int) -> list[float]:
    """Returns the seconds of a step in each precision that is measured, the shortest of a few."""
    steps = [_step(gan.with_precision(policy), batch_size) for policy in _MEASURED]
    best = [float("inf")] * len(steps)
    # In turns, so that what else the machine does meanwhile hits all alike.
    for _ in range(5):
        for i, step in enumerate(steps):
            begun = time.perf_counter()
            step()
            best[i] = min(best[i], time.perf_counter() - begun)
    return best


def _step(gan: GAN, batch_size: int) -> Callable[[], object]:
    """Returns a compiled pass forward and backward through the networks."""
    z = tf.constant(gan.sample_latents(batch_size, seed=0))
    labels = tf.range(batch_size) % gan.num_classes if gan.num_classes else None
    tensors = [v.value for v in gan.generator.trainable_weights]

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            images = gan.generator(z, labels)
            judge = gan.discriminator
            scores = images if judge is None else judge(images, labels)
            loss = tf.reduce_mean(scores)
        gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
        return tf.add_n([tf.reduce_sum(tf.abs(g)) for g in gradients])

    step()
    return lambda: step().numpy()
