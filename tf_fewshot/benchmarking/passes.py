"""The passes through networks that analyses must do, alone.

They are what no implementation can leave out: the generator's for each picture that is shown or
measured, a feature network's for each that is compared, and gradients where an analysis is one of
gradients, in batches as there. Sums, distances, optimizers and files are left away.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from ..analysis import Subject
from ..analysis.projection import LEAST_SIZE
from ..analysis.selection import LAYERS, SIZE
from ..analysis.truncation import usual_truncations
from ..data import Pictures
from ..data.augment import to_float
from ..features import VGG16Features, extractor, lpips
from ..losses.fisher import discriminator_likelihood, pixel_likelihood
from ..metrics.features import extract
from .scene import Scene

_LATENTS = 64  # of which statistics are means
_COMPANIONS = 3  # images that a discriminator sees beside the one whose gradient is taken


def of_statistics(scene: Scene) -> object:
    """Scale and shift of every latent and class, or of the source and its like."""
    gan = scene.source.gan
    z = gan.sample_latents(_LATENTS, 0)
    if not gan.num_classes:
        return [gan.own_scale_shift(z, None) for _ in range(2)]
    labels = np.repeat(np.arange(gan.num_classes, dtype=np.int32), len(z))
    return gan.own_scale_shift(np.tile(z, (gan.num_classes, 1)), labels)


def of_rates(scene: Scene) -> object:
    return scene.adapted.sample(scene.amounts.rates)


def of_fisher(scene: Scene) -> object:
    """The gradient of each sample's likelihood."""
    gan = scene.source.gan.with_one_class()
    weights = [v.value for v in gan.generator.trainable_weights]

    def images(z):
        return tf.clip_by_value(gan.generator(z), -1.0, 1.0)

    if gan.discriminator is None:
        loss = pixel_likelihood(images)
    else:
        others = images(tf.constant(gan.sample_latents(_COMPANIONS, 1)))
        loss = discriminator_likelihood(images, gan.discriminator, others)

    @tf.function
    def gradients(z):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            value = tf.reduce_mean(loss(z))
        return tape.gradient(value, weights, unconnected_gradients="zero")

    z = gan.sample_latents(scene.amounts.rates, 0)
    return [gradients(tf.constant(one[None]))[-1].numpy() for one in z]


def of_ways(scene: Scene) -> object:
    return scene.source.of_one_class().sample((scene.amounts.ends - 1) * scene.amounts.frames)


def of_morphs(scene: Scene) -> object:
    """The ends as each domain draws them, and what is between as one of them draws it."""
    start, end = scene.domains
    between = dataclasses.replace(start, gan=start.gan.clone())
    z = start.gan.sample_latents(scene.amounts.ends - 1, 0)
    frames = [between] * (scene.amounts.frames - 2)
    return [subject.images_of(z) for subject in (start, *frames, end)]


def of_correspondence(scene: Scene) -> object:
    return _of_both(scene, scene.amounts.shown)


def of_pairs(scene: Scene) -> object:
    return _of_both(scene, scene.amounts.pairs)


def _of_both(scene: Scene, count: int) -> list[np.ndarray]:
    return [subject.sample(count) for subject in (scene.source, scene.adapted)]


def of_projection(scene: Scene) -> object:
    """Samples, the gradients of each step, and what is reached, all seen by LPIPS."""
    amounts, gan, net = scene.amounts, scene.source.gan, lpips("alex")
    pictures = scene.noise[: amounts.shown]
    begun = scene.source.sample(amounts.begun)
    wanted, _ = (net.embed(_enlarged(to_float(images)).numpy()) for images in (pictures, begun))
    labels = tf.zeros([len(pictures)], tf.int32) if gan.num_classes else None
    z = tf.constant(gan.sample_latents(len(pictures), 0))
    free = tf.constant(gan.drawn_latents(z, labels))

    @tf.function
    def gradient(latents):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents)
            shown = net.embedding(_enlarged(gan.synthesize(latents, labels)))
            loss = tf.reduce_sum(tf.square(shown - wanted))
        return tape.gradient(loss, latents)

    for _ in range(amounts.steps):
        gradient(free).numpy()
    return net.embed(_enlarged(gan.synthesize(free, labels)).numpy())


def _enlarged(images: Any) -> tf.Tensor:
    sides = [max(side, LEAST_SIZE) for side in images.shape[1:3]]
    return tf.image.resize(tf.convert_to_tensor(images), sides)


def of_truncation(scene: Scene) -> object:
    """Samples at each truncation, and their features; those of real pictures are kept."""
    judge, count = extractor("efficientnet_lite0"), scene.amounts.judged
    sweep = usual_truncations(scene.source.gan)
    sets = (Subject("source", scene.source.gan, t).sample(count) for t in sweep)
    return [extract(judge, images) for images in sets]


def of_neighbours(scene: Scene) -> object:
    samples = scene.source.sample(scene.amounts.judged)
    sets = (samples, scene.training.images, scene.unseen.images)
    return [lpips("alex").embed(to_float(images)) for images in sets]


def of_selection(scene: Scene) -> object:
    network = VGG16Features(LAYERS)
    images = Pictures(scene.noise[: scene.amounts.folder]).resized((SIZE, SIZE)).images
    parts = [tf.constant(to_float(images[i : i + 32])) for i in range(0, len(images), 32)]
    return [network(part)[-1].numpy() for part in parts]
