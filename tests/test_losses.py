"""Losses against closed forms, and elastic weight consolidation against its definition."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_fewshot.errors import UserError
from tf_fewshot.features import BSA_LAYERS, VGG16Features
from tf_fewshot.losses import adversarial, perceptual
from tf_fewshot.losses.feature_discriminator import FeatureDiscriminator
from tf_fewshot.losses.fisher import fisher_diagonal
from tf_fewshot.losses.latent_prior import latent_prior_loss, squared_distances
from tf_fewshot.losses.perceptual import PerceptualLoss
from tf_fewshot.methods.cells.elastic import EWC, FisherPenalty
from tf_fewshot.methods.problem import Problem

from .conftest import TINY


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def softplus(x):
    return np.logaddexp(0, x)


# Adversarial losses --------------------------------------------------------------------------

CLOSED_FORMS = {
    "non_saturating": (
        lambda fake: softplus(-fake).mean(),
        lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
    ),
    "hinge": (
        lambda fake: -fake.mean(),
        lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
    ),
    "wasserstein": (
        lambda fake: -fake.mean(),
        lambda real, fake: fake.mean() - real.mean(),
    ),
    "least_squares": (
        lambda fake: ((fake - 1) ** 2).mean() / 2,
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_adversarial_losses_equal_their_closed_forms(name):
    loss = adversarial.get(name)
    generator, discriminator = CLOSED_FORMS[name]
    real, fake = drawn(6, 1) * 3, drawn(6, 1, seed=1) * 3
    for value, expected in (
        (loss.generator(tf.constant(fake)), generator(fake)),
        (loss.discriminator(tf.constant(real), tf.constant(fake)), discriminator(real, fake)),
    ):
        assert value.shape == ()
        assert float(value) == pytest.approx(expected, rel=1e-5)


def test_the_relativistic_loss_sees_differences_of_pairs_alone():
    loss = adversarial.get("relativistic")
    real, fake, content = (tf.constant(drawn(6, 1, seed=i) * 3) for i in range(3))
    expected = softplus(fake.numpy() - real.numpy()).mean()
    assert float(loss.discriminator(real, fake)) == pytest.approx(expected, rel=1e-5)
    expected = softplus(real.numpy() - fake.numpy()).mean()
    assert float(loss.generator(fake, real)) == pytest.approx(expected, rel=1e-5)
    again = loss.generator(fake + 10.0 * content, real + 10.0 * content)
    assert float(again) == pytest.approx(expected, rel=1e-4)
    assert loss.relative and not adversarial.get("hinge").relative


def test_the_non_saturating_gradient_does_not_saturate():
    """-σ(-D) for the generator: nearly -1 where the discriminator is sure, not 0."""
    fake = tf.constant([[-30.0], [0.0], [2.0]])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = adversarial.get("non_saturating").generator(fake)
    expected = -scipy.special.expit(-fake.numpy()) / 3
    np.testing.assert_allclose(tape.gradient(loss, fake), expected, atol=1e-6)


def test_an_unknown_adversarial_loss_is_refused():
    with pytest.raises(UserError, match="Did you mean 'hinge'"):
        adversarial.get("hing")


# R1 --------------------------------------------------------------------------------------------


def test_r1_of_a_linear_discriminator():
    slope = drawn(4, 4, 3)
    seen = []

    def discriminator(images, label, training):
        seen.append((label, training))
        return tf.reduce_sum(images * slope, [1, 2, 3])[:, None] + 5.0

    images = tf.constant(drawn(5, 4, 4, 3, seed=1))
    penalty = adversarial.r1_penalty(discriminator, images, label=7)
    assert float(penalty) == pytest.approx((slope.astype(np.float64) ** 2).sum(), rel=1e-5)
    assert seen == [(7, True)]


def test_r1_of_a_quadratic_discriminator_and_its_gradient():
    """For D(x) = xᵀAx / 2 the penalty is the mean of |Sx|², S the symmetric part of A."""
    matrix, images = drawn(12, 12) / 4, drawn(5, 2, 2, 3, seed=1)
    weight = tf.Variable(matrix)

    def discriminator(images, label, training):
        x = tf.reshape(images, [-1, 12])
        return tf.reduce_sum(x @ weight * x, 1, keepdims=True) / 2

    with tf.GradientTape() as tape:
        penalty = adversarial.r1_penalty(discriminator, tf.constant(images))
    x = images.reshape(5, 12).astype(np.float64)
    slopes = x @ (matrix + matrix.T) / 2
    assert float(penalty) == pytest.approx((slopes**2).sum(1).mean(), rel=1e-5)
    outer = np.einsum("ni,nj->ij", slopes, x) / 5
    np.testing.assert_allclose(tape.gradient(penalty, weight), outer + outer.T, atol=1e-4)


def test_r1_equals_finite_differences():
    first, second = drawn(12, 6).astype(np.float64), drawn(6, 1, seed=1).astype(np.float64)

    def score(x):
        return np.tanh(x.reshape(len(x), 12) @ first / 3) @ second

    def discriminator(images, label, training):
        return tf.tanh(tf.reshape(images, [-1, 12]) @ first / 3) @ second

    images = drawn(4, 2, 2, 3, seed=2).astype(np.float64)
    slopes = np.zeros_like(images)
    for at in np.ndindex(images.shape):
        step = np.zeros_like(images)
        step[at] = 1e-6
        slopes[at] = (score(images + step) - score(images - step)).sum() / 2e-6
    penalty = adversarial.r1_penalty(discriminator, tf.constant(images))
    assert float(penalty) == pytest.approx((slopes**2).sum() / 4, rel=1e-5)


def test_r1_of_every_backbone_trains_its_discriminator(tiny_gan):
    images = tf.constant(drawn(4, *tiny_gan.image_shape))
    weights = [v.value for v in tiny_gan.discriminator.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        penalty = adversarial.r1_penalty(tiny_gan.discriminator, images)
    assert float(penalty) > 0
    gradients = [g for g in tape.gradient(penalty, weights) if g is not None]
    # All but what only adds to the logit, or to what a batch norm centres.
    assert len(gradients) > len(weights) / 2
    assert all(np.isfinite(g).all() for g in gradients)
    assert sum(float(tf.norm(g)) for g in gradients) > 0


# Latent prior ----------------------------------------------------------------------------------

COUNT = st.integers(1, 12)


@settings(max_examples=25)
@given(n=COUNT, m=COUNT, d=COUNT, offset=st.sampled_from([0, 3]))
def test_squared_distances(n, m, d, offset):
    a, b = drawn(n, d) + np.float32(offset), drawn(m, d, seed=1)
    distances = squared_distances(tf.constant(a), tf.constant(b))
    expected = scipy.spatial.distance.cdist(a, b, "sqeuclidean")
    np.testing.assert_allclose(distances, expected, rtol=1e-4, atol=1e-4)


def test_squared_distances_are_never_negative():
    a = tf.constant(drawn(50, 64) * 100)
    distances = np.asarray(squared_distances(a, a))
    assert distances.min() >= 0
    assert np.diag(distances).max() < 1e-5 * distances.max()


@settings(max_examples=25)
@given(n=COUNT, k=COUNT, d=COUNT, convention=st.sampled_from(["code", "paper"]))
def test_latent_prior_equals_brute_force(n, k, d, convention):
    latents, prior = drawn(n, d), drawn(k, d, seed=1)
    to_latents = [min(((p - z) ** 2).sum() for z in latents) for p in prior]
    to_prior = [min(((p - z) ** 2).sum() for p in prior) for z in latents]
    if convention == "code":
        expected = np.mean(to_latents) + np.mean(to_prior)
    else:
        expected = (np.sum(to_latents) + np.sum(to_prior)) / d
    loss = latent_prior_loss(tf.constant(latents), tf.constant(prior), convention)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(expected, rel=1e-4, abs=1e-4)


# A discriminator on frozen features ------------------------------------------------------------


def pictures_of(seed: int, n: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3)).astype(np.uint8)


def as_images(pictures: np.ndarray) -> tf.Tensor:
    return tf.constant(pictures, tf.float32) / 127.5 - 1.0


@pytest.mark.download
def test_heads_see_random_projections_of_unit_size():
    pictures = pictures_of(0)
    critic = FeatureDiscriminator(pictures, seed=1)
    seen = critic.features(as_images(pictures))
    assert [f.shape[-1] for f in seen] == [64] * 4
    assert [f.shape[1] for f in seen] == [23, 11, 5, 5]  # AlexNet of 96 px
    for feature in seen:
        assert 0.5 < np.sqrt(np.mean(np.square(feature))) < 2.0
    again = FeatureDiscriminator(pictures, seed=1)
    other = FeatureDiscriminator(pictures, seed=2)
    for mine, same, unlike in zip(
        critic.logits(seen), again.logits(seen), other.logits(seen), strict=True
    ):
        np.testing.assert_array_equal(mine, same)
        assert np.abs(mine - unlike).max() > 1e-3


@pytest.mark.download
def test_heads_with_classes_are_told_them():
    pictures = pictures_of(0)
    plain, critic = FeatureDiscriminator(pictures), FeatureDiscriminator(pictures, classes=3)
    seen = critic.features(as_images(pictures))
    assert len(critic.variables) == len(plain.variables) + 4
    n = len(pictures)
    one, other = (critic.logits(seen, np.full(n, label)) for label in (0, 1))
    for mine, theirs, unlabelled in zip(one, other, plain.logits(seen), strict=True):
        assert mine.shape == theirs.shape == unlabelled.shape
        assert np.abs(mine - theirs).max() > 1e-4
    # Each picture by its own label.
    mixed = critic.logits(seen, np.array([0, 1] * n)[:n])
    np.testing.assert_allclose(mixed[0][0], one[0][0], atol=1e-6)
    np.testing.assert_allclose(mixed[0][1], other[0][1], atol=1e-6)
    # Without a step all rows are those of one class: nothing else tells the labels apart.
    tables = [v for v in critic.variables if v.path.startswith("projection")]
    for table in tables:
        table.assign(np.repeat(table.numpy()[:1], 3, axis=0))
    for mine, theirs in zip(
        critic.logits(seen, np.zeros(n, int)), critic.logits(seen, np.full(n, 2)), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.download
def test_heads_see_how_a_group_differs():
    pictures = pictures_of(0)[:4]
    critic = FeatureDiscriminator(pictures, group=2)
    # Groups are of the pictures 0 and 2, and of 1 and 3.
    alike = pictures[[0, 1, 0, 3]]
    one, other = (critic.logits(critic.features(as_images(p))) for p in (pictures, alike))
    changed = np.abs(one[0] - other[0]).max((1, 2, 3)) > 1e-5
    np.testing.assert_array_equal(changed, [True, False, True, False])


@pytest.mark.download
def test_losses_on_features_are_hinges_of_normalised_heads():
    real, fake = pictures_of(0), pictures_of(1)
    critic = FeatureDiscriminator(real)
    real_features = critic.features(as_images(real))
    fake_features = critic.features(as_images(fake))
    # Power iteration has converged when the loss is called often enough.
    for _ in range(50):
        on_real = critic.logits(real_features, training=True)
        loss = critic.discriminator_loss(on_real, critic.logits(fake_features))
    kernels = [v.numpy() for v in critic.variables if v.name == "kernel"]
    assert len(kernels) == 12
    for kernel in kernels:
        largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
        assert largest == pytest.approx(1.0, abs=0.02)

    def convolved(x, kernel, bias):
        pad = kernel.shape[0] // 2
        wide = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(wide, kernel.shape[:2], (1, 2))
        return np.einsum("nhwcij,ijcd->nhwd", windows, kernel) + bias

    def logits(features):
        weights = [v.numpy() for v in critic.variables]
        for i, feature in enumerate(features):
            x = np.asarray(feature)
            for layer in range(3):
                kernel, bias = weights[6 * i + 2 * layer : 6 * i + 2 * layer + 2]
                x = convolved(x, kernel, bias)
                x = np.where(x > 0, x, 0.2 * x) if layer < 2 else x
            yield x

    on_real, on_fake = list(logits(real_features)), list(logits(fake_features))
    expected = np.mean([np.maximum(0, 1 - x).mean() for x in on_real])
    expected += np.mean([np.maximum(0, 1 + x).mean() for x in on_fake])
    assert float(loss) == pytest.approx(expected, abs=1e-4)
    generator = -np.mean([x.mean() for x in on_fake])
    judged = critic.generator_loss(critic.logits(fake_features))
    assert float(judged) == pytest.approx(generator, abs=1e-4)


# Perceptual loss -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """uint8 ``[10, 16, 16, 3]``, smooth; more than are computed at a time."""
    noise = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3))
    return np.kron(noise, np.ones((1, 4, 4, 1))).astype(np.uint8)


def layer_losses(images, targets, norm="l1", preprocess="torchvision"):
    network = VGG16Features(BSA_LAYERS, preprocess)
    measure = np.abs if norm == "l1" else np.square
    pairs = zip(network(images), network(targets), strict=True)
    return [measure(np.float64(a) - np.float64(b)).mean() for a, b in pairs]


@pytest.mark.download
@pytest.mark.parametrize("weight", [1.0, None])
def test_equal_images_have_no_perceptual_loss(pictures, weight):
    loss = PerceptualLoss(pictures, weight=weight)
    indices = tf.constant([9, 2, 2])
    images = tf.gather(as_images(pictures), indices)
    # The targets' activations were computed in other batches, which round otherwise.
    total, plain = loss(images, images, indices)
    assert float(plain) < 1e-5
    assert float(total) < (0.1 * 10 if weight is None else 1e-5)
    total, _ = loss(images, images, tf.constant([3, 2, 2]))
    assert float(total) > 0.5


@pytest.mark.download
@pytest.mark.parametrize("preprocess", ["torchvision", "bsa"])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_fixed_weights_scale_the_sum_over_layers(pictures, norm, preprocess):
    indices = tf.constant([9, 0, 4])
    images, targets = tf.constant(drawn(3, 16, 16, 3)), tf.gather(as_images(pictures), indices)
    expected = sum(layer_losses(images, targets, norm, preprocess))
    for weight in (1.0, 0.001):
        loss = PerceptualLoss(pictures, norm, weight, preprocess)
        total, plain = loss(images, targets, indices)
        assert float(plain) == pytest.approx(expected, rel=1e-4)
        assert float(total) == pytest.approx(weight * expected, rel=1e-4)


@pytest.mark.download
def test_adaptive_weights_make_every_layer_pull_alike(pictures):
    indices = tf.constant([1, 7])
    images, targets = tf.constant(drawn(2, 16, 16, 3)), tf.gather(as_images(pictures), indices)
    loss = PerceptualLoss(pictures, weight=None)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total, plain = loss(images, targets, indices)
    losses = layer_losses(images, targets)
    assert float(total) == pytest.approx(0.1 * len(BSA_LAYERS), rel=1e-5)
    assert float(plain) == pytest.approx(sum(losses), rel=1e-4)
    gradient = tape.gradient(total, images).numpy()
    # The weights are constants: each layer's gradient is scaled by them, not cancelled.
    network, expected = VGG16Features(BSA_LAYERS), 0
    wanted = network(targets)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        pairs = zip(network(images), wanted, strict=True)
        each = [tf.reduce_mean(tf.abs(a - b)) for a, b in pairs]
    for layer, value in zip(each, losses, strict=True):
        expected = expected + 0.1 / value * tape.gradient(layer, images).numpy()
    np.testing.assert_allclose(gradient, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.download
def test_targets_that_are_too_many_to_keep_are_computed_again(pictures, monkeypatch):
    indices = tf.constant([8, 3])
    images, targets = tf.constant(drawn(2, 16, 16, 3)), tf.gather(as_images(pictures), indices)
    kept = PerceptualLoss(pictures, weight=1.0)
    monkeypatch.setattr(perceptual, "_CACHE_BYTES", 0)
    anew = PerceptualLoss(pictures, weight=1.0)
    # Only what is kept can do without the targets.
    without = float(kept(images, images, indices)[0])
    assert without == pytest.approx(float(anew(images, targets, indices)[0]), rel=1e-5)
    assert float(anew(images, images, indices)[0]) < 1e-5


def test_an_unknown_norm_is_refused(pictures):
    with pytest.raises(UserError, match="'l3'"):
        PerceptualLoss(pictures, norm="l3")


# Fisher diagonal -------------------------------------------------------------------------------


def variable(value, name="weight") -> keras.Variable:
    return keras.Variable(np.asarray(value, np.float32), name=name)


def test_fisher_of_a_linear_gaussian_model():
    """y = θ·x + ε: the information of θ_i is E[x_i²] / σ², with samples (x, ε)."""
    sigma, scales = 0.5, np.array([1, 2, 0.1], np.float32)
    theta = variable([0.3, -1, 2])
    x = drawn(4000, 3) * scales
    noise = drawn(4000, 1, seed=1) * np.float32(sigma)
    target = theta.numpy().copy()

    def loss(z):
        y = tf.linalg.matvec(z[:, :3], target) + z[:, 3]
        return tf.square(y - tf.linalg.matvec(z[:, :3], theta.value)) / (2 * sigma**2)

    (fisher,) = fisher_diagonal(loss, [theta], np.concatenate([x, noise], 1))
    exact = ((noise * x.astype(np.float64)) ** 2).mean(0) / sigma**4
    np.testing.assert_allclose(fisher, exact, rtol=1e-4)
    np.testing.assert_allclose(fisher, scales**2 / sigma**2, rtol=0.12)
    assert fisher.dtype == np.float32


def logistic():
    """Logistic regression with a bias, its samples and the gradient of every one."""
    z = drawn(4096, 3)
    theta, bias = variable([0.5, -1, 0.2]), variable([0.1], "bias")

    def loss(z):
        return tf.nn.softplus(-tf.linalg.matvec(z, theta.value) - bias.value)

    wide = z.astype(np.float64)
    slope = -scipy.special.expit(-(wide @ theta.numpy() + bias.numpy()))
    return z, loss, [theta, bias], [slope[:, None] * wide, slope[:, None]]


def test_fisher_of_logistic_regression():
    z, loss, variables, gradients = logistic()
    fisher = fisher_diagonal(loss, variables, z)
    for f, g in zip(fisher, gradients, strict=True):
        np.testing.assert_allclose(f, (g**2).mean(0), rtol=1e-4)
    # At θ = 0 every probability is 1/2: E[g²] = E[z²] / 4.
    for v in variables:
        v.assign(np.zeros(v.shape))
    theta, bias = fisher_diagonal(loss, variables, z)
    np.testing.assert_allclose(theta, (z.astype(np.float64) ** 2).mean(0) / 4, rtol=1e-4)
    np.testing.assert_allclose(bias, 0.25, rtol=1e-4)


def test_batch_means_square_the_gradient_of_every_batch():
    z, loss, variables, gradients = logistic()
    fisher = fisher_diagonal(loss, variables, z[:22], "batch_mean", batch_size=5)
    for f, g in zip(fisher, gradients, strict=True):
        # The last two samples fill no batch.
        expected = (g[:20].reshape(4, 5, -1).mean(1) ** 2).mean(0)
        np.testing.assert_allclose(f, expected, rtol=1e-4)


def test_batch_means_shrink_the_fisher_by_the_batch_size():
    """A mean of n independent gradients, each 0 on average, has 1/n of their square."""
    z, theta = drawn(4096, 3), variable([1, 1, 1])

    def loss(z):
        return tf.linalg.matvec(z, theta.value)

    (each,) = fisher_diagonal(loss, [theta], z)
    (means,) = fisher_diagonal(loss, [theta], z, "batch_mean", batch_size=8)
    np.testing.assert_allclose(each, 1, rtol=0.1)
    np.testing.assert_allclose(each / means, 8, rtol=0.2)


# Estimates are compiled, which takes long, and do the same with each.
of_most = pytest.mark.parametrize(
    "tiny_gan",
    [
        pytest.param(name, marks=[pytest.mark.large] * (name in ("progan", "stylegan3")))
        for name in sorted(TINY)
    ],
    indirect=True,
)


@of_most
def test_fisher_equals_a_loop_over_samples(tiny_gan):
    z = tiny_gan.sample_latents(3, seed=0)
    variables = tiny_gan.generator.trainable_weights
    tensors = [v.value for v in variables]

    def loss(z):
        return tf.nn.softplus(-tiny_gan.discriminator(tiny_gan.generator(z))[:, 0])

    expected = [np.zeros(v.shape) for v in variables]
    for i in range(3):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = loss(tf.constant(z[i : i + 1]))[0]
        for total, g in zip(expected, tape.gradient(value, tensors), strict=True):
            total += g.numpy().astype(np.float64) ** 2 / 3
    for f, e, v in zip(fisher_diagonal(loss, variables, z), expected, variables, strict=True):
        assert f.shape == v.shape
        np.testing.assert_allclose(f, e, rtol=1e-3, atol=1e-5 * e.max() + 1e-12)


def test_weights_that_the_loss_does_not_see_have_no_information():
    theta, idle = variable([1.0, 2.0]), variable([[3.0]], "idle")
    seen, unseen = fisher_diagonal(
        lambda z: tf.linalg.matvec(z, theta.value), [theta, idle], drawn(4, 2)
    )
    assert (seen > 0).all()
    np.testing.assert_array_equal(unseen, [[0.0]])


def test_what_the_fisher_diagonal_refuses():
    z, loss, variables, _ = logistic()
    with pytest.raises(UserError, match="'mean'"):
        fisher_diagonal(loss, variables, z, "mean")
    with pytest.raises(UserError, match="at least 8 samples, not 7"):
        fisher_diagonal(loss, variables, z[:7], "batch_mean")
    with pytest.raises(UserError, match="at least 1 samples, not 0"):
        fisher_diagonal(loss, variables, z[:0])
    variables[0].assign([np.nan, 0, 0])
    with pytest.raises(UserError, match="not finite"):
        fisher_diagonal(loss, variables, z[:4])


# Elastic weight consolidation ------------------------------------------------------------------


def line(layer="dense"):
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(4, name=layer)(inputs), name="generator")


def linear_pair():
    """A generator x = zW + b and a discriminator a·x, whose Fisher has a closed form."""
    source = line()
    judge = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    for i, v in enumerate((*source.weights, *judge.weights)):
        v.assign(drawn(*v.shape, seed=20 + i))
    return source, judge


def copied(source, offset=0.0):
    twin = line()
    for i, (v, w) in enumerate(zip(twin.weights, source.weights, strict=True)):
        v.assign(w.numpy() + offset * drawn(*w.shape, seed=30 + i))
    return twin


def closed_fisher(source, judge, samples, seed=0):
    z = np.random.default_rng(seed).standard_normal((samples, 3), dtype=np.float32)
    kernel, bias = (v.numpy().astype(np.float64) for v in source.weights)
    a = judge.weights[0].numpy().astype(np.float64)[:, 0]
    slope = scipy.special.expit(-(z @ kernel + bias) @ a) ** 2
    f_kernel = (slope[:, None] * z.astype(np.float64) ** 2).mean(0)[:, None] * a**2
    return {"dense/kernel": f_kernel, "dense/bias": slope.mean() * a**2}


def test_ewc_penalty_and_its_gradient():
    source, judge = linear_pair()
    generator = copied(source, offset=0.3)
    callback = EWC(generator, judge, 50.0, latent_dim=3, source=source, samples=64, seed=4)
    with pytest.raises(UserError, match=r"call prepare\(\)"):
        callback.penalty()
    callback.prepare()
    fisher = closed_fisher(source, judge, 64, seed=4)
    assert callback.fisher.keys() == fisher.keys()
    for path, f in fisher.items():
        np.testing.assert_allclose(callback.fisher[path], f, rtol=1e-4)
    moved = {
        v.path: v.numpy().astype(np.float64) - w.numpy()
        for v, w in zip(generator.weights, source.weights, strict=True)
    }
    expected = 50 * sum((fisher[p] * moved[p] ** 2).sum() for p in fisher)
    weights = [v.value for v in generator.weights]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        penalty = callback.penalty()
    assert penalty.shape == ()
    assert float(penalty) == pytest.approx(expected, rel=1e-4)
    for v, gradient in zip(generator.weights, tape.gradient(penalty, weights), strict=True):
        wanted = 2 * 50 * fisher[v.path] * moved[v.path]
        np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-5)
    for v, w in zip(generator.weights, source.weights, strict=True):
        v.assign(w)
    assert float(callback.penalty()) == 0


def test_ewc_without_a_source_anchors_the_generator_as_it_was():
    source, judge = linear_pair()
    generator = copied(source)
    callback = EWC(generator, judge, 2.0, latent_dim=3, samples=16, companions=0)
    callback.prepare()
    assert float(callback.penalty()) == 0
    generator.weights[1].assign_add([1.0, 0.0, 0.0, 0.0])
    # A second call changes neither the anchor nor the diagonal.
    callback.prepare()
    expected = 2 * closed_fisher(source, judge, 16)["dense/bias"][0]
    assert float(callback.penalty()) == pytest.approx(expected, rel=1e-4)


def test_ewc_shows_the_discriminator_companions(build_tiny):
    """Each sample is judged beside three fixed others, whose deviation it changes."""
    gan = build_tiny("stylegan", resolution=8, channels=[4, 4])
    for v in gan.discriminator.trainable_weights:
        v.assign(drawn(*v.shape, seed=len(v.path)))
    generator, judge = gan.generator, gan.discriminator
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, 8), dtype=np.float32)
    others = generator(rng.standard_normal((3, 8), dtype=np.float32))
    variables = generator.trainable_weights
    tensors = [v.value for v in variables]
    expected = [np.zeros(v.shape) for v in variables]
    for i in range(2):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            images = tf.concat([generator(z[i : i + 1]), others], 0)
            value = tf.nn.softplus(-judge(images)[0, 0])
        for total, g in zip(expected, tape.gradient(value, tensors), strict=True):
            total += g.numpy().astype(np.float64) ** 2 / 2
    given = {"latent_dim": 8, "samples": 2, "seed": 1}
    beside = EWC(generator, judge, 1.0, **given)
    beside.prepare()
    for v, e in zip(variables, expected, strict=True):
        fisher = beside.fisher[v.path]
        np.testing.assert_allclose(fisher, e, rtol=2e-3, atol=1e-4 * e.max() + 1e-12)
    alone = EWC(generator, judge, 1.0, companions=0, **given)
    alone.prepare()
    path = "generator/8x8/Conv1/weight"
    assert not np.allclose(alone.fisher[path], beside.fisher[path], rtol=0.01)


def test_fisher_of_pixels_is_the_mean_square_of_the_jacobian():
    """x = zW + b: ∂x_j/∂W_ij = z_i and ∂x_j/∂b_j = 1, over 4 outputs."""
    source, _ = linear_pair()
    callback = EWC(source, None, 1.0, latent_dim=3, samples=4000, likelihood="pixels", seed=6)
    callback.prepare()
    z = np.random.default_rng(6).standard_normal((4000, 3), dtype=np.float32)
    kernel = np.repeat((z.astype(np.float64) ** 2).mean(0)[:, None], 4, 1) / 4
    # The projections are random: 4,000 squares of normal numbers, within four deviations.
    np.testing.assert_allclose(callback.fisher["dense/bias"], np.full(4, 0.25), rtol=0.09)
    np.testing.assert_allclose(callback.fisher["dense/kernel"], kernel, rtol=0.2)


def test_ewc_without_a_discriminator_says_what_to_do():
    source, judge = linear_pair()
    with pytest.raises(UserError, match="likelihood 'pixels'"):
        EWC(source, None, 1.0, latent_dim=3)
    with pytest.raises(UserError, match="Unknown likelihood 'pixel'"):
        EWC(source, judge, 1.0, latent_dim=3, likelihood="pixel")


# NumPy leaves an archive open that it finds broken.
def test_ewc_keeps_its_diagonal_in_a_file(tmp_path):
    source, judge = linear_pair()
    cache = tmp_path / "deeper" / "fisher.npz"

    def estimated():
        callback = EWC(source, judge, 1.0, latent_dim=3, samples=16, cache=cache)
        callback.prepare()
        return callback.fisher

    first = estimated()
    with np.load(cache) as file:
        assert {k: file[k].tolist() for k in file.files} == {
            k: v.tolist() for k, v in first.items()
        }
    assert [p.name for p in cache.parent.iterdir()] == ["fisher.npz"]
    marked = {k: v + 1 for k, v in first.items()}
    np.savez(cache, **marked)
    for k, v in estimated().items():
        np.testing.assert_array_equal(v, marked[k])
    whole = cache.read_bytes()
    others = tmp_path / "others.npz"
    np.savez(others, **{"dense/kernel": np.ones((3, 4)), "dense/bias": np.ones(5)})
    for broken in (b"", b"no archive", whole[: len(whole) // 2], others.read_bytes()):
        cache.write_bytes(broken)
        for k, v in estimated().items():
            np.testing.assert_array_equal(v, first[k])
        with np.load(cache) as file:
            np.testing.assert_array_equal(file["dense/bias"], first["dense/bias"])


def fitted(generator, z, callbacks, targets=None, steps=1, rate=0.01):
    """One epoch of so many steps on all of the data; the mean loss."""
    generator.compile(keras.optimizers.SGD(rate), "mse")
    targets = np.asarray(generator(z) if targets is None else targets)
    z, targets = (np.tile(a, (steps, 1)) for a in (z, targets))
    history = generator.fit(
        z, targets, len(z) // steps, verbose=0, shuffle=False, callbacks=callbacks
    )
    return history.history["loss"]


def test_ewc_joins_a_fit():
    """With targets that the generator already meets, the penalty alone makes the step."""
    source, judge = linear_pair()
    generator = copied(source, offset=0.3)
    before = {v.path: v.numpy().astype(np.float64) for v in generator.weights}
    callback = EWC(generator, judge, 5.0, latent_dim=3, source=source, samples=64)
    losses = fitted(generator, drawn(8, 3), [callback])
    fisher, expected = closed_fisher(source, judge, 64), 0
    for v, w in zip(generator.weights, source.weights, strict=True):
        moved = before[v.path] - w.numpy()
        expected += 5 * (fisher[v.path] * moved**2).sum()
        wanted = before[v.path] - 0.01 * 2 * 5 * fisher[v.path] * moved
        np.testing.assert_allclose(v.numpy(), wanted, atol=1e-5)
    assert losses == pytest.approx([expected], rel=1e-4)
    assert generator.losses == []


def test_ewc_pulls_weights_back():
    source, judge = linear_pair()
    z = drawn(32, 3)
    targets = np.asarray(source(z)) + 3.0

    def distance(strength):
        generator = copied(source)
        callback = EWC(generator, judge, strength, latent_dim=3, samples=64)
        fitted(generator, z, [callback], targets, steps=60, rate=0.05)
        return sum(
            ((v.numpy() - w.numpy()) ** 2).sum()
            for v, w in zip(generator.weights, source.weights, strict=True)
        )

    free, held = distance(0.0), distance(20.0)
    assert free > 20
    assert held < 0.3 * free


def test_ewc_is_in_the_losses_only_while_fitting():
    source, judge = linear_pair()
    generator = copied(source, offset=0.3)
    callback = EWC(generator, judge, 5.0, latent_dim=3, source=source, samples=16)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(sum(generator.losses)))
    )
    fitted(generator, drawn(8, 3), [callback, watch])
    assert seen == [pytest.approx(float(callback.penalty()), rel=1e-5)]
    assert generator.losses == []
    apart = EWC(generator, judge, 5.0, latent_dim=3, source=source, samples=16, attach=False)
    assert fitted(generator, drawn(8, 3), [apart]) == pytest.approx([0.0], abs=1e-9)
    assert float(apart.penalty()) > 0


def test_ewc_joins_and_leaves_a_model_that_was_fitted_before():
    source, judge = linear_pair()
    generator, z = copied(source, offset=0.3), drawn(8, 3)
    generator.compile(keras.optimizers.SGD(1e-9), "mse")
    targets = np.asarray(generator(z))
    callback = EWC(generator, judge, 5.0, latent_dim=3, source=source, samples=16)
    losses = [
        generator.fit(z, targets, 8, verbose=0, callbacks=callbacks).history["loss"][0]
        for callbacks in ([], [callback], [])
    ]
    assert losses == pytest.approx([0, float(callback.penalty()), 0], rel=1e-4, abs=1e-6)


def test_ewc_leaves_other_regularizers_in_place():
    source, judge = linear_pair()
    generator, z = copied(source, offset=0.3), drawn(8, 3)
    own = keras.regularizers.L2(0.5)
    generator.weights[0].regularizer = own
    decay = 0.5 * (generator.weights[0].numpy() ** 2).sum()
    callback = EWC(generator, judge, 5.0, latent_dim=3, source=source, samples=16)
    callback.prepare()
    expected = float(callback.penalty()) + decay
    assert fitted(generator, z, [callback], rate=1e-9) == pytest.approx([expected], rel=1e-4)
    assert generator.weights[0].regularizer is own


def test_what_ewc_refuses():
    source, judge = linear_pair()
    with pytest.raises(UserError, match=r"0 or more, not -1\.0"):
        EWC(source, judge, -1.0, latent_dim=3)
    callback = EWC(line("thick"), judge, 1.0, latent_dim=3, source=source, samples=2)
    with pytest.raises(UserError, match="no weight of the source"):
        callback.prepare()


@of_most
def test_fisher_penalty_of_a_gan(tiny_gan, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path))
    gan = tiny_gan.clone()
    problem = Problem(gan, tiny_gan, None, 2, 0)
    cell = FisherPenalty(ewc_strength=3.0, fisher_samples=4)
    penalty = cell.prepare(problem, None, None)
    (callback,) = penalty.callbacks
    callback.on_train_begin()
    assert penalty.player == "generator"
    assert float(penalty.term(None)[0]) == 0
    expected = 0.0
    for i, v in enumerate(gan.generator.trainable_weights):
        v.assign_add(drawn(*v.shape, seed=i) * 0.1)
        moved = v.numpy().astype(np.float64) - tiny_gan.variables_by_path()[v.path].numpy()
        expected += 3 * (callback.fisher[v.path] * moved**2).sum()
    assert expected > 0
    value, numbers = penalty.term(None)
    assert float(value) == float(numbers["ewc"]) == pytest.approx(expected, rel=1e-3)
    # Kept for the same source and settings, whatever became of the network in training.
    (kept,) = (tmp_path / "fisher").iterdir()
    again = cell.prepare(problem, None, None).callbacks[0]
    assert again.estimate.cache == kept
    other = FisherPenalty(fisher_samples=5).prepare(problem, None, None).callbacks[0]
    assert other.estimate.cache != kept
    nowhere = FisherPenalty(fisher_cache=False).prepare(problem, None, None).callbacks[0]
    assert nowhere.estimate.cache is None


def test_fisher_penalty_needs_a_discriminator(tiny_dcgan):
    gan = tiny_dcgan.clone()
    gan.discriminator = None
    for source in (gan, None):
        with pytest.raises(UserError, match="needs a source"):
            FisherPenalty().prepare(Problem(tiny_dcgan, source, None, 2, 0), None, None)
