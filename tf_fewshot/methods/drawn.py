"""The latents of one step of training."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ..backbones import GAN


@dataclasses.dataclass(frozen=True)
class DrawnLatents:
    """The latents of one step.

    Attributes:
        values: float32 ``[N, dim]`` as the generator gets them.
        clean: The same before noise was added.
        free: Whether they live in the free space of the GAN (``gan.synthesize``)
            or are ``z`` (``gan.generator``).
        anchored: How many of the first rows lie near anchors.
        targets: float32 ``[N, H, W, C]``, the pictures that they stand for, where these are
            not those of the step.
    """

    values: tf.Tensor
    clean: tf.Tensor
    free: bool
    anchored: int = 0
    targets: tf.Tensor | None = None

    def images(self, gan: GAN, label=None) -> tf.Tensor:
        """Returns the generator's images of these latents, as it generates them in training.

        Args:
            gan: The GAN that is trained.
            label: int ``[N]``, for class-conditional GANs only.

        Returns:
            float32 ``[N, H, W, C]``, nominally in [-1, 1].
        """
        if self.free:
            return gan.synthesize(self.values, label)
        k = self.anchored
        if not k:
            return gan.generator(self.values, label, training=True)
        # As they are sampled: styles that are mixed would lead away from the anchor.
        first, rest = (None, None) if label is None else (label[:k], label[k:])
        near = gan.generate(self.values[:k], first, noise="random")
        return tf.concat([near, gan.generator(self.values[k:], rest, training=True)], 0)


@dataclasses.dataclass(frozen=True)
class Generated:
    """What the generator made of the latents of one step.

    Attributes:
        drawn: The latents.
        images: float32 ``[N, H, W, C]``, as the players of the step are shown them.
    """

    drawn: DrawnLatents
    images: tf.Tensor

    def detached(self) -> Generated:
        """Returns the same without gradients of the images."""
        return dataclasses.replace(self, images=tf.stop_gradient(self.images))
