"""Equal pictures, which need be looked at once."""

from __future__ import annotations

import hashlib

import numpy as np


def distinct(images: np.ndarray) -> tuple[np.ndarray, np.ndarray | slice]:
    """Finds pictures that are equal.

    Args:
        images: ``[N, …]``.

    Returns:
        The places of the first of each kind, in order, integers ``[M]``; and what brings an array
        of these M back to N: for each picture which of them it equals, or a slice of all where no
        two are equal, so that nothing is copied.
    """
    kinds: dict[bytes, int] = {}
    firsts, same = [], []
    for place, image in enumerate(images):
        # Not the pixels themselves: they would all be in memory twice.
        seen = hashlib.sha256(image.tobytes()).digest()
        kind = kinds.setdefault(seen, len(firsts))
        if kind == len(firsts):
            firsts.append(place)
        same.append(kind)
    alone = len(firsts) == len(same)
    return np.asarray(firsts, np.intp), slice(None) if alone else np.asarray(same, np.intp)
