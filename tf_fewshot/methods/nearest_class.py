"""Which class of a source is most like the pictures of a new domain."""

from __future__ import annotations

import numpy as np

from ..backbones import GAN
from ..features import ALEXNET_LEAST_SIZE, LPIPS

# Samples of all classes together: of a 64-pixel BigGAN they take some seconds.
_SAMPLES = 400
_OF_A_CLASS = 16
_AT_ONCE = 32
_PICTURES = 32


def nearest_classes(gan: GAN, pictures: np.ndarray, seed: int = 0) -> list[tuple[int, float]]:
    """Returns the classes of a source by how far its samples are from pictures, nearest first.

    The distance is the mean over pictures of LPIPS (AlexNet) to the nearest of a class's samples,
    of which all classes have as many, from the same latents.

    Args:
        gan: A GAN with classes.
        pictures: uint8 ``[N, H, W, 3]`` of its size; at most 32 of them are looked at.
        seed: Of the latents.

    Returns:
        Number and distance of each class.
    """
    count = int(np.clip(_SAMPLES // gan.num_classes, 2, _OF_A_CLASS))
    lpips, z = LPIPS("alex"), gan.sample_latents(count, seed)
    wanted = _embedded(lpips, pictures[:_PICTURES] / np.float32(127.5) - 1.0)
    distances = []
    for label in range(gan.num_classes):
        parts = [
            np.asarray(gan.generate(some, np.full(len(some), label)))
            for some in np.array_split(z, -(-count // _AT_ONCE))
        ]
        drawn = _embedded(lpips, np.clip(np.concatenate(parts), -1.0, 1.0))
        squares = np.square(wanted).sum(1)[:, None] + np.square(drawn).sum(1)[None]
        nearest = (squares - 2.0 * wanted @ drawn.T).min(1)
        distances.append((label, float(nearest.mean())))
    return sorted(distances, key=lambda pair: pair[1])


def _embedded(lpips: LPIPS, images: np.ndarray) -> np.ndarray:
    """LPIPS's vectors of images ``[N, H, W, 3]`` in [-1, 1], each pixel twice where it is small."""
    times = -(-ALEXNET_LEAST_SIZE // min(images.shape[1:3]))
    enlarged = images.repeat(times, 1).repeat(times, 2)
    return lpips.embed(enlarged.astype(np.float32))
