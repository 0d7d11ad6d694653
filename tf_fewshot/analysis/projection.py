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
from ..backbones.extensions import Point
from ..backbones.sampling import images_of
from ..compat.gradients import let_graph_be_freed
from ..data.augment import to_float
from ..errors import UserError
from ..features import lpips
from ..metrics.embeddings import Embeddings, distances
from .free import images_of_free, projectable
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
        free: Free latents, float32 ``[N, free_latent_dim]``, of :func:`~.free.projectable`.
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
        UserError: if pictures have another size, there are no steps or samples, or finished
            pictures are changed, which no latent can be led through.
    """
    if pictures.shape[1:] != gan.image_shape:
        raise UserError(
            f"Pictures have the shape {list(pictures.shape[1:])}, and the generator draws "
            f"{list(gan.image_shape)}: bring them to its size and channels."
        )
    if steps < 1 or samples < 1:
        raise UserError(f"A projection has 1 step and 1 sample or more, not {steps}, {samples}.")
    for extension in gan.extensions:
        if extension.point is Point.IMAGES:
            raise UserError(
                f"This {gan.architecture} changes finished pictures ({extension.words}): nothing "
                "can be projected into it. Project into its source."
            )
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

    known = Embeddings(embed, pictures)
    away = distances(known, Embeddings(embed, drawn))
    chosen = away.argmin(1)
    some = None if classes is None else tf.constant(classes[chosen])
    free = np.asarray(gan.drawn_latents(tf.constant(z[chosen]), some), np.float32)
    parts = []
    for start in range(0, len(pictures), _BATCH):
        part = slice(start, start + _BATCH)
        parts.append(
            _optimised(
                inside,
                pictures[part],
                known[part],
                free[part],
                None if some is None else some[part],
                steps,
                lambda step, n, done=start: progress(
                    "projection", done * steps + step * n, len(pictures) * steps
                ),
            )
        )
    found = np.concatenate(parts)
    labels = None if classes is None else classes[chosen]
    images = images_of_free(inside, found, labels)
    reached = np.square(embed(to_float(images)) - known[:]).sum(1)
    nearest = away[np.arange(len(away)), chosen]
    return Projection(found, labels, images, reached, nearest, samples)


def _optimised(gan: GAN, pictures, embedded, free, labels, steps: int, told) -> np.ndarray:
    """Returns the best latents of each picture, whose embedding is known, on the way of Adam."""
    net = lpips("alex")
    targets, wanted = tf.constant(to_float(pictures)), tf.constant(embedded)
    latents = keras.Variable(free, name="latents")
    best = keras.Variable(free, name="best")
    least = keras.Variable(np.full(len(free), np.inf, np.float32), name="least")
    # Faster at first, slower to the end, as the projection of StyleGAN2 goes.
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps, alpha=0.05)
    adam = keras.optimizers.Adam(rate, beta_1=0.9, beta_2=0.99)
    adam.build([latents])

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents.value)
            images = _clipped(gan.synthesize(latents.value, labels))
            shown = net.embedding(_enlarged(images))
            distance = tf.reduce_sum(tf.square(shown - wanted), 1)
            pixels = tf.reduce_mean(tf.abs(images - targets), [1, 2, 3])
            loss = distance + _PIXELS * pixels
            total = tf.reduce_sum(loss + _PRIOR * tf.reduce_mean(tf.square(latents.value), 1))
        better = loss < least.value
        best.assign(tf.where(better[:, None], latents.value, best.value))
        least.assign(tf.where(better, loss, least.value))
        adam.apply([tape.gradient(total, latents.value)], [latents])
        let_graph_be_freed()

    for number in range(1, steps + 1):
        step()
        told(number, len(free))
    return best.numpy()


def _clipped(images):
    """Clips images as they are drawn; what lies outside still feels where it is pulled."""
    return images + tf.stop_gradient(tf.clip_by_value(images, -1.0, 1.0) - images)


def _enlarged(images):
    height, width = (max(side, LEAST_SIZE) for side in images.shape[1:3])
    if (height, width) == tuple(images.shape[1:3]):
        return images
    return tf.image.resize(images, [height, width])
