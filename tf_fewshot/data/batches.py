"""Which pictures make up which batch: a pure function of step and seed."""

from __future__ import annotations

import functools

import numpy as np

from ..errors import UserError
from .pictures import Pictures


@functools.lru_cache(maxsize=16)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    order = np.random.default_rng([seed, epoch]).permutation(n).astype(np.int32)
    order.setflags(write=False)
    return order


def batch_indices(n: int, batch_size: int, step: int, seed: int) -> np.ndarray:
    """Returns the indices of the pictures of batch ``step``.

    The stream of all batches is one permutation of the pictures after the other, each
    epoch its own; batches may reach across epochs, and hold a picture more than once
    only where there are fewer pictures than ``batch_size``, or at such a border.

    Args:
        n: Number of pictures.
        batch_size: Pictures a batch.
        step: Which batch, from 0.
        seed: Chooses the stream; 0 or above.

    Returns:
        int32 ``[batch_size]``, each in [0, n). It depends on nothing but the arguments,
        so that a run which resumes at a step sees what an uninterrupted one does.

    Raises:
        UserError: if an argument is out of its range.
    """
    if n < 1 or batch_size < 1 or step < 0 or seed < 0:
        raise UserError(
            "Batches need at least 1 picture, batch size 1, step 0 and seed 0; "
            f"they are {n}, {batch_size}, {step} and {seed}."
        )
    position, end = step * batch_size, (step + 1) * batch_size
    parts = []
    while position < end:
        epoch, offset = divmod(position, n)
        part = _permutation(n, seed, epoch)[offset : offset + end - position]
        parts.append(part)
        position += len(part)
    return np.concatenate(parts)


def class_groups(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Returns the indices of pictures in random groups of one class each.

    What remains of a class that ``size`` does not divide is left out.

    Args:
        labels: int ``[N]``.
        size: Pictures in a group.
        seed: Of the groups.

    Returns:
        int32 ``[M, size]``, a group in each row.
    """
    rng = np.random.default_rng([seed, *b"groups"])
    groups = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        members = members[: len(members) // size * size]
        groups.append(members.reshape(-1, size))
    return np.concatenate(groups).astype(np.int32)


class Batches:
    """The batches of a training run, addressed by step.

    ``batches[step]`` is ``(indices, images, labels)``: int32 ``[B]``, uint8
    ``[B, H, W, 3]``, and int32 ``[B]`` or None. There is no last one.

    Args:
        pictures: With labels, if ``class_group`` is above 1.
        batch_size: Pictures in a batch.
        seed: Chooses the stream.
        class_group: So many pictures of one class are in a batch together, at places
            ``B / class_group`` apart, which is what
            :class:`~tf_fewshot.layers.MinibatchStdDev` takes for a group. In one seed they
            are always the same ones.

    Raises:
        UserError: if ``class_group`` does not divide the batch, or no class has as many.
    """

    def __init__(self, pictures: Pictures, batch_size: int, seed: int = 0, class_group: int = 1):
        self.pictures, self.batch_size, self.seed = pictures, batch_size, seed
        self._groups = None
        if class_group > 1:
            if pictures.labels is None or batch_size % class_group:
                raise UserError(
                    f"class_group={class_group} needs pictures with classes and a batch_size "
                    f"that it divides, not {batch_size}."
                )
            self._groups = class_groups(pictures.labels, class_group, seed)
            if not len(self._groups):
                raise UserError(f"No class has {class_group} pictures, as class_group asks for.")

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        if self._groups is None:
            indices = batch_indices(len(self.pictures), self.batch_size, step, self.seed)
        else:
            count = self.batch_size // self._groups.shape[1]
            chosen = batch_indices(len(self._groups), count, step, self.seed)
            indices = self._groups[chosen].T.reshape(-1)
        labels = self.pictures.labels
        return indices, self.pictures.images[indices], None if labels is None else labels[indices]
