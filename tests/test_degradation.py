"""Blur and JPEG: what they are drawn from, and that they are what they are called."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tf_fewshot import metrics


def noise(n, size=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)


def test_degradation_is_seeded_and_leaves_its_input():
    images = noise(20)
    kept = images.copy()
    once, again, other = (metrics.degraded(images, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(images, kept)
    np.testing.assert_array_equal(once, again)
    assert once.dtype == np.uint8
    assert not np.array_equal(once, other)
    np.testing.assert_array_equal(metrics.degraded(images, 1, blur=0, jpeg=0), images)


def test_blur_is_a_gaussian_of_up_to_three_pixels():
    images, sigmas, found = noise(60, size=12), np.linspace(0, 3, 61), []
    for image, blurred in zip(images, metrics.degraded(images, 3, blur=1, jpeg=0), strict=True):
        by = [gaussian_filter(image[..., 0].astype(float), sigma) for sigma in sigmas]
        errors = [np.abs(smooth - blurred[..., 0]).mean() for smooth in by]
        assert min(errors) < 3
        found.append(sigmas[np.argmin(errors)])
    assert np.mean(found) == pytest.approx(1.5, abs=0.3)
    assert min(found) < 0.3 < 2.7 < max(found)


def test_compression_is_jpeg_of_quality_30_to_100():
    """The quality that compresses the same picture to the same one."""
    image = noise(1)[0]
    by_quality = {}
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        by_quality[np.asarray(Image.open(file)).tobytes()] = quality
    worse = metrics.degraded(np.stack([image] * 600), 3, blur=0, jpeg=1)
    found = [by_quality[picture.tobytes()] for picture in worse]
    assert set(found) == set(range(30, 101))
    assert np.mean(found) == pytest.approx(65, abs=3)


def test_half_of_the_pictures_are_blurred_and_half_compressed():
    images = noise(2000, size=8)

    def share(**probabilities):
        same = (metrics.degraded(images, 0, **probabilities) == images).all((1, 2, 3))
        return 1 - same.mean()

    assert share(blur=0) == pytest.approx(0.5, abs=0.04)
    # One in twelve blurs is of less than a quarter of a pixel, and changes nothing.
    changed = share(blur=1, jpeg=0)
    assert changed == pytest.approx(11 / 12, abs=0.04)
    assert share(jpeg=0) == pytest.approx(changed / 2, abs=0.04)
    assert share() == pytest.approx(0.5 + changed / 4, abs=0.04)
