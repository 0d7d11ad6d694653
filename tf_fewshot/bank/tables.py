"""The weights of all domains, a row each, and what of them the rows of a batch get."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Table:
    """One weight of those domains that have their own.

    Attributes:
        rows: float32 ``[1 + K, *shape]``, a ``tf.Variable``: zeros, then one for each.
        place: int32 ``[D]``: the row of each domain, 0 if it has none.
    """

    rows: Any
    place: np.ndarray

    @classmethod
    def of(cls, path: str, values: Sequence[np.ndarray | None]) -> Table:
        """Returns the table of values by domain, None where a domain has none of its own."""
        own = [value for value in values if value is not None]
        rows = np.stack([np.zeros_like(own[0]), *own])
        has = np.array([value is not None for value in values])
        place = np.where(has, np.cumsum(has), 0).astype(np.int32)
        return cls(tf.Variable(rows, trainable=False, name=path.replace("/", ".")), place)

    def chosen(self, domains: Any) -> tuple[Any, Any]:
        """Values and share of rows of a batch that are each of one domain, int32 ``[N]``."""
        place = tf.gather(self.place, domains)
        return tf.gather(self.rows, place), tf.cast(place > 0, tf.float32)

    def mixed(self, weights: Any) -> tuple[Any, Any]:
        """Values and share of rows of a batch that are of several domains, float32 ``[N, D]``."""
        having = np.flatnonzero(self.place)
        weights = tf.gather(weights, having, axis=1)
        flat = tf.reshape(self.rows[1:], [len(having), -1])
        values = tf.reshape(tf.matmul(weights, flat), [-1, *self.rows.shape[1:]])
        return values, tf.reduce_sum(weights, 1)
