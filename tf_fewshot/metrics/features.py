"""Features of many pictures, in batches; those of real pictures are kept on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..archives import DamagedArraysError, read_arrays
from ..data.pictures import Pictures
from ..errors import UserError
from ..files import atomic_path, cache_dir
from .distinct import distinct

Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``, called after each batch."""

BATCH_SIZE = 64


def extract(
    extractor, images: np.ndarray, progress: Progress | None = None, what: str = "features"
) -> np.ndarray:
    """Runs a feature network over pictures, over equal ones once.

    Args:
        extractor: Maps uint8 ``[N, H, W, 3]`` to float32 ``[N, D]``; it has ``name``,
            ``version`` (SHA-256 of its weights) and ``resize`` (pixels).
        images: uint8 ``[N, H, W, 3]``.
        progress: It is told how far the work is.
        what: The name of this work that ``progress`` is told.

    Returns:
        float32 ``[N, D]``.

    Raises:
        UserError: if a feature is not finite.
    """
    parts = []
    firsts, same = distinct(images)
    for start in range(0, len(firsts), BATCH_SIZE):
        places = firsts[start : start + BATCH_SIZE]
        part = np.asarray(extractor(images[places]), np.float32)
        if not np.isfinite(part).all():
            raise UserError(f"The {what} of pictures {places[0]} to {places[-1]} are not finite.")
        parts.append(part)
        if progress is not None:
            progress(what, start + len(part), len(firsts))
    return np.concatenate(parts)[same]


def reference_features(
    extractor, pictures: Pictures, progress: Progress | None = None
) -> np.ndarray:
    """Returns the features of real pictures, float32 ``[N, D]``, computed once for the same pixels.

    The cache's key is all that they depend on: the pixels, and the network's name,
    weights and way of resizing. A cache that cannot be read is made again, and one that
    cannot be written is done without.
    """
    facts = (pictures.fingerprint(), extractor.name, extractor.version, extractor.resize)
    key = hashlib.sha256(repr(tuple(map(str, facts))).encode()).hexdigest()
    path = cache_dir() / "features" / f"{extractor.name}-{key[:32]}.npz"
    features = _read(path, len(pictures))
    if features is None:
        features = extract(extractor, pictures.images, progress, "features of real pictures")
        try:
            with atomic_path(path) as partial:
                np.savez(partial, features=features)
        except (UserError, OSError) as error:
            logging.getLogger(__name__).warning("The features are not kept: %s", error)
    return features


def _read(path: Path, count: int) -> np.ndarray | None:
    # An .npz has checksums, so that damaged numbers do not pass for features.
    try:
        features = read_arrays(path, lambda names: ["features"])["features"]
    except FileNotFoundError:
        return None
    except DamagedArraysError as error:
        logging.getLogger(__name__).warning("Kept features are made again: %s", error)
        return None
    return features if features.ndim == 2 and len(features) == count else None
