"""Which training pictures samples are nearest to, and whether they are copies of these."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from ..errors import UserError
from ..features import lpips
from ..metrics.copying import UNSEEN_SHARE, among, copied_share
from ..metrics.embeddings import Embeddings, distances


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest training picture of each sample.

    Attributes:
        nearest: int64 ``[N]``: which training picture is nearest.
        distances: float32 ``[N]``: its LPIPS; 0 is the same picture.
        unseen: float32 ``[M]``: the same of real pictures that were not trained on; None if none
            were given.
        copies: The share of samples that are nearer than 95 % of the unseen pictures; None
            without these.
        threshold: The LPIPS below which a sample counts as a copy; None without unseen ones.
    """

    nearest: np.ndarray
    distances: np.ndarray
    unseen: np.ndarray | None = None
    copies: float | None = None
    threshold: float | None = None


def nearest_training(
    samples: np.ndarray,
    training: np.ndarray,
    unseen: np.ndarray | None = None,
    net: Literal["alex", "vgg"] = "alex",
) -> Neighbours:
    """Finds the training picture of least LPIPS of each sample, and the share that are copies.

    What a copy is, is judged by real pictures that are none: see
    :func:`tf_fewshot.metrics.copying.copied_share`.

    Args:
        samples: uint8 ``[N, H, W, 3]``.
        training: uint8 ``[K, H, W, 3]``, the pictures that were trained on.
        unseen: uint8 ``[M, H, W, 3]``, real pictures of the domain; those among ``training`` are
            left out. None finds neighbours alone.
        net: Trunk of LPIPS.

    Raises:
        UserError: if pictures differ in size, or fewer than 20 unseen ones are left.
    """
    for others in (training, samples if unseen is None else unseen):
        if others.shape[1:] != samples.shape[1:]:
            raise UserError(
                f"Samples have the shape {list(samples.shape[1:])} and others "
                f"{list(others.shape[1:])}: bring them to one size and as many channels."
            )
    embed = lpips(net).embed
    known = Embeddings(embed, training)
    away = distances(Embeddings(embed, samples), known)
    nearest = away.argmin(1)
    least = away[np.arange(len(away)), nearest]
    if unseen is None:
        return Neighbours(nearest, least)
    new = unseen[~among(unseen, training)]
    if len(new) * UNSEEN_SHARE < 1:
        raise UserError(
            f"{len(new)} pictures were not trained on: to say what a copy is takes "
            f"{round(1 / UNSEEN_SHARE)} or more. Give more, or leave out the reference."
        )
    others = distances(Embeddings(embed, new), known).min(1)
    copies, threshold = copied_share(least, others)
    return Neighbours(nearest, least, others, copies, threshold)
