"""What configurations of several architectures must fulfil."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
