"""Distance consistency against a NumPy version of its definition, and what it looks at."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.losses.consistency import distance_consistency, log_likeness


def numpy_likeness(features):
    flat = features.reshape(len(features), -1).astype(np.float64)
    rows = []
    for i in range(len(flat)):
        values = [
            flat[i] @ flat[j] / np.linalg.norm(flat[i]) / np.linalg.norm(flat[j])
            for j in range(len(flat))
            if j != i
        ]
        rows.append(np.exp(values) / np.exp(values).sum())
    return np.array(rows)


def test_likeness_is_the_softmax_of_cosines_to_the_others():
    features = np.random.default_rng(0).standard_normal((5, 2, 3, 4)).astype(np.float32)
    likeness = np.exp(log_likeness(tf.constant(features)))
    assert likeness.shape == (5, 4)
    np.testing.assert_allclose(likeness, numpy_likeness(features), rtol=1e-5)


def test_distance_consistency_is_the_divergence_of_likenesses():
    rng = np.random.default_rng(1)
    shapes = [(4, 2, 2, 8), (4, 4, 4, 3)]
    source, adapted = (
        [rng.standard_normal(s).astype(np.float32) for s in shapes] for _ in range(2)
    )
    expected = []
    for one, other in zip(source, adapted, strict=True):
        p, q = numpy_likeness(one), numpy_likeness(other)
        expected.append((p * np.log(p / q)).sum(1).mean() / 3)
    divergence = distance_consistency(source, adapted)
    np.testing.assert_allclose(divergence, np.mean(expected), rtol=1e-4)
    assert float(distance_consistency(source, source)) == pytest.approx(0.0, abs=1e-7)
    # A scale common to all latents does not count.
    scaled = [3.0 * f for f in source]
    assert float(distance_consistency(source, scaled)) == pytest.approx(0.0, abs=1e-6)


def test_activations_run_from_latents_to_images(tiny_gan):
    z = tiny_gan.sample_latents(3, seed=0)
    features = tiny_gan.generator_features(z)
    sizes = [f.shape[1] for f in features]
    # Inner layers of StyleGAN3 have margins, which the last ones crop.
    margins = 2 * tiny_gan.config.get("margin", 0)
    assert [min(s, sizes[-1]) for s in sizes] == sorted(min(s, sizes[-1]) for s in sizes)
    assert max(sizes) <= sizes[-1] + margins
    assert all(f.shape[0] == 3 for f in features)
    np.testing.assert_array_equal(features[-1], tiny_gan.generate(z))
    if tiny_gan.discriminator is None:
        return
    judged = tiny_gan.discriminator_features(features[-1])
    assert len(judged) == len(tiny_gan.discriminator_stages()) - 1
    sizes = [f.shape[1] for f in judged]
    assert sizes == sorted(sizes, reverse=True)
