"""Seconds of calls, and the operations a second of matrix products."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

WIDTHS = (1024, 2048, 4096)
"""Widths of square matrices; a processor multiplies fastest at one of them."""


def best_seconds(call: Callable[[], object], repeats: int) -> float:
    """Returns the seconds of the shortest of ``repeats`` calls, after one that compiles."""
    return best_of_each([call], repeats)[0]


def best_of_each(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Returns the seconds of the shortest of ``repeats`` calls of each.

    Each is called once before, so that compiling does not count. Then they take turns, so that
    what else the machine does meanwhile hits all alike.
    """
    for call in calls:
        call()
    best = [float("inf")] * len(calls)
    for _ in range(repeats):
        for i, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - begun)
    return best


def ratios_by(call: Callable[[], object], others: Sequence[Callable], repeats: int) -> list[float]:
    """Returns how many times the processors' seconds of each of the others a call takes.

    They take turns, and of the ratios of single turns it is the median: where a few percent are
    looked for, neither what else the machine does nor one lucky turn may decide.
    """
    calls = [call, *others]
    for each in calls:
        each()
    turns: list[list[float]] = []
    for _ in range(repeats):
        seconds = []
        for each in calls:
            begun = time.process_time()
            each()
            seconds.append(time.process_time() - begun)
        turns.append(seconds)
    return [statistics.median(s[0] / s[i] for s in turns) for i in range(1, len(calls))]


def matrix_product(dtype: str, width: int) -> Callable[[], object]:
    """Returns a compiled product of two ``width`` × ``width`` matrices: 2 width³ operations."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_normal([width, width], [0, 0]), dtype)
    compiled = tf.function(lambda: tf.linalg.matmul(a, a))
    return lambda: compiled().numpy()


def seconds_and_peak(
    call: Callable[[], object], dtype: str, repeats: int, widths: Sequence[int] = WIDTHS
) -> tuple[float, float]:
    """Times a call in turns with large matrix products.

    Args:
        call: What is timed; it returns when its work is done.
        dtype: The precision of the products, such as "bfloat16".
        repeats: Calls of each, of which the shortest counts.
        widths: The widths of the matrices.

    Returns:
        The seconds of ``call``, and the operations a second of the fastest product.
    """
    products = [matrix_product(dtype, width) for width in widths]
    seconds, *others = best_of_each([call, *products], repeats)
    return seconds, max(2.0 * n**3 / s for n, s in zip(widths, others, strict=True))
