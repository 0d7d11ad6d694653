"""The latent of a real picture, found by optimisation.

Source: Abdal et al., "Image2StyleGAN" (ICCV 2019), section 4: LPIPS and pixels, by Adam, among the
styles of every layer; where a generator has none, among its latents.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import GaussianOfLatents
from ..backbones.sampling import images_of, quantised
from ..errors import UserError
from ..features import lpips
from ..metrics.embeddings import Embeddings, distances
from .progress import Progress, quiet

LEAST_SIZE = 64
"""Pixels to which smaller pictures are enlarged before LPIPS looks at them."""
_PIXELS = 0.5  # weight of the mean absolute difference of pixels
_PRIOR = 0.002  # and of the mean square of free latents, whose prior is N(0, 1)
_RATE = 0.1
_BATCH = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Pictures in a generator.

    Attributes:
        free: Free latents, float32 ``[N, free_latent_dim]``, of :func:`projectable`.
        labels: Classes int32 ``[N]``; None without classes.
        images: uint8 ``[N, H, W, 3]``, what the generator draws for them.
        lpips: float32 ``[N]``, the distance of these from the pictures.
        nearest: float32 ``[N]``, the distance of the nearest of the samples that it began from.
        samples: How many these were.
    """

    free: np.ndarray
    labels: np.ndarray | None
    images: np.ndarray
    lpips: np.ndarray
    nearest: np.ndarray
    samples: int


def projectable(gan: GAN, of: GAN | None = None) -> GAN:
    """Returns a copy that draws free latents as they are, without a Gaussian of latents.

    Args:
        gan: The generator.
        of: Another one of its source, in whose free space latents are given.
    """
    kept = [e for e in gan.extensions if not isinstance(e, GaussianOfLatents)]
    copy = gan.rebuild(extensions=kept)
    copy.share_free_space(gan if of is None else of)
    return copy


def project(
    gan: GAN,
    pictures: np.ndarray,
    steps: int = 100,
    samples: int = 100,
    seed: int = 0,
    label: int | None = None,
    progress: Progress = quiet,
) -> Projection:
    """Finds the latents whose images are nearest to pictures.

    It begins at the nearest of some samples, and keeps the best latents on the way.

    Args:
        gan: The generator.
        pictures: uint8 ``[N, H, W, 3]`` of the generator's size.
        steps: Of Adam; each is one pass through the generator and back for each picture.
        samples: Samples to begin from; each is one pass.
        seed: Of these.
        label: The class to project into; None takes that of the nearest sample.
        progress: Told how far the work is.

    Raises:
        UserError: if pictures have another size, or there are no steps or samples.
    """
    if pictures.shape[1:] != gan.image_shape:
        raise UserError(
            f"Pictures have the shape {list(pictures.shape[1:])}, and the generator draws "
            f"{list(gan.image_shape)}: resize them."
        )
    if steps < 1 or samples < 1:
        raise UserError(f"A projection has 1 step and 1 sample or more, not {steps}, {samples}.")
    inside = projectable(gan)
    z = gan.sample_latents(samples, seed)
    classes = None
    if gan.num_classes:
        classes = np.arange(samples, dtype=np.int32) % gan.num_classes
        if label is not None:
            classes[:] = label
    drawn = images_of(gan, z, labels=classes)
    net = lpips("alex")

    def embed(images: np.ndarray) -> np.ndarray:
        return net.embed(_enlarged(tf.constant(images)).numpy())

    away = distances(Embeddings(embed, pictures), Embeddings(embed, drawn))
    chosen = away.argmin(1)
    some = None if classes is None else tf.constant(classes[chosen])
    free = np.asarray(gan.drawn_latents(tf.constant(z[chosen]), some), np.float32)
    parts = []
    for start in range(0, len(pictures), _BATCH):
        part = slice(start, start + _BATCH)
        labels = None if classes is None else classes[chosen[part]]
        parts.append(
            _optimised(
                inside,
                pictures[part],
                free[part],
                labels,
                steps,
                lambda step, n, done=start: progress(
                    "projection", done * steps + step * n, len(pictures) * steps
                ),
            )
        )
    found = np.concatenate(parts)
    labels = None if classes is None else classes[chosen]
    images = images_of_free(inside, found, labels)
    shown = [embed(_floats(some)) for some in (images, pictures)]
    reached = np.square(shown[0] - shown[1]).sum(1)
    nearest = away[np.arange(len(away)), chosen]
    return Projection(found, labels, images, reached, nearest, samples)


def images_of_free(
    gan: GAN, free: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 32
) -> np.ndarray:
    """Draws the uint8 pictures ``[N, H, W, 3]`` of free latents in a :func:`projectable` copy.

    Args:
        gan: That copy.
        free: float32 ``[N, free_latent_dim]``.
        labels: Classes int ``[N]``, where there are classes.
        batch_size: Pictures at a time.
    """
    parts = []
    for start in range(0, len(free), batch_size):
        part = slice(start, start + batch_size)
        some = None if labels is None or not gan.num_classes else tf.constant(labels[part])
        parts.append(quantised(gan.synthesize(tf.constant(free[part]), some)).numpy())
    return np.concatenate(parts)


def _optimised(gan: GAN, pictures, free, labels, steps: int, told) -> np.ndarray:
    """Returns the best latents of each picture on the way of Adam."""
    net = lpips("alex")
    targets = tf.constant(_floats(pictures))
    wanted = _enlarged(targets)
    some = None if labels is None else tf.constant(labels)
    latents = keras.Variable(free, name="latents")
    best = keras.Variable(free, name="best")
    least = keras.Variable(np.full(len(free), np.inf, np.float32), name="least")
    # Faster at first, slower to the end, as the projection of StyleGAN2 goes.
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps, alpha=0.05)
    adam = keras.optimizers.Adam(rate, beta_1=0.9, beta_2=0.99)
    adam.build([latents])

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents.value)
            images = gan.synthesize(latents.value, some)
            distance = net(_enlarged(images), wanted)
            pixels = tf.reduce_mean(tf.abs(images - targets), [1, 2, 3])
            loss = distance + _PIXELS * pixels
            total = tf.reduce_sum(loss + _PRIOR * tf.reduce_mean(tf.square(latents.value), 1))
        better = loss < least.value
        best.assign(tf.where(better[:, None], latents.value, best.value))
        least.assign(tf.where(better, loss, least.value))
        adam.apply([tape.gradient(total, latents.value)], [latents])

    for number in range(1, steps + 1):
        step()
        told(number, len(free))
    return best.numpy()


def _floats(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 127.5 - 1.0


def _enlarged(images):
    height, width = (max(side, LEAST_SIZE) for side in images.shape[1:3])
    if (height, width) == tuple(images.shape[1:3]):
        return images
    return tf.image.resize(images, [height, width])
