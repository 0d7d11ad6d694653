"""What the kernels of BigGAN and BigGAN-deep begin as, and how they are left blank."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from ...layers import given_weights


def blank_weights() -> AbstractContextManager[None]:
    """Inside this, what new networks of the family would draw is whatever is in memory.

    For whoever assigns every such weight: drawing 80 million numbers first takes seconds.
    """
    return given_weights(_blank)


def _blank(path: str, initializer: Any) -> Any:
    del path
    return Untouched() if isinstance(initializer, keras.initializers.RandomNormal) else initializer


class Untouched(keras.initializers.Initializer):
    """Memory as it is: what is replaced need not be written, which takes as long as reading."""

    def __call__(self, shape, dtype=None):
        return tf.raw_ops.Empty(shape=shape, dtype=dtype or "float32", init=False)


def initializer() -> keras.Initializer:
    """Returns what every kernel is drawn by."""
    return keras.initializers.RandomNormal(stddev=0.02)
