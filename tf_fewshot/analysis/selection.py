"""Of many pictures those that go together, by their style.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics Adaptation"
(ICCV 2019), supplement A.1: pictures of one style are chosen from a large set by Gram matrices
(Gatys et al., CVPR 2016) of VGG16.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ..data.augment import to_float
from ..data.decode import BadPictureError, decode
from ..data.sources import open_source
from ..errors import UserError
from ..features import VGG16Features
from ..losses.style import gram_matrices
from .progress import Progress, quiet

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
"""Those of Gatys et al."""
SIZE = 64
"""Pixels at which styles are compared."""
_RANK = 48  # directions of the channels whose products are kept, of each layer
_BATCH = 32
_CENTRES = 1000  # pictures that are tried as the middle of a group


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """Pictures that go together.

    Attributes:
        chosen: int64 ``[n]``: which pictures, the nearest to the middle first.
        distances: float32 ``[n]``: their style distance from the middle, or from the nearest
            picture in whose style they shall be.
        others: float32 ``[N - n]``: that of all that were not chosen.
    """

    chosen: np.ndarray
    distances: np.ndarray
    others: np.ndarray


def style_vectors(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Computes vectors whose squared distance is that of the directions of Gram matrices.

    It is the mean over layers of ``2 - 2 cos`` of the angle between the Gram matrices of two
    pictures, from 0 to 2: their lengths, which say how much there is in a picture rather than in
    which style, do not count. Gram matrices of all channels would take half a million numbers a
    picture. These are of random orthogonal directions of the channels, which keep angles on
    average.

    Args:
        images: uint8 ``[N, H, W, 3]``.
        seed: Of the directions; vectors of other seeds do not compare.

    Returns:
        float32 ``[N, D]``, of length 1.
    """
    network = _network()
    parts = []
    for start in range(0, len(images), _BATCH):
        features = network(tf.constant(to_float(images[start : start + _BATCH])))
        turns = _directions(tuple(f.shape[-1] for f in features), seed)
        grams = []
        for feature, turn in zip(features, turns, strict=True):
            gram = gram_matrices(tf.tensordot(feature, turn, 1)).numpy().reshape(len(feature), -1)
            length = np.linalg.norm(gram, axis=1, keepdims=True)
            grams.append(gram / np.maximum(length, 1e-12) / np.sqrt(len(LAYERS)))
        parts.append(np.concatenate(grams, axis=1))
    return np.concatenate(parts).astype(np.float32)


@functools.cache
def _network() -> VGG16Features:
    return VGG16Features(LAYERS)


@functools.lru_cache(maxsize=4)
def _directions(channels: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Orthonormal directions float32 ``[channels, rank]`` of each layer.

    They are kept: to make them takes as long as the network takes for a batch.
    """
    rng = np.random.default_rng(seed)
    turns = []
    for count in channels:
        if count <= _RANK:
            turns.append(np.eye(count, dtype=np.float32))
        else:
            q, _ = np.linalg.qr(rng.normal(size=(count, _RANK)))
            turns.append(q.astype(np.float32))
    return turns


def select(vectors: np.ndarray, n: int, like: np.ndarray | None = None, seed: int = 0) -> Selection:
    """Chooses the pictures that go together.

    Args:
        vectors: Of all pictures, float32 ``[N, D]``, see :func:`style_vectors`.
        n: How many.
        like: Of pictures in whose style they shall be, float32 ``[M, D]``: the distance from
            the nearest of these counts. None finds the tightest group: the picture whose n
            nearest, itself among them, are nearest. Of many pictures a thousand are tried.
        seed: Of these.

    Raises:
        UserError: if there are fewer pictures than asked for, or n is below 1.
    """
    if not 1 <= n <= len(vectors):
        raise UserError(f"{n} pictures were asked for, and there are {len(vectors)}.")
    if like is not None:
        away = np.sqrt(np.stack([_squares(vectors, one) for one in like]).min(0))
    else:
        centres = np.arange(len(vectors))
        if len(centres) > _CENTRES:
            centres = np.random.default_rng(seed).choice(centres, _CENTRES, replace=False)
        away = np.sqrt(_squares(vectors, vectors[_middle(vectors, n, centres)]))
    order = np.argsort(away, kind="stable")
    away = away.astype(np.float32)
    return Selection(order[:n], away[order[:n]], away[order[n:]])


def _middle(vectors: np.ndarray, n: int, centres: np.ndarray) -> int:
    """Returns which of some pictures has the nearest n."""
    # Around their mean, as rounding grows with the size of what is multiplied.
    vectors = vectors - vectors.mean(0)
    sizes = np.einsum("ij,ij->i", vectors, vectors)
    totals = []
    for start in range(0, len(centres), _BATCH):
        some = centres[start : start + _BATCH]
        squares = sizes[some, None] + sizes - 2 * vectors[some] @ vectors.T
        nearest = np.partition(squares, n - 1, axis=1)[:, :n]
        totals.append(np.sqrt(np.maximum(nearest, 0)).sum(1))
    return int(centres[np.concatenate(totals).argmin()])


def _squares(vectors: np.ndarray, one: np.ndarray) -> np.ndarray:
    return np.square(vectors - one).sum(1, dtype=np.float64)


def styles_of(
    place: str | os.PathLike, skip_bad: bool = False, seed: int = 0, progress: Progress = quiet
) -> tuple[list[str], np.ndarray, list[str]]:
    """Reads the pictures of a place one batch at a time, and computes their style vectors.

    Args:
        place: A folder, or what :func:`tf_fewshot.data.load.load_pictures` takes.
        skip_bad: Whether to leave out pictures that cannot be read.
        seed: See :func:`style_vectors`.
        progress: Told how far the work is.

    Returns:
        The pictures' names, their vectors float32 ``[N, D]``, and remarks for people.

    Raises:
        UserError: if there are none, or one cannot be read.
    """
    names: list[str] = []
    vectors, notes = [], []
    with open_source(place) as source:
        total = len(source.entries)
        notes += source.notes
        for done, some, images in _batches(source.entries, os.fspath(place), skip_bad, notes):
            if len(images):
                names += some
                vectors.append(style_vectors(images, seed))
            progress("styles", done, total)
    if not names:
        raise UserError(f"There are no pictures in {os.fspath(place)}.")
    return names, np.concatenate(vectors), notes


def _batches(
    entries: list, place: str, skip_bad: bool, notes: list[str]
) -> Iterator[tuple[int, list[str], np.ndarray]]:
    for start in range(0, len(entries), _BATCH):
        names, images = [], []
        for entry in entries[start : start + _BATCH]:
            try:
                images.append(decode(entry.open, (SIZE, SIZE))[0])
            except BadPictureError as error:
                if not skip_bad:
                    raise UserError(
                        f"{entry.name} in {place} cannot be used: {error}. Mend or remove it, or "
                        "skip such pictures."
                    ) from error
                notes.append(f"{entry.name} was skipped: {error}")
                continue
            names.append(entry.name)
        done = min(start + _BATCH, len(entries))
        yield done, names, np.stack(images) if images else np.zeros((0, SIZE, SIZE, 3), np.uint8)
