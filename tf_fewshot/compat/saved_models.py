"""Where a SavedModel keeps what is not its graph, and loaders that tell less of themselves.

Light, as a server needs no more of this package to begin.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

METADATA = Path("assets.extra", "tf_fewshot.json")
WARMUP = Path("assets.extra", "tf_serving_warmup_requests")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps TensorFlow's logger from telling about its own deprecated loaders and progress."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
