"""Graphs in which variables are updated after all that looks at them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

_OPTION = "dependency_optimization"


@contextlib.contextmanager
def updates_stay_in_order() -> Iterator[None]:
    """Lets what is called first in here keep every edge that puts an update after a reading.

    TensorFlow 2.21's graph optimizer drops some of those edges as it thins out dependencies: a
    step then computes now and then with weights that it has already updated, which of them depends
    on the time that operations take, and two runs of one seed are not the same.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OPTION, True)
    tf.config.optimizer.set_experimental_options({_OPTION: False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})
