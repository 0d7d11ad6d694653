"""The devices that compute a step together: one, those of this machine, or those of several.

Variables are those of one device, whatever computes: each replica reads copies of them, and what
it would change comes back as values. So optimizers, averages, callbacks, checkpoints and samples
are those of one device, too. Keras's own way, ``optimizer.apply`` in every replica, would clip the
gradients of each replica before they are summed, and has neither averages of weights nor
accumulated gradients under a ``MirroredStrategy``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..errors import UserError


class Devices:
    """One device: everything is computed where TensorFlow computes by itself.

    Attributes:
        count: How many replicas compute a step together.
        workers: How many processes they are in.
        chief: Whether this process is the one that writes.
        memories: How many memories of their own the replicas of this process have.
        said: Which devices they are, in a sentence.
    """

    count = 1
    memories = 1
    workers = 1
    chief = True

    @property
    def said(self) -> str:
        gpus = tf.config.list_logical_devices("GPU")
        return f"Device: {short_name(gpus[0].name) if gpus else 'CPU'}."

    def check(self, batch_size: int) -> None:
        """Raises a UserError if batches of this size cannot be shared evenly."""

    def fed(self, images: np.ndarray) -> Any:
        """Returns uint8 pictures ``[B, H, W, C]`` as :meth:`run` takes them."""
        return images

    def run(
        self,
        function: Callable[[int, Any], tuple[Any, list[tf.Tensor]]],
        images: Any,
        variables: Sequence[keras.Variable],
    ) -> tuple[Any, list[tf.Tensor]]:
        """Computes a part of a step in every replica, in the graph that is being traced.

        Args:
            function: From the replica's number and the pictures of the batch to numbers that are
                alike in all replicas, and gradients, of which the mean over replicas is taken.
            images: What :meth:`fed` gave.
            variables: What it may read and change.

        Returns:
            The numbers and the gradients; the variables are as it left them.
        """
        del variables
        return function(0, images)

    def agree(self, value: Any) -> Any:
        """Returns the chief's JSON value in every process."""
        return value

    def check_agreed(self, value: Any) -> None:
        """Checks that every process has the same JSON value, such as what a run is of.

        Raises:
            UserError: in all of them, if one has another.
        """

    def every(self, true: bool) -> bool:
        """Whether it is true in every process."""
        return true

    def same(self, variables: Iterable[keras.Variable]) -> None:
        """Gives the variables of every process the chief's values."""

    def check_alike(self, variables: Iterable[keras.Variable], step: int) -> None:
        """Checks that the variables of all processes are the same, bit by bit.

        Raises:
            UserError: if they are not.
        """

    def lost(self, error: Exception) -> UserError | None:
        """Returns what to say of an error that means that another process is gone, or None."""
        del error
        return None


def short_name(name: str) -> str:
    """CPU:0 of /job:worker/replica:0/task:1/device:CPU:0."""
    return name.rsplit("device:", 1)[-1]


ONE = Devices()
"""The one device that computes unless told otherwise."""
