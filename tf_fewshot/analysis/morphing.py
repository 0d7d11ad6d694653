"""From one domain to another: weights and latents together.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics Adaptation"
(ICCV 2019), figure 14: γ, β and the latent are interpolated at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import FittedLatents, Point
from ..backbones.sampling import quantised
from ..backbones.truncation import Truncation
from ..errors import UserError
from .free import projectable
from .progress import Progress, quiet
from .subjects import Subject


def morphed(
    start: Subject,
    end: Subject,
    samples: int = 4,
    frames: int = 8,
    seed: int = 0,
    progress: Progress = quiet,
) -> np.ndarray:
    """Draws the same latents on the way from one domain to another.

    Every weight in which the two differ is interpolated, γ and β among them, and the latents in
    the free space. Classes are domains, too: subjects with labels are taken as these classes.

    Args:
        start, end: Domains of one source, or classes of it.
        samples: Number of latents.
        frames: Pictures of each, from 2 on. The first and the last are the domains' own samples,
            to the bit; styles and statistics are not truncated.
        seed: Of the latents.
        progress: Told how far the work is.

    Returns:
        uint8 ``[samples, frames, H, W, 3]``.

    Raises:
        UserError: if they are not of one source's architecture, or for fewer than two frames.
    """
    if frames < 2:
        raise UserError(f"A morph has 2 frames or more, not {frames}.")
    if start.gan.architecture != end.gan.architecture:
        raise UserError(
            f"There is no way from a {start.gan.architecture} to a {end.gan.architecture}: morph "
            "between domains of one source."
        )
    start, end = start.of_one_class(), end.of_one_class()
    z = start.gan.sample_latents(samples, seed, _of_latents(start))
    ends = [dataclasses.replace(one, truncation=None).images_of(z) for one in (start, end)]
    first, last = _alike(_plain(start), _plain(end))
    last = last.in_free_space_of(first)
    latents = [np.asarray(gan.drawn_latents(tf.constant(z))) for gan in (first, last)]
    mixed = _mixable(first, start.gan) or _mixable(last, end.gan) or projectable(first)
    pairs = list(_weights(mixed, first, last))
    synthesize = tf.function(lambda free: quantised(mixed.synthesize(free)), autograph=False)
    between = []
    progress("morphing", 2 * samples, frames * samples)
    for i, t in enumerate(np.linspace(0.0, 1.0, frames)[1:-1]):
        for variable, a, b in pairs:
            variable.assign((1.0 - t) * a + t * b)
        free = ((1.0 - t) * latents[0] + t * latents[1]).astype(np.float32)
        between.append(synthesize(tf.constant(free)).numpy())
        progress("morphing", (3 + i) * samples, frames * samples)
    return np.stack([ends[0], *between, ends[1]], axis=1)


def _of_latents(subject: Subject) -> float | None:
    return subject.truncation if Truncation.LATENTS in subject.gan.truncates else None


def _plain(subject: Subject) -> GAN:
    for extension in subject.gan.extensions:
        if extension.point is Point.IMAGES:
            raise UserError(
                f"{subject.name} changes finished pictures ({extension.words}): there is no way "
                "to it by weights."
            )
    return subject.gan.with_one_class(subject.label or 0)


def _alike(first: GAN, last: GAN) -> tuple[GAN, GAN]:
    """Returns both with the extensions of either."""
    pair = []
    for gan, other in ((first, last), (last, first)):
        alike = gan
        for extension in other.extensions:
            if alike.extension(extension.name) is None and not isinstance(extension, FittedLatents):
                alike = alike.extended(extension)
        pair.append(alike)
    return pair[0], pair[1]


def _mixable(gan: GAN, of: GAN) -> GAN | None:
    """Returns a GAN that may become the mixture, which saves building one more network.

    None if its network is that of a domain itself, or draws free latents otherwise than they are.
    """
    fitted = any(isinstance(extension, FittedLatents) for extension in gan.extensions)
    return None if fitted or gan.generator is of.generator else gan


def _weights(mixed: GAN, first: GAN, last: GAN) -> Iterable[tuple]:
    """Yields the weights in which two GANs differ, with their values in both."""
    theirs = [{v.path: v for v in gan.generator.weights} for gan in (first, last)]
    for variable in mixed.generator.weights:
        values = [known.get(variable.path) for known in theirs]
        if any(v is None or v.shape != variable.shape for v in values):
            raise UserError(
                f"There is no way from one to the other: they differ in {variable.path}. Morph "
                "between domains of one source."
            )
        # Copies: either may be what is mixed.
        a, b = (np.asarray(v).copy() for v in values)
        if np.issubdtype(a.dtype, np.floating) and a.tobytes() != b.tobytes():
            yield variable, a, b
