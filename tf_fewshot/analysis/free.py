"""Pictures of free latents: those of samples, of training pictures, of projections."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import FittedLatents
from ..backbones.sampling import quantised

_BATCH = 32


def projectable(gan: GAN, of: GAN | None = None) -> GAN:
    """Returns a copy that draws free latents as they are, whatever its own are drawn by.

    Args:
        gan: The generator.
        of: Another one of its source, in whose free space latents are given.
    """
    kept = [e for e in gan.extensions if not isinstance(e, FittedLatents)]
    copy = gan.rebuild(extensions=kept)
    copy.share_free_space(gan if of is None else of)
    return copy


def images_of_free(
    gan: GAN,
    free: np.ndarray,
    labels: np.ndarray | None = None,
    finished_as: np.ndarray | None = None,
) -> np.ndarray:
    """Draws the uint8 pictures ``[N, H, W, 3]`` of free latents in a :func:`projectable` copy.

    Args:
        gan: That copy.
        free: float32 ``[N, free_latent_dim]``.
        labels: Classes int ``[N]``, where there are classes; not looked at elsewhere.
        finished_as: Latents by which extensions tell finished pictures apart, if these are not
            to be ``free``: of pictures on the way between two, those of one end.
    """
    parts = []
    for start in range(0, len(free), _BATCH):
        part = slice(start, start + _BATCH)
        some = None if labels is None or not gan.num_classes else tf.constant(labels[part])
        parts.append(quantised(gan.synthesize(tf.constant(free[part]), some)).numpy())
    return gan.finished(np.concatenate(parts), free if finished_as is None else finished_as)
