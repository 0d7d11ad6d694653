"""Which class of a source is most like the pictures of a new domain."""

from __future__ import annotations

import numpy as np

from ..backbones import GAN
from ..data.pictures import Pictures
from ..features import lpips
from ..losses.perceptual import enlarged

# Samples of all classes together: of a 64-pixel BigGAN they take some seconds.
_SAMPLES = 400
_OF_A_CLASS = 16
_PICTURES = 32
# By source and pictures: trials of a comparison all ask the same.
_ranked: dict[tuple[str, str], list[tuple[int, float]]] = {}


def nearest_classes(gan: GAN, pictures: Pictures) -> list[tuple[int, float]]:
    """Returns the classes of a source by how far its samples are from pictures, nearest first.

    The distance is the mean over pictures of LPIPS (AlexNet) to the nearest of a class's samples,
    of which all classes have as many, from the same latents. It is computed once a process.

    Args:
        gan: A GAN with classes.
        pictures: Of its size; the first 32 of them are looked at.

    Returns:
        Number and distance of each class.
    """
    key = (gan.fingerprint(), pictures.fingerprint())
    if key not in _ranked:
        _ranked[key] = _measured(gan, pictures.images[:_PICTURES])
    return list(_ranked[key])


def _measured(gan: GAN, pictures: np.ndarray) -> list[tuple[int, float]]:
    count = int(np.clip(_SAMPLES // gan.num_classes, 2, _OF_A_CLASS))
    z = gan.sample_latents(count, seed=0)
    wanted = _embedded(pictures / np.float32(127.5) - 1.0)
    distances = []
    for label in range(gan.num_classes):
        drawn = _embedded(np.clip(gan.generate(z, np.full(count, label)), -1.0, 1.0))
        squares = np.square(wanted).sum(1)[:, None] + np.square(drawn).sum(1)[None]
        nearest = (squares - 2.0 * wanted @ drawn.T).min(1)
        distances.append((label, float(nearest.mean())))
    return sorted(distances, key=lambda pair: pair[1])


def _embedded(images: np.ndarray) -> np.ndarray:
    """LPIPS's vectors of images ``[N, H, W, 3]`` in [-1, 1]."""
    return lpips("alex").embed(np.asarray(enlarged(images)))
