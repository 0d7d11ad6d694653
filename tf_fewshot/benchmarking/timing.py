"""Seconds and peaks, for the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

# A processor is at its fastest at one of them.
_SIZES = (1024, 2048, 4096)


def best_seconds(call: Callable[[], object], repeats: int) -> float:
    """Shortest of ``repeats`` calls after one that compiles."""
    return best_of_each([call], repeats)[0]


def best_of_each(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Shortest of ``repeats`` calls of each, after one that compiles.

    They take turns, so that what else the machine does meanwhile hits all alike.
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


def product(dtype: str, n: int) -> Callable[[], object]:
    """A compiled matrix product of n × n, of 2 n³ operations."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_normal([n, n], [0, 0]), dtype)
    compiled = tf.function(lambda: tf.linalg.matmul(a, a))
    return lambda: compiled().numpy()


def against_peak(
    call: Callable[[], object], dtype: str, repeats: int, sizes: Sequence[int] = _SIZES
) -> tuple[float, float]:
    """Shortest seconds of ``call``, and the FLOP/s of the fastest of some matrix products.

    Both are measured in turns, in the same precision and with the same threads.
    """
    seconds, *products = best_of_each([call, *(product(dtype, n) for n in sizes)], repeats)
    return seconds, max(2.0 * n**3 / s for n, s in zip(sizes, products, strict=True))
