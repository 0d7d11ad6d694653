"""Training of a source from scratch, growing from small to large pictures.

Source: Karras et al., "Progressive Growing of GANs" (2018): each resolution is
faded in over the images seen, then trained on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .. import backbones
from ..backbones import GAN
from ..data.batches import Batches
from ..data.pictures import Pictures
from ..methods import Method
from ..methods.player import Problem
from .assemble import assemble, trainer
from .loop import Schedule

Save = Callable[[GAN, Path, dict[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class Growth:
    """One resolution of a growing GAN.

    Attributes:
        resolution: Width and height in pixels.
        images: Real images seen at this resolution.
        fade_images: The first of them, during which it is faded in.
        batch_size: Images in a step.
        settings: Settings of the method at this resolution.
        decay_from: Fraction of ``images`` after which the learning rates fall
            linearly to a tenth; 1 keeps them.
    """

    resolution: int
    images: int
    fade_images: int = 0
    batch_size: int = 32
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    decay_from: float = 1.0


class Fade(keras.callbacks.Callback):
    """Fades the last resolution in: ``lod`` from 1 to 0 over ``steps`` steps."""

    def __init__(self, gan: GAN, steps: int):
        super().__init__()
        self._networks, self._steps = gan.networks(), steps

    def on_train_batch_begin(self, batch, logs=None):
        lod = max(0.0, 1.0 - batch / self._steps) if self._steps else 0.0
        if batch <= self._steps:
            for network in self._networks:
                network.lod.assign(lod)


class Snapshot(keras.callbacks.Callback):
    """Calls ``save(step)`` every ``interval`` steps and once at the end."""

    def __init__(self, save: Callable[[int], None], interval: int):
        super().__init__()
        self._save, self._interval = save, interval

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self._interval == 0:
            self._save(batch + 1)


def pretrain(
    method: Method,
    architecture: str,
    config: dict[str, Any],
    growths: list[Growth],
    images: np.ndarray,
    workdir: Path,
    save: Save,
    *,
    seed: int = 0,
    precision: str = "float32",
    snapshot_images: int = 50_000,
    ema_images: int = 10_000,
    checkpoint_every: int = 500,
    start: GAN | None = None,
    say: Callable[[str], None] = print,
) -> GAN:
    """Trains a GAN on ``images``, resolution after resolution.

    Args:
        method: The method; its settings may differ by resolution.
        architecture: Name of the backbone; it must support ``fading`` if it grows.
        config: Configuration of the backbone at full resolution; ``channels`` are
            cut to what a smaller resolution has.
        growths: From the smallest resolution to the largest.
        images: uint8 ``[N, H, W, 3]`` at full resolution.
        workdir: A folder; each resolution keeps its checkpoints and snapshots in one below.
        save: Writes a snapshot: ``save(gan, path, metadata)``.
        seed: Of everything that is drawn.
        precision: Keras dtype policy of the training.
        snapshot_images: Images between two snapshots of the averaged networks.
        ema_images: Half-life of the moving average of the generator, in images.
        checkpoint_every: Steps between checkpoints.
        start: A GAN to go on from instead of new weights.
        say: Where lines of progress go.

    Returns:
        The averaged generator with the discriminator, in float32.
    """
    gan, seen, last = start, 0, start
    for number, growth in enumerate(growths):
        gan = _grown(gan, architecture, config, growth, precision, seed)
        folder = workdir / f"{growth.resolution:04d}px-{number}"
        total = max(1, growth.images // growth.batch_size)
        decay = 0.5 ** (growth.batch_size / ema_images)
        settings = {**growth.settings, "ema_decay": decay, "batch_size": growth.batch_size}
        settings = _with_decay(method.with_settings(**settings), growth, total)
        problem = Problem(gan, None, images, growth.batch_size, seed, say)
        assembly = assemble(settings, problem)
        small = Pictures(_shrunk(images, growth.resolution))
        batches = Batches(small, growth.batch_size, seed)
        loop = trainer(assembly, batches, folder / "checkpoints")
        fade = Fade(gan, growth.fade_images // growth.batch_size)

        def snapshot(step, folder=folder, growth=growth, sampled=loop.sampled, before=seen):
            done = before + step * growth.batch_size
            save(sampled(), folder / f"snapshot{step:07d}", {"images_seen": done, "seed": seed})

        loop.add_callbacks(
            [*([fade] if gan.config.get("fading") else []),
             Snapshot(snapshot, max(1, snapshot_images // growth.batch_size))]
        )
        begun = time.monotonic()
        first: list[int] = []

        def report(step, logs, growth=growth, total=total, begun=begun, first=first):
            if not first:
                first.append(step)
            if step % 100 and step != total:
                return
            rate = (step - first[0]) * growth.batch_size / max(1e-9, time.monotonic() - begun)
            numbers = " ".join(f"{k.split('/')[0][0]}/{k.split('/')[1]} {v:.3f}" for k, v in logs.items())
            say(f"{growth.resolution} px step {step}/{total} {rate:.0f} img/s {numbers}")

        step = loop.run(Schedule(total, checkpoint_every, check_every=20), report)
        snapshot(step)
        seen += step * growth.batch_size
        last = loop.sampled()
    return last


def _grown(gan, architecture, config, growth, precision, seed) -> GAN:
    channels = list(config["channels"])[: int(np.log2(growth.resolution)) - 1]
    changes = {"resolution": growth.resolution, "channels": channels, "dtype": precision}
    if gan is None:
        keras.utils.set_random_seed(seed)
        return backbones.build(architecture, **{**config, **changes, "fading": False})
    fading = growth.fade_images > 0
    return gan.rebuild(**changes, fading=fading)


def _with_decay(method: Method, growth: Growth, total: int) -> Method:
    if growth.decay_from >= 1.0:
        return method
    settings = method.settings()

    def falling(rate):
        from_step = int(total * growth.decay_from)
        return _Falling(rate, from_step, total)

    g = settings["learning_rate"]
    d = settings["d_learning_rate"] or g
    objective = dataclasses.replace(method.objective, learning_rate=falling(g), d_learning_rate=falling(d))
    return dataclasses.replace(method, objective=objective)


class _Falling(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then linear to a tenth."""

    def __init__(self, rate: float, begin: int, end: int):
        self.rate, self.begin, self.end = rate, begin, end

    def __call__(self, step):
        done = (keras.ops.cast(step, "float32") - self.begin) / max(1, self.end - self.begin)
        return self.rate * (1.0 - 0.9 * keras.ops.clip(done, 0.0, 1.0))

    def get_config(self):
        return {"rate": self.rate, "begin": self.begin, "end": self.end}


def _shrunk(images: np.ndarray, size: int) -> np.ndarray:
    """Box-filtered to ``size`` pixels, as the growing networks see their images."""
    factor = images.shape[1] // size
    if factor == 1:
        return images
    n, _, _, c = images.shape
    out = np.empty((n, size, size, c), np.uint8)
    for i in range(0, n, 1024):
        part = images[i : i + 1024].astype(np.float32)
        part = part.reshape(-1, size, factor, size, factor, c).mean((2, 4))
        out[i : i + 1024] = np.rint(part)
    return out
