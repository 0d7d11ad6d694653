"""What one can ask a bank for, checked: domains by name or number, and weights over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UserError, unknown_name

# How far from 1 the sum of weights may be: what rounding does to a hundred float32 numbers.
SUM_TOLERANCE = 1e-4


def numbers_of(domains: Any, names: Sequence[str], rows: int) -> np.ndarray:
    """Returns the domains of rows as int32 ``[rows]``.

    Args:
        domains: A name or number for all rows, or one for each.
        names: Of all domains, in the order of their numbers.
        rows: How many rows there are.

    Raises:
        UserError: for a domain that there is not, or another number of them.
    """
    alone = isinstance(domains, str) or np.ndim(domains) == 0
    numbers = [_number(d, names) for d in ([domains] if alone else domains)]
    if alone:
        numbers *= rows
    if len(numbers) != rows:
        raise UserError(f"{rows} latents need {rows} domains, or one for all, not {len(numbers)}.")
    return np.array(numbers, np.int32)


def _number(domain: Any, names: Sequence[str]) -> int:
    if isinstance(domain, str):
        if domain not in names:
            raise unknown_name("domain", domain, names)
        return list(names).index(domain)
    if isinstance(domain, bool) or not isinstance(domain, (int, np.integer)):
        raise UserError(f"A domain is its name or its number, not {domain!r}.")
    if not 0 <= domain < len(names):
        raise UserError(f"There is no domain {domain}: this bank has {_range(names)}.")
    return int(domain)


def _range(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"its source alone (0, {names[0]!r}); add adapters to it"
    return f"domains 0 ({names[0]!r}) to {len(names) - 1} ({names[-1]!r})"


def weights_of(weights: Any, names: Sequence[str], rows: int) -> np.ndarray:
    """Returns weights over domains as float32 ``[rows, D]``.

    Args:
        weights: ``[rows, D]``, or ``[D]`` for all rows; each row adds up to 1. Or a mapping of
            names to weights, for all rows, of which those left out are 0.
        names: Of all domains, in the order of their numbers.
        rows: How many rows there are.

    Raises:
        UserError: if they are of another shape, no numbers, or do not add up to 1.
    """
    if isinstance(weights, dict):
        by_number = np.zeros(len(names), np.float32)
        for domain, weight in weights.items():
            by_number[_number(domain, names)] = weight
        weights = by_number
    try:
        array = np.asarray(weights, np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(f"Weights over domains are numbers, not {weights!r}.") from error
    if array.ndim == 1:
        array = np.repeat(array[None], rows, axis=0)
    if array.shape != (rows, len(names)):
        raise UserError(
            f"Weights over domains have a row for each of the {rows} latents and a column for each "
            f"of the {len(names)} domains, the source first; these have the shape "
            f"{list(np.shape(weights))}."
        )
    if not np.all(np.isfinite(array)):
        row = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise UserError(f"The weights of row {row} are not all finite numbers.")
    sums = array.sum(1, dtype=np.float64)
    if np.any(np.abs(sums - 1.0) > SUM_TOLERANCE):
        row = int(np.argmax(np.abs(sums - 1.0)))
        raise UserError(
            f"The weights of row {row} add up to {sums[row]:g}, and must to 1: divide them by "
            "their sum."
        )
    return array


def truncations_of(truncation: Any, rows: int) -> np.ndarray | None:
    """Returns truncations as float32 ``[rows]``; None stays, and means the domains' own.

    Raises:
        UserError: if there are neither one nor so many numbers.
    """
    if truncation is None:
        return None
    array = np.asarray(truncation, np.float32)
    if array.shape not in ((), (1,), (rows,)) or not np.all(np.isfinite(array)):
        raise UserError(
            f"truncation must be a number, or one for each of the {rows} latents, not "
            f"{truncation!r}."
        )
    return np.array(np.broadcast_to(array.reshape(-1), rows))


def labels_of(labels: Any, classes: int, rows: int) -> np.ndarray | None:
    """Returns classes of the source as int32 ``[rows]``; None for a source without classes.

    Args:
        labels: One for all rows, one for each, or None, which is class 0.
        classes: How many there are.
        rows: How many rows there are.

    Raises:
        UserError: for a class that there is not.
    """
    if not classes:
        if labels is not None:
            raise UserError("This bank's source has no classes: leave out label.")
        return None
    array = np.asarray(0 if labels is None else labels)
    if array.shape not in ((), (rows,)) or array.dtype.kind not in "iu":
        raise UserError(f"label must be a class, or one for each of {rows} latents, not {labels}.")
    if np.any(array < 0) or np.any(array >= classes):
        raise UserError(f"There is no class {labels}: the source has classes 0 to {classes - 1}.")
    return np.array(np.broadcast_to(array, rows), np.int32)
