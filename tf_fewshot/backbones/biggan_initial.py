"""What the kernels of BigGAN and BigGAN-deep begin as, and how their layers are normalised."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

EPSILON = 1e-4
_blank: contextvars.ContextVar[bool] = contextvars.ContextVar("blank", default=False)


@contextlib.contextmanager
def blank_weights() -> Iterator[None]:
    """New networks of the family begin with kernels of whatever is in memory inside this.

    For whoever assigns every weight: drawing 80 million numbers first takes seconds.
    """
    token = _blank.set(True)
    try:
        yield
    finally:
        _blank.reset(token)


class _Untouched(keras.initializers.Initializer):
    """Memory as it is: what is replaced need not be written, which takes as long as reading."""

    def __call__(self, shape, dtype=None):
        return tf.raw_ops.Empty(shape=shape, dtype=dtype or "float32", init=False)


def initializer() -> keras.Initializer:
    """Of every kernel and every table."""
    if _blank.get():
        return _Untouched()
    return keras.initializers.RandomNormal(stddev=0.02)


def spectral() -> dict[str, Any]:
    """Arguments of the family's layers with spectral normalisation."""
    return {"epsilon": EPSILON, "inside": True, "kernel_initializer": initializer()}
