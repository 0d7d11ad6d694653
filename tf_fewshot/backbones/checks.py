"""What configurations of several architectures must fulfil."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .base import GAN
from .errors import BackboneError


def check_resolution(resolution: int, least: int) -> None:
    """Raises a BackboneError unless it is a power of two from ``least``."""
    if resolution < least or resolution & (resolution - 1):
        raise BackboneError(f"resolution must be a power of two from {least}, not {resolution}")


def check_entries(name: str, values: Sequence[int], resolution: int, last: int) -> None:
    """Raises a BackboneError unless there is one value for 4, 8, … ``last`` pixels each."""
    wanted = int(math.log2(last)) - 1
    if len(values) != wanted:
        raise BackboneError(
            f"{resolution} px need {wanted} entries in {name} (for 4, 8, … {last} px), "
            f"not {len(values)}"
        )


def check_class(start: int | str, gan: GAN, words: str = "'mean'") -> int:
    """``start``, or a BackboneError if it is no class's number; it might have been ``words``."""
    if isinstance(start, bool) or not isinstance(start, (int, np.integer)):
        raise BackboneError(f"a class can begin as {words} or the number of one, not {start!r}")
    if not 0 <= start < gan.num_classes:
        raise BackboneError(
            f"There is no class {start}: this {gan.architecture} has classes 0 to "
            f"{gan.num_classes - 1}."
        )
    return int(start)
