"""Choosing the precision of training by a short measurement."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from ..backbones import GAN
from ..errors import UserError, unknown_name
from .fitting import Room
from .footprint import peak_bytes

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
# Float16 is for GPUs that are slow in bfloat16, and needs its losses scaled.
_MEASURED = (POLICIES["float32"], POLICIES["bfloat16"])
# Rounding is a price: a policy must earn it.
_WORTH = 1.15


def choose(
    precision: str, gan: GAN, batch_size: int, memory: str | int | None = None
) -> tuple[str, str]:
    """Returns the Keras dtype policy to train with, and a line that says why.

    Args:
        precision: "float32", "bfloat16", "float16", or "auto", which measures the first two.
        gan: The networks that will be trained.
        batch_size: Of the training.
        memory: The most that the process may take, see :class:`.fitting.Room`. Where it is short,
            fewer pictures are measured, and none if it does not hold one.

    Raises:
        UserError: for another precision, or if the memory is full.
    """
    if precision in POLICIES:
        return POLICIES[precision], f"Precision {precision}, as asked."
    if precision != "auto":
        raise unknown_name("precision", precision, [*POLICIES, "auto"])
    try:
        seconds = _best_seconds(gan, batch_size, Room.here(memory))
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"The memory does not hold a step of {batch_size} pictures. Lower batch_size, or take "
            "a smaller source."
        ) from error
    if seconds is None:
        return POLICIES["bfloat16"], "Precision bfloat16: memory is too short to measure float32."
    full, half, pictures = seconds
    chosen = "bfloat16" if full / half >= _WORTH else "float32"
    line = f"Precision {chosen}: bfloat16 is {full / half:.2f} times as fast as float32 here"
    short = f", with {pictures} of {batch_size} pictures: memory holds no more"
    return POLICIES[chosen], f"{line}{'' if pictures == batch_size else short}."


def _best_seconds(gan: GAN, batch_size: int, room: Room | None) -> tuple[float, float, int] | None:
    """Returns the seconds of a step in both precisions, the shortest of a few, and its pictures.

    None where the room holds no step of a single picture.
    """
    steps = []
    for policy in _MEASURED:
        copy = gan.with_precision(policy)
        step = _step(copy, batch_size)
        # The first takes the most memory, and the others are measured with as many pictures.
        while not steps and not _held(step, room):
            if batch_size == 1:
                return None
            batch_size = (batch_size + 1) // 2
            step = _step(copy, batch_size)
        step()
        steps.append(step)
    best = [float("inf")] * len(steps)
    # In turns, so that what else the machine does meanwhile hits all alike.
    for _ in range(5):
        for i, step in enumerate(steps):
            begun = time.perf_counter()
            step().numpy()
            best[i] = min(best[i], time.perf_counter() - begun)
    return best[0], best[1], batch_size


def _held(step: Any, room: Room | None) -> bool:
    """Whether the room holds a step, as far as that can be told."""
    if room is None or tf.config.functions_run_eagerly():
        return True
    return room.holds(peak_bytes(step.get_concrete_function().graph))


def _step(gan: GAN, batch_size: int) -> Any:
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

    return step
