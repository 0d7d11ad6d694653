"""Latents of parts: what samples are made of, the collages, and how both reach the generator."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot.backbones import BackboneError
from tf_fewshot.data.collages import bands
from tf_fewshot.errors import UserError
from tf_fewshot.layers import LatentParts
from tf_fewshot.losses.augmentation import seeds_for
from tf_fewshot.losses.perceptual import PerceptualLoss
from tf_fewshot.methods.cells.fitted import between
from tf_fewshot.methods.cells.parts import Parts
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.step import Step

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
WANTED = PICTURES / 127.5 - 1.0


# The layer ------------------------------------------------------------------------


def layer_of(parts: int, pictures: int, size: int, dim: int):
    layer = LatentParts(parts, pictures, size, 8.0)
    layer.build((None, dim), (None, size))
    rng = np.random.default_rng(2)
    latents, origin = rng.standard_normal((parts, pictures, size)), rng.standard_normal(size)
    return layer, latents, origin


@pytest.mark.parametrize(("parts", "pictures", "dim"), [(2, 5, 11), (3, 4, 12), (2, 40, 30)])
def test_each_part_is_that_of_the_picture_that_its_components_are_nearest_to(parts, pictures, dim):
    layer, latents, origin = layer_of(parts, pictures, 6, dim)
    layer.fit(latents, origin)
    whole = origin + (latents - origin).sum(0)
    z = layer.coordinates(whole, dim)
    assert z.shape == (pictures, dim)
    np.testing.assert_allclose(layer(z, np.zeros_like(whole)), whole, atol=0.01)
    # The components of a part move this part alone.
    own, rng = dim // parts, np.random.default_rng(3)
    chosen = rng.integers(pictures, size=(7, parts))
    mixed = np.concatenate([z[chosen[:, r], r * own : (r + 1) * own] for r in range(parts)], 1)
    mixed = np.pad(mixed, ((0, 0), (0, dim - mixed.shape[1])))
    expected = origin + sum(latents[r, chosen[:, r]] - origin for r in range(parts))
    np.testing.assert_allclose(layer(mixed, np.zeros((7, 6))), expected, atol=0.01)


def test_samples_have_every_picture_in_every_part():
    layer, *_ = layer_of(2, 5, 6, 12)
    shares = layer.shares(np.random.default_rng(0).standard_normal((20_000, 12))).numpy()
    np.testing.assert_allclose(shares.sum(-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(shares.mean(0), 0.2, atol=0.01)
    assert (shares.max(-1) > 0.9).mean() > 0.65
    # Parts are chosen apart.
    first, second = shares.argmax(-1).T
    assert (first == second).mean() == pytest.approx(0.2, abs=0.02)


def test_it_is_not_there_until_it_is_fitted():
    layer, latents, origin = layer_of(2, 3, 4, 8)
    z, otherwise = np.ones((2, 8)), np.full((2, 4), 7.0)
    np.testing.assert_array_equal(layer(z, otherwise), otherwise)
    np.testing.assert_array_equal(layer.centre(otherwise[0]), otherwise[0])
    layer.fit(latents, origin)
    mean = origin + (latents - origin).mean(1).sum(0)
    np.testing.assert_allclose(layer.centre(otherwise[0]), mean, atol=1e-5)
    twin = LatentParts.from_config(layer.get_config())
    twin.build()
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(z, otherwise), layer(z, otherwise))
    layer.reset()
    np.testing.assert_array_equal(layer(z, otherwise), otherwise)
    with pytest.raises(ValueError, match="must be positive, not 2, 0, 4 and 8"):
        LatentParts(2, 0, 4, 8.0)


# Collages -------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_bands_are_as_high_as_one_another(parts):
    weights = bands(60, parts, seam=0.1)
    assert weights.shape == (parts, 60)
    np.testing.assert_allclose(weights.sum(0), 1.0, atol=1e-6)
    np.testing.assert_allclose(weights.sum(1), 60 / parts, rtol=0.02)
    for r in range(parts):
        assert weights[r, (2 * r + 1) * 60 // (2 * parts)] > 0.98


def test_a_seam_is_as_wide_as_it_says():
    above = bands(1000, 2, seam=0.2)[0]
    assert above[399] == pytest.approx(0.88, abs=0.005)
    assert above[599] == pytest.approx(0.12, abs=0.005)


def source_of(gan, **settings):
    source = Parts(latent_noise=0.0, **settings).prepare(Problem(gan, gan, PICTURES, 4, 0))
    rng = np.random.default_rng(1)
    for variable in source.variables:
        variable.assign(rng.standard_normal(variable.shape))
    return source


def step_of(indices) -> Step:
    pictures = tf.cast(PICTURES[indices], tf.float32) / 127.5 - 1.0
    return Step(tf.constant(0), tf.constant(indices, tf.int32), pictures)


def test_half_of_a_batch_is_whole_and_half_are_collages(tiny_gan):
    source = source_of(tiny_gan, colours=0)
    drawn = source.draw(step_of([3, 1, 0, 2]))
    assert drawn.free and drawn.targets is not None
    np.testing.assert_allclose(drawn.targets[:2], WANTED[[3, 1]], atol=1e-5)
    fitted = source.fitted()
    np.testing.assert_allclose(drawn.values[:2], fitted[[3, 1]], atol=1e-5)
    # What a collage is made of is known by its latent.
    above = bands(16, 2, 0.25)[0][:, None, None]
    for value, target in zip(drawn.values[2:].numpy(), drawn.targets[2:].numpy(), strict=True):
        found = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.allclose(above * WANTED[i] + (1 - above) * WANTED[j], target, atol=1e-5)
        ]
        ((i, j),) = found
        alone = source._carried(source._by_part()[0, i][None] + source._by_part()[1, j][None])
        np.testing.assert_allclose(value, alone[0], atol=1e-5)


def test_a_share_of_0_has_no_collages(tiny_dcgan):
    drawn = source_of(tiny_dcgan, collage_share=0.0).draw(step_of([4, 2]))
    np.testing.assert_allclose(drawn.targets, WANTED[[4, 2]], atol=1e-5)


def test_colours_are_chosen_by_themselves(tiny_dcgan):
    """The latent of a collage has a third part: of the picture whose colours it has."""
    flat = np.zeros((4, 16, 16, 3), np.uint8)
    flat[:, 4:12] = np.array([[250, 10, 10], [10, 250, 10], [10, 10, 250], [10, 200, 200]])[
        :, None, None
    ]
    problem = Problem(tiny_dcgan, tiny_dcgan, flat, 64, 0)
    source = Parts(latent_noise=0.0, collage_share=1.0).prepare(problem)
    rng = np.random.default_rng(1)
    for variable in source.variables:
        variable.assign(rng.standard_normal(variable.shape))
    pictures = tf.cast(flat[[0] * 64], tf.float32) / 127.5 - 1.0
    drawn = source.draw(Step(tf.constant(0), tf.zeros(64, tf.int32), pictures))
    table = source._by_part().numpy()
    assert table.shape[0] == 3
    seen = set()
    for value, target in zip(drawn.values.numpy(), drawn.targets.numpy(), strict=True):
        sums = table[0][:, None, None] + table[1][None, :, None] + table[2][None, None]
        carried = source._carried(tf.reshape(sums, [64, -1])).numpy()
        colours = np.abs(carried - value).sum(-1).argmin() % 4
        # All have the same form, so that the colours say which picture it is.
        np.testing.assert_allclose(target, flat[colours] / 127.5 - 1.0, atol=0.06)
        seen.add(int(colours))
    assert seen == {0, 1, 2, 3}


def test_what_is_settled_draws_parts_of_different_pictures(tiny_gan):
    source = source_of(tiny_gan, colours=0)
    gan = tiny_gan.with_latent_parts(2, 5)
    source.settle(gan)
    fitted = source.fitted()
    z = gan.latents_of_fitted(fitted)
    # What was fitted is kept in float16.
    expected = tiny_gan.synthesize(tf.constant(fitted))
    np.testing.assert_allclose(source.reconstructions(gan, 5), expected, atol=0.01)
    own = gan.latent_dim // 2
    mixed = np.concatenate([z[:1, :own], z[1:2, own:]], 1)
    table = source._by_part()
    latent = source._carried(table[0, 0][None] + table[1, 1][None])
    np.testing.assert_allclose(gan.generate(mixed), tiny_gan.synthesize(latent), atol=0.01)
    # What it was fitted to is no matter of another adaptation.
    again = gan.with_latent_gaussian(3)
    assert again.extension("latent_parts") is None
    assert again.with_latent_parts(2, 5).extension("latent_gaussian") is None


def test_what_lies_between_is_drawn_as_samples_are(tiny_dcgan):
    gan = tiny_dcgan.with_latent_parts(3, 5)
    source = source_of(gan)
    source.settle(gan)
    drawn = between(source, 4000, seeds_for(0, "test")).values.numpy()
    z = gan.sample_latents(4000, seed=1)
    sampled = np.asarray(gan.generator.latent_parts(z, z))
    np.testing.assert_allclose(drawn.mean(0), sampled.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(sampled.T), atol=0.1)


@pytest.mark.download
def test_collages_go_through_any_network(tiny_dcgan):
    """VGG16 keeps the activations of training pictures, and sees collages anew."""
    loss = PerceptualLoss(PICTURES, weight=1.0)
    images = tf.constant(WANTED[1:3], tf.float32)
    targets = tf.constant(WANTED[2:4], tf.float32)
    kept, _ = loss(images, targets, tf.constant([2, 3]))
    seen, _ = loss(images, targets, None)
    assert float(seen) == pytest.approx(float(kept), rel=1e-4)
    assert float(loss(images, images, None)[0]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"parts": 0}, "parts must be at least 1, not 0"),
        ({"colours": -1}, "colours must be at least 0, not -1"),
        ({"collage_share": 1.5}, r"collage_share must be from 0 to 1, not 1\.5"),
        ({"seam": 0.0}, "seam must be above 0 and at most 1, not 0"),
    ],
)
def test_settings_that_are_none(settings, error):
    with pytest.raises(UserError, match=error):
        tff.methods.get("collage").with_settings(**settings)


def test_more_parts_than_components(tiny_dcgan):
    with pytest.raises(BackboneError, match="latents of 8 numbers cannot have 9 parts"):
        tiny_dcgan.with_latent_parts(9, 2)
