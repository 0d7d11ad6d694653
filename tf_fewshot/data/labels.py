"""Labels of pictures as whole numbers."""

from __future__ import annotations

import numpy as np

from ..errors import UserError


def whole_labels(labels, count: int, owner: str) -> tuple[np.ndarray, dict[int, str]]:
    """Returns labels as int32 ``[N]``, and the names of classes if they were texts.

    Args:
        labels: Whole numbers, or texts, ``[N]`` or ``[N, 1]``. Texts are numbered in their order.
        count: N.
        owner: Whose labels they are, for messages.

    Raises:
        UserError: if they are of another shape, or not whole numbers of 32 bits.
    """
    labels = np.asarray(labels)
    if labels.shape == (count, 1):
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise UserError(f"{owner} has {count} pictures but labels {list(labels.shape)}.")
    if labels.dtype.kind in "US":
        names, numbers = np.unique(labels.astype(str), return_inverse=True)
        return numbers.astype(np.int32), dict(enumerate(names.tolist()))
    bounds = np.iinfo(np.int32)
    # Of NaN no comparison is true.
    fits = labels.dtype.kind in "biuf" and ((labels >= bounds.min) & (labels <= bounds.max)).all()
    if not fits or (labels != np.round(labels)).any():
        raise UserError(
            f"The labels of {owner} are {labels.dtype} like {_odd(labels)!r}: they must be whole "
            "numbers of classes, one a picture."
        )
    return labels.astype(np.int32), {}


def _odd(labels: np.ndarray):
    """Returns a label that is no whole number, or the first one."""
    odd = labels[labels != np.round(labels)] if labels.dtype.kind == "f" else labels
    return (odd if len(odd) else labels)[0].item()
