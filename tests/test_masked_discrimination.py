"""Masked discrimination: logits, losses and likenesses of the same masks in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.masking import Masked, MaskedJudge
from tf_fewshot.methods.step import Step
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble

SETTINGS = {"batch_size": 4, "clip_images": False, "r1_gamma": 0.0}


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)


def masks_ahead(judge: MaskedJudge, images: tf.Tensor, count: int) -> list[np.ndarray]:
    """The masks that the judge will draw next; its seeds are put back, so that it still does."""
    seeds = judge.state[0]
    before = seeds.numpy().copy()
    features = judge.gan.discriminator_features(images)[-1]
    drawn = [judge.masks(features).numpy() for _ in range(count)]
    seeds.assign(before)
    return drawn


def dcgan_features(gan, images: np.ndarray) -> np.ndarray:
    """What the layers but the last of a tiny DCGAN's discriminator give, in training."""
    x = images.astype(np.float64)
    for number, block in enumerate(gan.discriminator.blocks):
        kernel = block.conv.kernel.numpy().astype(np.float64)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        size = x.shape[1] // 2
        x = np.stack(
            [
                np.stack(
                    [
                        np.einsum(
                            "nhwc,hwco->no",
                            padded[:, 2 * r : 2 * r + 4, 2 * c : 2 * c + 4],
                            kernel,
                        )
                        for c in range(size)
                    ],
                    axis=1,
                )
                for r in range(size)
            ],
            axis=1,
        )
        if number:
            x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + block.norm.epsilon)
            x = x * block.norm.gamma.numpy() + block.norm.beta.numpy()
        x = np.where(x > 0, x, 0.2 * x)
    return x


