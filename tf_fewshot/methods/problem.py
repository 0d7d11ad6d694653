"""The training problem that the cells of a method are made ready for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..backbones import GAN
from .player import Player


class PictureBatches(Protocol):
    """The batches of a training, addressed by step."""

    def __getitem__(self, step: int, /) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Returns int32 indices ``[B]``, uint8 pictures ``[B, H, W, C]`` and labels or None."""
        ...


Rehearse = Callable[[Sequence[Player], PictureBatches, int], None]


def _no_rehearsal(players: Sequence[Player], batches: PictureBatches, steps: int) -> None:
    del players, batches, steps
    raise RuntimeError("only a problem that was assembled for training can rehearse")


@dataclasses.dataclass
class Problem:
    """One training problem, as the cells of a method see it.

    Attributes:
        gan: The networks being trained, in training precision.
        source: The networks as they were, in float32; never changed. None when
            training from scratch.
        images: uint8 ``[N, H, W, C]``, the training pictures.
        known_latents: float32 ``[N, D]``, what each picture was drawn from, or None.
        batch_size: Pictures in a step.
        seed: Of everything that is drawn.
        say: Where a line of progress goes.
        steps: Of the whole run, over which learning rates may fall.
        rehearse: ``rehearse(players, batches, steps)`` moves players for some steps, as the
            run itself will, but without checkpoints, averages and callbacks. A cell that
            must try something before it can choose uses it, and undoes what it changed.
    """

    gan: GAN
    source: GAN | None
    images: Any
    batch_size: int
    seed: int
    say: Callable[[str], None] = print
    steps: int = 1000
    rehearse: Rehearse = _no_rehearsal
    known_latents: np.ndarray | None = None
