"""What a network is told of latents that stand for choices.

A program that draws pictures from random choices (which of n variants of a part, where, how
large) draws very different pictures at latents that lie side by side, where one choice gives way
to another. A network of a few dense layers takes long to learn where that is; here it is given.
Learning what each choice looks like from its picture is after Dosovitskiy et al., "Learning to
Generate Chairs with Convolutional Neural Networks" (CVPR 2015), whose networks are told the
choices themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import scipy.special
import tensorflow as tf

from ..choices import Choices

# Between how many points of a quantile what is told is interpolated.
KNOTS = 8
# Components that differ by more than a few hundredths stand for one variant, not for both.
_SHARPNESS = 20.0
# Below every component that is drawn.
_NO_THRESHOLD = -1e9
# Adam moves every row as far as every kernel, but each is of few pictures.
_LRMUL = 5.0


@keras.saving.register_keras_serializable("tf_fewshot")
class ChoiceMap(keras.layers.Layer):
    """Adds up the rows of what latents choose.

    The components of a slot go through a sharp softmax, so that the largest stands for its
    variant, and between two that are alike there is a short way from one to the other. A single
    component is taken as a quantile of N(0, 1), and interpolated linearly between its knots; one
    with a threshold has two rows instead, one below and one above, with as short a way between.
    Each class has rows of its own for those that count in it, all float32.

    Args:
        choices: What components stand for; or its settings by name.
        units: Size of a row.
        classes: How many classes labels tell apart; 0 where one set of rows serves all.

    Input: latents ``[N, choices.size or more]`` and int labels ``[N]``, which are not looked at
    without classes. Output: float32 ``[N, units]``.
    """

    def __init__(
        self, choices: Choices | Mapping[str, Any], units: int, classes: int = 0, **kwargs
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.choices = choices if isinstance(choices, Choices) else Choices(**choices)
        self.units, self.classes = units, classes
        self._counts = self._counting()
        self._thresholds = None
        if np.any(self.choices.choice_thresholds):
            quantiles = np.asarray(self.choices.choice_thresholds, np.float64)
            components = np.maximum(scipy.special.ndtri(quantiles), _NO_THRESHOLD)
            self._thresholds = components.astype(np.float32)

    def build(self, input_shape=None):
        del input_shape
        # Without labels each feature has its row, so that there is one shape for all such.
        rows = int(self._counts.sum()) if self.classes else self._counts.shape[1]
        self.rows = self.add_weight(
            shape=(rows, self.units),
            name="rows",
            initializer=keras.initializers.RandomNormal(stddev=0.3 / _LRMUL),
        )

    def call(self, z, label=None):
        features = self._features(tf.cast(z, tf.float32), label)
        rows = _LRMUL * tf.convert_to_tensor(self.rows)
        if not self.classes:
            return tf.matmul(features, rows)
        places = tf.gather(self._places(), label)
        batch = tf.broadcast_to(tf.range(tf.shape(places)[0])[:, None], tf.shape(places))
        count = tf.shape(rows)[0]
        shape = tf.stack([tf.shape(places)[0], count + 1])
        # What does not count is put beside the rows: ONNX keeps the last of what it puts in one
        # place, where TensorFlow adds it up.
        spread = tf.scatter_nd(tf.stack([batch, places], -1), features, shape)
        return tf.matmul(spread[:, :count], rows)

    def _features(self, z, label):
        """Features ``[N, F]``, which are 0 where they do not count."""
        counts = self._counts[0][None]
        if self.classes:
            counts = tf.gather(self._counts, label)
        parts, single = [tf.ones_like(z[:, :1])], self.choices.choice_quantiles
        *firsts, end = self.choices.first
        for first, size in zip(firsts, self.choices.choice_slots, strict=True):
            logits = _SHARPNESS * z[:, first : first + size]
            # A slot none of whose components counts is cut out below.
            logits = tf.where(counts[:, 1 + first : 1 + first + size], logits, -1e9)
            parts.append(tf.nn.softmax(logits))
        of_single = z[:, end : end + single]
        position = (KNOTS - 1) * _cumulative(of_single)
        if self._thresholds is not None:
            threshold = self._thresholds[:1]
            if self.classes:
                threshold = tf.gather(self._thresholds, label)
            above = tf.sigmoid(_SHARPNESS * (of_single - threshold))
            position = tf.where(threshold > _NO_THRESHOLD, above, position)
        hats = tf.nn.relu(1.0 - tf.abs(position[..., None] - np.arange(KNOTS, dtype=np.float32)))
        parts.append(tf.reshape(hats, [-1, KNOTS * single]))
        return tf.where(counts, tf.concat(parts, 1), 0.0)

    def _counting(self) -> np.ndarray:
        """Which features count, bool ``[classes or 1, features]``.

        Features are a constant, the components of slots, and the knots of each single component.
        """
        choices, rows = self.choices, max(self.classes, 1)
        every = [[*choices.choice_slots, choices.choice_quantiles]] * rows
        *firsts, end = choices.first
        counts = np.zeros((rows, 1 + end + KNOTS * choices.choice_quantiles), bool)
        counts[:, 0] = True
        for row, numbers in zip(counts, choices.choice_variants or every, strict=True):
            *of_slots, single = numbers
            for first, number in zip(firsts, of_slots, strict=True):
                row[1 + first : 1 + first + number] = True
            row[1 + end : 1 + end + KNOTS * single] = True
        counts[:, 1 + end :] &= ~self._unneeded()
        return counts

    def _unneeded(self) -> np.ndarray:
        """The knots of single components behind the two of those with a threshold, as bool."""
        single, rows = self.choices.choice_quantiles, max(self.classes, 1)
        thresholds = np.zeros((rows, single))
        if self.choices.choice_thresholds:
            thresholds = np.asarray(self.choices.choice_thresholds)
        behind = (thresholds[..., None] > 0) & (np.arange(KNOTS) > 1)
        return behind.reshape(rows, KNOTS * single)

    def _places(self) -> np.ndarray:
        """The row of each feature of each class, int32 ``[classes, F]``; behind the last row
        if it does not count.
        """
        places = np.cumsum(self._counts).reshape(self._counts.shape) - 1
        return np.where(self._counts, places, self._counts.sum()).astype(np.int32)

    def table(self) -> np.ndarray:
        """The rows of all features of all classes, ``[classes, F, units]``; 0 where none is.

        Behind the two knots of a component with a threshold the second goes on.
        """
        table = np.zeros((*self._counts.shape, self.units), np.float32)
        table[self._counts] = self.rows.numpy()
        end = 1 + sum(self.choices.choice_slots)
        knots = table[:, end:].reshape(len(table), -1, KNOTS, self.units)
        behind = self._unneeded().reshape(knots.shape[:3])
        knots[behind] = np.broadcast_to(knots[:, :, 1:2], knots.shape)[behind]
        return table

    def get_config(self) -> dict:
        mine = {"choices": self.choices.settings(), "units": self.units, "classes": self.classes}
        return {**super().get_config(), **mine}


def _cumulative(x):
    """The distribution function of N(0, 1)."""
    return 0.5 * (1.0 + tf.math.erf(x / np.float32(np.sqrt(2.0))))
