"""How a GAN grows: what is trained at each resolution, and the callbacks that do it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ..backbones import GAN


@dataclasses.dataclass(frozen=True)
class Growth:
    """One resolution of a growing GAN.

    Attributes:
        resolution: Width and height in pixels.
        images: Real images seen at this resolution.
        fade_images: The first of them, during which it is faded in.
        batch_size: Images in a step.
        r1_gamma: Weight of R1.
        learning_rate: Adam's, of the generator.
        decay_from: Fraction of ``images`` from which on the learning rate falls linearly
            to a tenth; 1 keeps it.
        d_learning_rate: Adam's, of the discriminator, falling likewise; None takes the
            generator's.
    """

    resolution: int
    images: int
    fade_images: int = 0
    batch_size: int = 16
    r1_gamma: float = 1.0
    learning_rate: float = 0.002
    decay_from: float = 1.0
    d_learning_rate: float | None = None

    @property
    def steps(self) -> int:
        return max(1, self.images // self.batch_size)

    def rates(self) -> tuple[Any, Any]:
        """Learning rates of generator and discriminator, as numbers or schedules."""
        d_rate = self.learning_rate if self.d_learning_rate is None else self.d_learning_rate
        rates = (self.learning_rate, d_rate)
        if self.decay_from >= 1.0:
            return rates
        begin = int(self.steps * self.decay_from)
        return (Falling(rates[0], begin, self.steps), Falling(rates[1], begin, self.steps))


@keras.saving.register_keras_serializable("tf_fewshot")
class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """Constant up to step ``begin``, then linear to a tenth at step ``end``."""

    def __init__(self, rate: float, begin: int, end: int):
        self.rate, self.begin, self.end = rate, begin, end

    def __call__(self, step):
        done = (keras.ops.cast(step, "float32") - self.begin) / max(1, self.end - self.begin)
        return self.rate * (1.0 - 0.9 * keras.ops.clip(done, 0.0, 1.0))

    def get_config(self) -> dict:
        return {"rate": self.rate, "begin": self.begin, "end": self.end}


class Fade(keras.callbacks.Callback):
    """Fades the last resolution in: ``lod`` from 1 to 0 over the first ``steps`` steps."""

    def __init__(self, gan: GAN, steps: int):
        super().__init__()
        self._networks, self._steps = gan.networks(), steps

    def on_train_batch_begin(self, batch, logs=None):
        if batch <= self._steps:
            for network in self._networks:
                network.lod.assign(1.0 - batch / self._steps)


class Snapshot(keras.callbacks.Callback):
    """Calls ``save(step)`` every ``interval`` steps."""

    def __init__(self, save: Callable[[int], None], interval: int):
        super().__init__()
        self._save, self._interval = save, max(1, interval)

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self._interval == 0:
            self._save(batch + 1)


def shrunk(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 ``[N, H, W, C]`` to ``size`` pixels by the mean of squares, as networks fade."""
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
