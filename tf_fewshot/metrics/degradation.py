"""Blur and JPEG, as pictures have them that came a long way.

Source: Wang et al., "CNN-Generated Images Are Surprisingly Easy to Spot… for Now" (CVPR 2020),
section 3.2: what a detector learns from such pictures it finds in those of other generators, too.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

PROBABILITY = 0.5
MOST_BLUR = 3.0
"""The greatest standard deviation of the Gaussian, in pixels."""
QUALITIES = (30, 100)
"""The lowest and the highest quality of JPEG."""


def degraded(
    images: np.ndarray, seed, blur: float = PROBABILITY, jpeg: float = PROBABILITY
) -> np.ndarray:
    """Blurs some of the pictures, and some it compresses.

    A picture is blurred by a Gaussian of a standard deviation ~ U[0, 3] pixels, and then goes
    through JPEG of a quality ~ U{30, …, 100}; whether either is done is drawn by itself.

    Args:
        images: uint8 ``[N, H, W, 3]``.
        seed: What NumPy takes for one: the same seed does the same to the same pictures.
        blur: Probability of the one.
        jpeg: Probability of the other.

    Returns:
        Other pictures of the same shape, uint8.
    """
    rng, count = np.random.default_rng(seed), len(images)
    blurred, compressed = rng.random(count) < blur, rng.random(count) < jpeg
    sigmas = rng.uniform(0.0, MOST_BLUR, count)
    qualities = rng.integers(QUALITIES[0], QUALITIES[1] + 1, count)
    result = np.array(images, np.uint8)
    for i in np.flatnonzero(blurred):
        smooth = gaussian_filter(result[i].astype(np.float32), (sigmas[i], sigmas[i], 0.0))
        result[i] = np.rint(smooth)
    for i in np.flatnonzero(compressed):
        result[i] = _through_jpeg(result[i], int(qualities[i]))
    return result


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))
