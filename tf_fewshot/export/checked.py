"""What a served graph refuses of a request, whoever serves it.

Clamped to what there is, a request would be answered with pictures of something else. Where a
server draws several requests as one batch, all of that batch fail.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def checked_truncation(truncation: Any) -> Any:
    """Returns truncations float32 ``[N]`` that are 0 or more, and numbers."""
    fits = tf.math.is_finite(truncation) & (truncation >= 0.0)
    return required(fits, "truncation must be a number from 0 on", truncation)


def checked_latents(z: Any) -> Any:
    """Returns latents float32 ``[N, dim]`` that are numbers."""
    return required(tf.math.is_finite(z), "z must be finite numbers", z)


def checked_number(value: Any, count: int, name: str) -> Any:
    """Returns int32 ``[N]``, each of them one of ``count`` that there are."""
    fits = (value >= 0) & (value < count)
    return required(fits, f"{name} must be from 0 to {count - 1}", value)


def required(fits: Any, message: str, value: Any, shown: Any = None) -> Any:
    """Returns a value that is there only after a check, also in graphs that are cut down.

    Args:
        fits: bool, of any shape: all of it must be true.
        message: What is said otherwise.
        value: The value.
        shown: Numbers that are said with it; None is ``value``.
    """
    numbers = value if shown is None else shown
    check = tf.debugging.Assert(tf.reduce_all(fits), [message, numbers])
    if check is None:  # Eagerly it has raised already.
        return value
    with tf.control_dependencies([check]):
        return tf.identity(value)
