"""Choosing the precision of training by a short measurement, which is kept.

It traces a step twice and runs it some times, which is much of what comes before a run's first
step. The same networks on the same machine are measured once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ..backbones import GAN
from ..errors import UserError, unknown_name
from ..files import cache_dir, write_json
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
_WAY = re.compile(r"TF_(?!FEWSHOT|CPP|CONFIG)")


@dataclasses.dataclass(frozen=True)
class Measured:
    """Seconds of a step in both precisions.

    Attributes:
        full, half: In float32 and in bfloat16, the shortest of a few.
        pictures: In the step.
        day: When it was measured, if that was before.
    """

    full: float
    half: float
    pictures: int
    day: str | None = None


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
        kept = _kept_at(gan, batch_size)
        seconds = _read(kept, batch_size) or _best_seconds(gan, batch_size, Room.here(memory))
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"The memory does not hold a step of {batch_size} pictures. Lower batch_size, or take "
            "a smaller source."
        ) from error
    if seconds is None:
        return POLICIES["bfloat16"], "Precision bfloat16: memory is too short to measure float32."
    ratio = seconds.full / seconds.half
    chosen = "bfloat16" if ratio >= _WORTH else "float32"
    line = f"Precision {chosen}: bfloat16 is {ratio:.2f} times as fast as float32 here"
    if seconds.pictures < batch_size:
        line += f", with {seconds.pictures} of {batch_size} pictures: memory holds no more"
    elif seconds.day is None:
        _keep(kept, seconds)
    else:
        line += f", as measured on {seconds.day} (without {kept} it is measured again)"
    return POLICIES[chosen], f"{line}."


def _kept_at(gan: GAN, batch_size: int) -> Path:
    """Returns the file of what was measured of such networks on such a machine."""
    devices = [
        (device.device_type, tf.config.experimental.get_device_details(device))
        for device in tf.config.list_physical_devices()
    ]
    about = {
        "networks": [gan.architecture, gan.config, gan.discriminator is None, batch_size],
        "machine": [platform.machine(), _processor(), _processors(), str(devices)],
        "software": [tf.__version__, keras.__version__],
        # What says how TensorFlow computes: threads, oneDNN, XLA, and whether it compiles at all.
        "ways": sorted(item for item in os.environ.items() if _WAY.match(item[0])),
        "eagerly": tf.config.functions_run_eagerly(),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()
    return cache_dir() / "precision" / f"{digest[:32]}.json"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.processor())


def _processors() -> int:
    """How many this process may use, which a container or a scheduler can say."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _read(kept: Path, batch_size: int) -> Measured | None:
    try:
        fields = json.loads(kept.read_text("utf-8"))
        measured = Measured(float(fields["full"]), float(fields["half"]), batch_size, fields["day"])
        datetime.date.fromisoformat(fields["day"])
    # What is damaged is measured again, and written over.
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return measured if min(measured.full, measured.half) > 0 else None


def _keep(kept: Path, seconds: Measured) -> None:
    day = datetime.date.today().isoformat()
    # Where it cannot be written, it is measured another time.
    with contextlib.suppress(UserError, OSError):
        write_json(kept, {"full": seconds.full, "half": seconds.half, "day": day})


def _best_seconds(gan: GAN, batch_size: int, room: Room | None) -> Measured | None:
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
    return Measured(best[0], best[1], batch_size)


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

    @tf.function(autograph=False)
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
