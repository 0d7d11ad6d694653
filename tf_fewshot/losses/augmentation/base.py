"""What augmentations of a discriminator's pictures have in common."""

from __future__ import annotations

import abc

import keras
import tensorflow as tf


class Augmentation(abc.ABC):
    """Changes pictures at random before a discriminator sees them.

    Attributes:
        state: Variables that a resumed run needs, to go on as if it had not stopped.
    """

    state: list[keras.Variable]

    @abc.abstractmethod
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Pictures of the shape of ``images``, each changed in its own way.

        Args:
            images: float32 ``[N, H, W, 3]``, nominally in [-1, 1]; gradients flow back
                to them. The result may reach beyond that range.
        """

    def observe(self, real_logits: tf.Tensor, pictures: tf.Tensor | int) -> dict[str, tf.Tensor]:
        """Takes note of what the discriminator said of real pictures; returns numbers to log.

        Args:
            real_logits: ``[M, 1]``, of those of whose whole it said something; where only
                differences from generated images mean something, these.
            pictures: How many it saw.
        """
        del real_logits, pictures
        return {}
