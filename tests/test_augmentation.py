"""Augmentations against NumPy and SciPy, their strength, and games that are played with them."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import tensorflow as tf
from scipy.spatial.transform import Rotation

from tf_fewshot import methods
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.losses import adversarial
from tf_fewshot.losses.augmentation import ADA, AdaptiveProbability, DiffAugment, colour, geometry
from tf_fewshot.losses.augmentation.ada import augmented
from tf_fewshot.losses.augmentation.diffaugment import POLICIES
from tf_fewshot.losses.augmentation.draws import Draws
from tf_fewshot.methods.cells.adversarial import Adversarial
from tf_fewshot.methods.cells.known import Known
from tf_fewshot.methods.problem import Problem
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule, Trainer

from .test_matrix import settings_of

MANY = 20_000
# Known latents come with the pictures, which these have none of.
GAMES = [
    n
    for n in methods.names()
    if isinstance(methods.get(n).objective, Adversarial)
    and not isinstance(methods.get(n).latents, Known)
]


@pytest.fixture
def eagerly() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def seeds(seed: int = 0) -> keras.random.SeedGenerator:
    return keras.random.SeedGenerator(seed)


def draws(p=1.0, count: int = MANY, size: tuple[int, int] = (16, 16), seed: int = 0) -> Draws:
    return Draws(count, size, p, seeds(seed))


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def warped(images: np.ndarray, *transformations, p=1.0) -> tuple[np.ndarray, np.ndarray]:
    inverse = geometry.random_inverse(draws(p, len(images), images.shape[1:3]), transformations)
    return geometry.warp(tf.constant(images), inverse).numpy(), inverse.numpy()


def copies(count: int, *shape: int) -> np.ndarray:
    return np.repeat(drawn(1, *shape), count, 0)


# Geometry -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(9, 9), (8, 12), (5, 1)])
def test_a_warp_interpolates_in_the_mirrored_picture(shape):
    height, width = shape
    images, rng = drawn(6, height, width, 2), np.random.default_rng(1)
    inverse = np.tile(np.eye(3, dtype=np.float32), (6, 1, 1))
    inverse[:, :2] += rng.normal(0, 0.7, (6, 2, 3)).astype(np.float32)
    inverse[:, :2, 2] *= 20  # far outside too
    warped_images = geometry.warp(tf.constant(images), tf.constant(inverse)).numpy()
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x - centre[0], y - centre[1], np.ones(shape)]).reshape(3, -1)
    for image, matrix, result in zip(images, inverse, warped_images, strict=True):
        columns, rows = (matrix.astype(np.float64) @ grid)[:2] + centre[:, None]
        for c in range(2):
            expected = scipy.ndimage.map_coordinates(
                image[..., c], [rows, columns], np.float64, order=1, mode="mirror"
            )
            np.testing.assert_allclose(result[..., c].ravel(), expected, atol=2e-4)
    low, high = images.min((1, 2, 3)), images.max((1, 2, 3))
    assert (warped_images.min((1, 2, 3)) >= low - 1e-6).all()
    assert (warped_images.max((1, 2, 3)) <= high + 1e-6).all()


def test_flips_are_exact_and_come_half_of_the_time():
    images = copies(400, 4, 6, 3)
    flipped, _ = warped(images, geometry.flip)
    mirrored = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (flipped == images).all((1, 2, 3))).all()
    assert 160 < mirrored.sum() < 240


def test_quarter_turns_are_exact_and_equally_likely():
    images = copies(800, 5, 5, 3)
    turned, _ = warped(images, geometry.quarter_turns)
    counts = [(turned == np.rot90(images, k, (1, 2))).all((1, 2, 3)).sum() for k in range(4)]
    assert sum(counts) == 800
    assert min(counts) > 150


def test_whole_shifts_are_exact_and_bring_in_the_mirror():
    images = copies(400, 16, 24, 3)
    shifted, inverse = warped(images, geometry.whole_shift)
    x, y = -inverse[:, 0, 2], -inverse[:, 1, 2]
    assert set(x) == set(range(-3, 4))
    assert set(y) == set(range(-2, 3))
    wide = np.pad(images, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect")
    for picture, result, dx, dy in zip(wide, shifted, x.astype(int), y.astype(int), strict=True):
        np.testing.assert_array_equal(result, picture[3 - dy : 19 - dy, 3 - dx : 27 - dx])


def test_parameters_are_distributed_as_in_the_paper():
    def inverse(transformation, size=(16, 32)):
        return np.linalg.inv(transformation(draws(size=size)).numpy().astype(np.float64))

    def normal(values, deviation):
        assert scipy.stats.kstest(values, "norm", (0, deviation)).pvalue > 1e-3

    maps = inverse(geometry.scale)
    np.testing.assert_allclose(maps[:, 0, 0], maps[:, 1, 1], rtol=1e-5)
    normal(np.log2(maps[:, 0, 0]), 0.2)
    maps = inverse(geometry.stretch)
    np.testing.assert_allclose(maps[:, 0, 0] * maps[:, 1, 1], 1, rtol=1e-5)
    normal(np.log2(maps[:, 0, 0]), 0.2)
    maps = inverse(geometry.shift)
    normal(maps[:, 0, 2] / 32, 0.125)
    normal(maps[:, 1, 2] / 16, 0.125)
    assert abs(np.corrcoef(maps[:, 0, 2], maps[:, 1, 2])[0, 1]) < 0.03
    maps = inverse(geometry.turn)
    np.testing.assert_allclose(
        maps[:, :2, :2] @ maps[:, :2, :2].swapaxes(1, 2), [np.eye(2)] * MANY, atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(maps), 1, atol=1e-5)
    angle = np.arctan2(maps[:, 1, 0], maps[:, 0, 0])
    assert scipy.stats.kstest(angle / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


def test_transformations_come_one_after_the_other():
    one = tf.ones([1])

    def widened(draws):
        return geometry.scaling(one / 2, one)

    def moved(draws):
        return geometry.translation(-3 * one, 0 * one)

    # To twice the width, then 3 to the right: x → 2x + 3.
    inverse = geometry.random_inverse(draws(count=1), (widened, moved)).numpy()
    np.testing.assert_array_equal(np.linalg.inv(inverse[0]), [[2, 0, 3], [0, 1, 0], [0, 0, 1]])
    everything = (*geometry.BLITTING, *geometry.GENERAL)
    composed = geometry.random_inverse(draws(count=50, seed=5)).numpy()
    apart, expected = draws(count=50, seed=5), np.eye(3)
    for transformation in everything:
        expected = expected @ transformation(apart).numpy()
    np.testing.assert_allclose(composed, expected, atol=1e-4)


# Colours --------------------------------------------------------------------------------


def test_colour_maps_are_those_of_their_definitions():
    colours = drawn(7, 3).astype(np.float64)
    luma = np.ones(3) / np.sqrt(3)
    grey = colours.mean(1, keepdims=True)

    def maps(transformation):
        matrices = transformation(draws()).numpy().astype(np.float64)
        np.testing.assert_array_equal(matrices[:, 3], [[0, 0, 0, 1]] * MANY)
        mapped = np.einsum("ndc,kc->nkd", matrices[:, :3, :3], colours) + matrices[:, None, :3, 3]
        return matrices, mapped

    matrices, mapped = maps(colour.brightness)
    added = matrices[:, 0, 3]
    assert scipy.stats.kstest(added, "norm", (0, 0.2)).pvalue > 1e-3
    np.testing.assert_allclose(mapped, colours + added[:, None, None], atol=1e-5)

    matrices, mapped = maps(colour.contrast)
    factor = matrices[:, 0, 0]
    assert scipy.stats.kstest(np.log2(factor), "norm", (0, 0.5)).pvalue > 1e-3
    np.testing.assert_allclose(mapped, colours * factor[:, None, None], atol=1e-5)

    matrices, mapped = maps(colour.luma_flip)
    mirror = colours - 2 * (colours @ luma)[:, None] * luma
    flipped = matrices[:, 0, 0] != 1
    assert 0.48 < flipped.mean() < 0.52
    np.testing.assert_allclose(mapped[flipped], [mirror] * flipped.sum(), atol=1e-5)
    np.testing.assert_array_equal(mapped[~flipped], [colours] * (~flipped).sum())

    matrices, mapped = maps(colour.hue)
    vector = Rotation.from_matrix(matrices[:, :3, :3]).as_rotvec()
    angle = vector @ luma
    assert scipy.stats.kstest(angle / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    turned = Rotation.from_rotvec(angle[:, None] * luma).as_matrix()
    np.testing.assert_allclose(mapped, np.einsum("ndc,kc->nkd", turned, colours), atol=1e-5)

    matrices, mapped = maps(colour.saturation)
    factor = (mapped[:, 0, 0] - grey[0]) / (colours[0, 0] - grey[0])
    assert scipy.stats.kstest(np.log2(factor), "norm").pvalue > 1e-3
    np.testing.assert_allclose(mapped, grey + factor[:, None, None] * (colours - grey), atol=1e-4)


def test_colours_of_every_picture_are_mapped_by_its_own_map():
    images = drawn(5, 3, 4, 3)
    maps = drawn(5, 4, 4, seed=1)
    mapped = colour.apply(tf.constant(images), tf.constant(maps)).numpy()
    padded = np.concatenate([images, np.ones((5, 3, 4, 1))], -1)
    expected = np.einsum("ndc,nhwc->nhwd", maps, padded)[..., :3]
    np.testing.assert_allclose(mapped, expected, atol=1e-5)
    # Brighter, then of more contrast: (x + b) c.
    bright, strong = maps[:1].copy() * 0 + np.eye(4, dtype=np.float32), np.diag([2.0, 2, 2, 1])
    bright[0, :3, 3] = 0.25
    both = colour.random_map(
        draws(count=1),
        (lambda d: tf.constant(bright), lambda d: tf.constant(strong, tf.float32, (1, 4, 4))),
    )
    mapped = colour.apply(tf.constant(images[:1]), both)
    np.testing.assert_allclose(mapped, (images[:1] + 0.25) * 2, atol=1e-6)
    with pytest.raises(UserError, match="2 channels"):
        colour.apply(tf.zeros([5, 2, 2, 2]), tf.constant(maps))


# Probabilities --------------------------------------------------------------------------

# How often a transformation that is applied changes a picture of 16 × 16.
CHANGING = {
    geometry.flip: 1 / 2,
    geometry.quarter_turns: 3 / 4,
    geometry.whole_shift: 1 - 1 / 16,  # 0 of [-2, 2] rounded, in both directions
    geometry.scale: 1,
    geometry.stretch: 1,
    geometry.shift: 1,
    colour.brightness: 1,
    colour.contrast: 1,
    colour.luma_flip: 1 / 2,
    colour.hue: 1,
    colour.saturation: 1,
}


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("transformation", CHANGING, ids=lambda t: t.__name__)
def test_a_transformation_is_applied_with_its_probability(transformation, p):
    maps = transformation(draws(p)).numpy()
    share = (maps != np.eye(maps.shape[-1])).any((1, 2)).mean()
    expected = p * CHANGING[transformation]
    assert abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) / MANY)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_one_of_the_two_turns_is_applied_with_the_probability(p):
    both = draws(p)
    turned = [(geometry.turn(both).numpy() != np.eye(3)).any((1, 2)) for _ in range(2)]
    share = (turned[0] | turned[1]).mean()
    assert abs(share - p) <= 4 * np.sqrt(p * (1 - p) / MANY)
    assert turned[0].mean() == pytest.approx(1 - np.sqrt(1 - p), abs=0.015)


@pytest.mark.parametrize("shape", [(8, 8), (7, 10)])
def test_without_probability_nothing_changes_a_bit(shape):
    images = drawn(5, *shape, 3)
    images[0, 0, 0] = [1e30, -1e-30, 1 / 3]
    for p in (0.0, tf.constant(0.0), AdaptiveProbability(0.6, 100, 10).value):
        np.testing.assert_array_equal(augmented(tf.constant(images), p, seeds()), images)


def test_pictures_are_augmented_each_in_its_own_way_and_anew():
    images, augmentation = copies(8, 8, 8, 3), ADA(0, 1.0)
    first, second = augmentation(tf.constant(images)).numpy(), augmentation(tf.constant(images))
    assert np.isfinite(first).all()
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8
    assert np.abs(first - second).max((1, 2, 3)).min() > 1e-3
    np.testing.assert_array_equal(ADA(0, 1.0)(tf.constant(images)), first)
    assert np.abs(ADA(1, 1.0)(tf.constant(images)) - first).max() > 0.1


def test_a_graph_draws_as_eager_calls_do():
    images, augmentation = tf.constant(drawn(4, 8, 8, 3)), ADA(0, 0.7)
    traced = tf.function(augmentation)
    results = [traced(images).numpy() for _ in range(2)]
    again = ADA(0, 0.7)
    for result in results:
        np.testing.assert_allclose(result, again(images), atol=1e-5)


# DiffAugment ----------------------------------------------------------------------------


def test_diffaugment_colours():
    """Read from a picture: grey stripes show brightness and contrast, coloured ones saturation."""
    picture = np.zeros((4, 4, 3), np.float32)
    picture[0], picture[1] = 0.5, -0.5
    picture[2], picture[3] = [0.4, -0.2, -0.2], [-0.4, 0.2, 0.2]
    augmented = POLICIES["color"](tf.constant(np.tile(picture, (MANY, 1, 1, 1))), seeds()).numpy()
    brightness = augmented.mean((1, 2, 3))
    contrast = augmented[:, 0, 0, 0] - augmented[:, 1, 0, 0]
    chroma = (augmented[:, 2, 0] - augmented[:, 2, 0].mean(1, keepdims=True)) / picture[2, 0]
    saturation = chroma[:, 0] / contrast
    for values, low, high in ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0, 2)):
        assert scipy.stats.kstest(values, "uniform", (low, high - low)).pvalue > 1e-3
    expected = brightness[:, None, None, None] + contrast[:, None, None, None] * (
        picture.mean(-1, keepdims=True)
        + saturation[:, None, None, None] * (picture - picture.mean(-1, keepdims=True))
    )
    np.testing.assert_allclose(augmented, expected, atol=1e-5)


def test_diffaugment_translates_by_an_eighth_and_pads_with_0():
    picture = drawn(16, 16, 3) + 2
    augmented = POLICIES["translation"](
        tf.constant(np.tile(picture, (500, 1, 1, 1))), seeds()
    ).numpy()
    wide = np.pad(picture, [(2, 2), (2, 2), (0, 0)])
    possible = [wide[y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
    counts = [(augmented == p).all((1, 2, 3)).sum() for p in possible]
    assert sum(counts) == 500
    assert min(counts) > 5


def test_diffaugment_cuts_out_half_the_size():
    images = np.ones((4000, 8, 8, 3), np.float32)
    augmented = POLICIES["cutout"](tf.constant(images), seeds()).numpy()
    possible = []
    for y in range(9):
        for x in range(9):
            mask = np.ones((8, 8, 3))
            mask[max(y - 2, 0) : y + 2, max(x - 2, 0) : x + 2] = 0
            possible.append(mask)
    counts = [(augmented == p).all((1, 2, 3)).sum() for p in possible]
    assert sum(counts) == 4000
    assert min(counts) > 20


def test_diffaugment_follows_its_policy():
    images = drawn(6, 8, 8, 3)
    np.testing.assert_array_equal(DiffAugment(0, ())(tf.constant(images)), images)
    whole = DiffAugment(0)(tf.constant(images)).numpy()
    # Each colour is at most 2 × 1.5 times as far from its mean, and 0.5 brighter.
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 0.5 + 1.5 * 3
    assert (np.abs(whole - images).max((1, 2, 3)) > 0.1).all()
    cut = DiffAugment(0, ["cutout"])(tf.constant(images)).numpy()
    assert ((cut == 0) | (cut == images)).all()
    with pytest.raises(UserError, match="Did you mean 'cutout'"):
        DiffAugment(0, ["cutuot"])


# Gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ada", "diffaugment"])
def test_gradients_equal_finite_differences(kind):
    augmentation = ADA(4, 0.8) if kind == "ada" else DiffAugment(4)
    images, weights = drawn(3, 5, 4, 3), drawn(3, 5, 4, 3, seed=1)
    begin = augmentation.state[0].numpy()

    @tf.function
    def weighed(images):
        augmentation.state[0].assign(begin)
        return tf.reduce_sum(augmentation(images) * weights)

    with tf.GradientTape() as tape:
        point = tf.constant(images)
        tape.watch(point)
        value = weighed(point)
    gradient = tape.gradient(value, point).numpy()
    expected = np.zeros_like(images)
    for at in np.ndindex(images.shape):
        step = np.zeros_like(images)
        step[at] = 1.0  # every augmentation is affine in the pixels
        difference = weighed(tf.constant(images + step)) - weighed(tf.constant(images - step))
        expected[at] = difference / 2
    np.testing.assert_allclose(gradient, expected, atol=1e-4)
    assert np.abs(gradient).max() > 0.1


# The adaptive probability ---------------------------------------------------------------


def after(probability: AdaptiveProbability, logits, steps: int) -> float:
    for _ in range(steps):
        probability.update(tf.constant(logits, tf.float32, (len(logits), 1)), len(logits))
    return float(probability.value)


def test_the_probability_rises_by_the_images_that_it_takes():
    probability = AdaptiveProbability(0.6, images=800, every=32)
    assert float(probability.value) == 0
    for step in range(1, 41):
        # From 0 to 1 in 800 images of a discriminator that is always sure.
        expected = 32 * (step // 4) / 800
        assert after(probability, [5.0, 0.1, 3, 2, 1, 9, 9, 4], 1) == pytest.approx(expected)
    assert after(probability, [1.0] * 8, 200) == 1


def test_the_probability_falls_while_the_discriminator_is_unsure():
    probability = AdaptiveProbability(0.6, images=100, every=4)
    assert after(probability, [1.0, 1, 1, 1], 20) == pytest.approx(0.8)
    # A mean sign of 0.5, however large the logits: 4 of 100 a step.
    assert after(probability, [99.0, 99, 99, 0], 2) == pytest.approx(0.88)
    assert after(probability, [99.0, 99, 99, -1], 7) == pytest.approx(0.6)
    assert after(probability, [-1.0] * 4, 100) == 0


def test_the_probability_counts_pictures_and_not_opinions():
    probability = AdaptiveProbability(0.6, images=800, every=32)
    for _ in range(4):
        probability.update(tf.constant([[1.0], [3.0]]), 8)
    assert float(probability.value) == pytest.approx(32 / 800)


def test_the_probability_stays_at_its_target():
    probability = AdaptiveProbability(0.5, images=100, every=8)
    assert after(probability, [1.0] * 8, 3) == pytest.approx(0.24)
    assert after(probability, [1.0, 1, 1, -1] * 2, 9) == pytest.approx(0.24)


def test_the_mean_is_over_all_steps_since_the_last_change():
    probability = AdaptiveProbability(0.0, images=100, every=8)
    assert after(probability, [-1.0] * 4, 1) == 0
    # 4 of -1 and 12 of 1, of which the first change sees 4 and 4 with one more.
    assert after(probability, [1.0, 1, 1, 1, 1], 1) == pytest.approx(0.09)
    assert after(probability, [-1.0] * 4, 1) == pytest.approx(0.09)
    assert after(probability, [-1.0] * 4, 1) == pytest.approx(0.01)


# The game -------------------------------------------------------------------------------


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)


def game(gan, images, folder, name="transfergan", **changes) -> Trainer:
    changes = {"r1_interval": 2, **settings_of(name), **changes}
    method = methods.get(name).with_settings(**changes)
    problem = Problem(gan, gan.clone(), images, 4, seed=3, say=lambda line: None)
    return trainer(assemble(method, problem), Batches(Pictures(images), 4, 3), folder)


def weights_of(gan) -> dict[str, bytes]:
    return {path: v.numpy().tobytes() for path, v in gan.variables_by_path().items()}


@pytest.mark.parametrize(
    ("architecture", "augment"),
    [
        pytest.param(architecture, augment, marks=[] if usual else pytest.mark.large)
        for architecture, augment, usual in (
            ("dcgan", "ada", True),
            ("stylegan", "diffaugment", True),
            ("dcgan", "diffaugment", False),
            ("stylegan", "ada", False),
            *((name, a, False) for name in ("sngan", "stylegan2") for a in ("ada", "diffaugment")),
        )
    ],
)
def test_two_steps_of_every_backbone(build_tiny, architecture, images, tmp_path, augment, eagerly):
    tiny_gan = build_tiny(architecture)
    log = {}
    before = weights_of(tiny_gan)
    loop = game(tiny_gan, images, tmp_path, augment=augment, ada_images=20)
    loop.run(Schedule(2, check_every=1), log.__setitem__)
    assert all(np.isfinite(value) for value in log[2].values())
    assert ("discriminator/augment_p" in log[2]) is (augment == "ada")
    after = weights_of(tiny_gan)
    trained = [
        v.path
        for v in (*tiny_gan.generator.trainable_weights, *tiny_gan.discriminator.trainable_weights)
    ]
    assert all(before[path] != after[path] for path in trained)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("transfergan", "projected") else pytest.mark.large)
        for name in GAMES
    ],
)
def test_every_game_knows_augmentation(name, tiny_dcgan, images, tmp_path, eagerly):
    log = {}
    game(tiny_dcgan, images, tmp_path, name, augment="ada", augment_p=0.5).run(
        Schedule(1), log.__setitem__
    )
    assert log[1]["discriminator/augment_p"] == 0.5
    assert all(np.isfinite(value) for value in log[1].values())


def test_a_probability_of_0_is_the_game_without_augmentation(build_tiny, images, tmp_path, eagerly):
    gans = {}
    for augment, p in (("none", None), ("ada", 0.0), ("ada", 0.9)):
        keras.utils.set_random_seed(0)
        gan = build_tiny("dcgan")
        game(gan, images, tmp_path / f"{augment}{p}", augment=augment, augment_p=p).run(Schedule(2))
        gans[p] = weights_of(gan)
    assert gans[None] == gans[0.0] != gans[0.9]


@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
def test_ada_is_told_how_sure_the_discriminator_is(
    loss, tiny_dcgan, images, tmp_path, eagerly, monkeypatch
):
    told, log = [], {}
    monkeypatch.setattr(
        AdaptiveProbability, "update", lambda self, logits, pictures: told.append(logits.numpy())
    )
    game(tiny_dcgan, images, tmp_path, augment="ada", adversarial_loss=loss).run(
        Schedule(1), log.__setitem__
    )
    assert told[0].shape == (4, 1)
    real, fake = log[1]["discriminator/real"], log[1]["discriminator/fake"]
    expected = real - fake if loss == "relativistic" else real
    np.testing.assert_allclose(told[0].mean(), expected, rtol=1e-5, atol=1e-7)


def test_each_turn_augments_anew_and_r1_is_that_of_augmented_pictures(
    tiny_dcgan, images, tmp_path, eagerly, monkeypatch
):
    given, augmented, punished = [], [], []
    call, penalty = ADA.__call__, adversarial.r1_penalty

    def calling(self, pictures):
        given.append(pictures.numpy())
        augmented.append(call(self, pictures))
        return augmented[-1]

    def r1(discriminator, pictures, label=None):
        punished.append(pictures)
        return penalty(discriminator, pictures, label)

    monkeypatch.setattr(ADA, "__call__", calling)
    monkeypatch.setattr(adversarial, "r1_penalty", r1)
    loop = game(tiny_dcgan, images, tmp_path, augment="ada", augment_p=1.0)
    loop.run(Schedule(1))
    real = Batches(Pictures(images), 4, 3)[0][1].astype(np.float32) / 127.5 - 1
    assert len(given) == 3
    np.testing.assert_array_equal(given[1], real)
    np.testing.assert_array_equal(given[0], given[2])
    assert np.abs(augmented[0] - augmented[2]).max((1, 2, 3)).min() > 1e-3
    assert len(punished) == 1
    assert punished[0] is augmented[1]


def test_latents_and_augmentations_are_drawn_apart(tiny_dcgan, images, tmp_path):
    loop = game(tiny_dcgan, images, tmp_path, augment="ada")
    groups = loop.checkpoints.groups
    states = [groups["latents"][-1].numpy(), groups["state_discriminator"][0].numpy()]
    assert states[0][0] != states[1][0]


def test_without_augmentation_there_is_no_state(tiny_dcgan, images, tmp_path):
    loop = game(tiny_dcgan, images, tmp_path)
    assert "state_discriminator" not in loop.checkpoints.groups


def arrays(folder) -> dict[str, bytes]:
    with np.load(max(folder.iterdir())) as file:
        return {name: file[name].tobytes() for name in file.files}


@pytest.mark.large
def test_a_resumed_game_is_the_uninterrupted_one(build_tiny, images, tmp_path, eagerly):
    """Stopped after 6 of 8 steps: between the changes of the probability at 4 and 8."""
    settings = {"augment": "ada", "ada_target": -0.9, "ada_images": 50}
    log = {}
    for folder, stops in (("straight", [8]), ("halves", [6, 8])):
        for stop in stops:
            keras.utils.set_random_seed(0)
            loop = game(build_tiny("dcgan"), images, tmp_path / folder, **settings)
            loop.run(Schedule(stop, check_every=1), log.__setitem__)
    assert log[3]["discriminator/augment_p"] == 0
    assert log[6]["discriminator/augment_p"] == pytest.approx(16 / 50)
    assert log[8]["discriminator/augment_p"] == pytest.approx(32 / 50)
    straight, halves = arrays(tmp_path / "straight"), arrays(tmp_path / "halves")
    assert straight.keys() == halves.keys()
    assert [name for name in straight if straight[name] != halves[name]] == []


def test_a_step_is_a_graph(tiny_dcgan, images, tmp_path):
    log = {}
    settings = {"augment": "ada", "ada_target": -1.0, "ada_images": 64, "r1_interval": 1}
    loop = game(tiny_dcgan, images, tmp_path, **settings)
    loop.run(Schedule(8, check_every=1), log.__setitem__)
    assert [log[step]["discriminator/augment_p"] for step in (1, 3, 4, 7)] == [0, 0, 0.25, 0.25]
    # A change is due: the probability moves from one graph call to the next.
    assert log[8]["discriminator/augment_p"] == 0.5
    assert all(np.isfinite(value) for value in log[8].values())


# Settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": "adaa"}, "Did you mean 'ada'"),
        ({"augment_p": 0.5}, "augment_p is a setting of augment='ada', and augment is 'none'"),
        ({"augment": "ada", "augment_p": 1.5}, r"in \[0, 1\], not 1.5"),
        ({"augment": "ada", "ada_target": 2.0}, r"in \[-1, 1\], not 2.0"),
        ({"augment": "ada", "ada_images": 0}, "1 or more, not 0"),
        ({"augment": "ada", "adversarial_loss": "wasserstein"}, "Set augment_p, or adversarial_l"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        methods.get("transfergan").with_settings(**changes)
    assert "\n" not in str(caught.value)


def test_a_fixed_probability_takes_any_loss():
    settings = {"augment": "ada", "augment_p": 0.3, "adversarial_loss": "wasserstein"}
    assert methods.get("ewc").with_settings(**settings).settings()["augment_p"] == 0.3