def dcgan_logits(gan, features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Logits of masked features: the last kernel covers the map, so each is one sum of products."""
    kernel = gan.discriminator.to_logit.conv.kernel.numpy().astype(np.float64)
    return ((features * mask)[..., None] * kernel).sum((1, 2, 3))


def numpy_likeness(features: np.ndarray) -> np.ndarray:
    rows = features.reshape(len(features), -1).astype(np.float64)
    likeness = []
    for i, one in enumerate(rows):
        cosines = np.array(
            [
                one @ other / np.linalg.norm(one) / np.linalg.norm(other)
                for j, other in enumerate(rows)
                if j != i
            ]
        )
        likeness.append(np.exp(cosines) / np.exp(cosines).sum())
    return np.stack(likeness)


def numpy_consistency(source, gan, images: np.ndarray) -> float:
    terms = []
    pairs = zip(
        source.discriminator_features(images), gan.discriminator_features(images), strict=True
    )
    for before, now in pairs:
        p, q = numpy_likeness(before.numpy()), numpy_likeness(now.numpy())
        terms.append(np.mean(p * np.log(p / q)))
    return float(np.mean(terms))


def test_masks_are_of_places_and_leave_the_share_that_is_wanted(tiny_dcgan):
    judge = MaskedJudge(tiny_dcgan, 0.25, seed=0)
    masks = judge.masks(tf.zeros((4000, 4, 4, 8))).numpy()
    assert masks.shape == (4000, 4, 4, 1) and set(np.unique(masks)) == {0.0, 1.0}
    # Each place of its own: 64,000 throws.
    assert abs(masks.mean() - 0.75) < 0.01
    assert np.abs(np.corrcoef(masks.reshape(4000, 16).T) - np.eye(16)).max() < 0.08
    again = judge.masks(tf.zeros((4000, 4, 4, 8))).numpy()
    assert not np.array_equal(masks, again)


@pytest.mark.parametrize("architecture", ["sngan", "stylegan"])
def test_without_masks_it_is_the_discriminator(architecture, build_tiny):
    gan = build_tiny(architecture)
    images = tf.random.stateless_uniform((4, 16, 16, 3), (0, 1), -1.0, 1.0)
    # In training spectral norms are renewed by each call.
    before = [v.numpy().copy() for v in gan.discriminator.weights]
    expected = gan.discriminator(images, training=True)
    for v, value in zip(gan.discriminator.weights, before, strict=True):
        v.assign(value)
    (opinion,) = MaskedJudge(gan, 0.0, seed=0)(images, None, 0).opinions
    np.testing.assert_allclose(opinion.logits, expected, atol=1e-5)
    (masked,) = MaskedJudge(gan, 0.5, seed=0)(images, None, 0).opinions
    assert np.abs(masked.logits - opinion.logits).max() > 1e-3


def players_of(source, pictures, **settings):
    keras.utils.set_random_seed(0)
    planned = plan(source, pictures, "masked_discrimination", **{**SETTINGS, **settings})
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    generator, discriminator = assembly.players
    return assembly, generator, discriminator


def test_losses_are_those_of_masked_features(tiny_dcgan, pictures):
    assembly, generator, discriminator = players_of(tiny_dcgan, pictures, mask_share=0.4)
    gan, shown = assembly.problem.gan, tf.cast(pictures, tf.float32) / 127.5 - 1.0
    judge = MaskedJudge(gan, 0.4, assembly.problem.seed)
    # Latents of the step, which the generator draws and the discriminator sees again.
    for of_fake_in_g, of_real, of_fake in [masks_ahead(judge, shown, 3)]:
        step = Step(tf.constant(0), tf.range(4), shown)
        loss, numbers = generator.loss(step)
        (generated,) = [v for v in step.results.values() if hasattr(v, "drawn")]
        fake = dcgan_features(gan, generated.images.numpy())
        expected = softplus(-dcgan_logits(gan, fake, of_fake_in_g)).mean()
        assert float(loss) == pytest.approx(expected, rel=1e-4)
        total, numbers = discriminator.loss(step)
        real = dcgan_features(gan, shown.numpy())
        expected = softplus(-dcgan_logits(gan, real, of_real)).mean()
        expected += softplus(dcgan_logits(gan, fake, of_fake)).mean()
        assert float(numbers["loss"]) == pytest.approx(expected, rel=1e-4)
        # Running statistics moved since: the source's stand still, and images look less alike.
        consistency = numpy_consistency(assembly.problem.source, gan, generated.images.numpy())
        assert float(numbers["likeness"]) == pytest.approx(consistency, rel=1e-2, abs=1e-8)
        assert float(total) == pytest.approx(expected + 1000.0 * consistency, rel=1e-3)


@pytest.mark.parametrize("architecture", ["stylegan", "sngan"])
def test_consistency_begins_at_zero_and_holds_the_discriminator_alone(
    architecture, build_tiny, pictures
):
    assembly, generator, discriminator = players_of(
        build_tiny(architecture), pictures, d_consistency_weight=7.0
    )
    gan, source = assembly.problem.gan, assembly.problem.source
    shown = tf.cast(pictures, tf.float32) / 127.5 - 1.0

    def consistency():
        step = Step(tf.constant(0), tf.range(4), shown)
        assert "likeness" not in generator.loss(step)[1]
        (generated,) = [v for v in step.results.values() if hasattr(v, "drawn")]
        features = source.discriminator_features(generated.images)
        before = [f.numpy() for f in features]
        total, numbers = discriminator.loss(step)
        for f, value in zip(source.discriminator_features(generated.images), before, strict=True):
            np.testing.assert_array_equal(f, value)
        return generated.images.numpy(), total, numbers

    _, total, numbers = consistency()
    assert float(numbers["likeness"]) == pytest.approx(0.0, abs=1e-5)
    rng = np.random.default_rng(0)
    for v in gan.discriminator.trainable_weights:
        v.assign(v + 0.3 * rng.standard_normal(v.shape))
    images, total, numbers = consistency()
    expected = numpy_consistency(source, gan, images)
    assert expected > 1e-4
    assert float(numbers["likeness"]) == pytest.approx(expected, rel=1e-2)
    assert float(total - numbers["loss"]) == pytest.approx(7.0 * expected, rel=1e-2, abs=1e-6)


def test_what_it_refuses(tiny_dcgan, pictures):
    with pytest.raises(UserError, match="mask_share"):
        Masked(mask_share=1.0)
    with pytest.raises(UserError, match="batch_size of at least 3"):
        players_of(tiny_dcgan, pictures, batch_size=2)
