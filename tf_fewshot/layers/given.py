"""Layers whose weights can be given while a network is built, rather than assigned after it.

A large network is built in the time that its variables take to be made. Drawing values first
that are replaced, and assigning others to each variable, doubles that.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import keras

Give = Callable[[str, Any], Any]
_give: contextvars.ContextVar[Give | None] = contextvars.ContextVar("give", default=None)


@contextlib.contextmanager
def given_weights(give: Give) -> Iterator[None]:
    """Inside this, new :class:`GivenWeights` layers begin with weights that ``give`` chooses.

    Args:
        give: Called with the path of a weight, such as "generator/G_linear/kernel", and the
            initializer that the layer has for it; returns the one to take. An initializer
            is called with the shape, and the dtype by name.
    """
    token = _give.set(give)
    try:
        yield
    finally:
        _give.reset(token)


class GivenWeights(keras.layers.Layer):
    """A layer that :func:`given_weights` reaches."""

    def add_weight(self, shape=None, initializer=None, **kwargs):
        give = _give.get()
        if give is not None:
            initializer = give(f"{self.path}/{kwargs['name']}", initializer)
        return super().add_weight(shape=shape, initializer=initializer, **kwargs)
