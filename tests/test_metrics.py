"""Metrics against closed forms, SciPy, scikit-learn, TF-GAN and brute force."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.neighbors import NearestNeighbors

from tf_fewshot import features, metrics
from tf_fewshot._version import __version__
from tf_fewshot.compat import tfgan
from tf_fewshot.data import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.metrics import kernel, neighbours
from tf_fewshot.metrics.embeddings import Embeddings, distances


def gaussian(n, dim, seed=0, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(dim, dim)) / np.sqrt(dim)
    return rng.normal(size=(n, dim)) @ mixing * scale + shift


def pictures(n, size=16, seed=0, low=0, high=256):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (n, size, size, 3), np.uint8)


# TF-GAN ---------------------------------------------------------------------------


def test_tfgan_leaves_tensorflow_as_it_was():
    module = tfgan.load()
    assert module.__name__ == "tensorflow_gan"
    assert tfgan.load() is module
    assert not hasattr(tf, "estimator")
    assert not hasattr(tf.compat.v1, "estimator")
    loss = module.losses.wargs.wasserstein_generator_loss(tf.constant([1.0, 3.0]))
    assert float(loss) == -2.0


def test_tfgan_estimators_say_that_they_are_gone():
    with pytest.raises(UserError, match=r"StarGANEstimator needs tf\.estimator"):
        tfgan.load().estimator.StarGANEstimator(loss_fn=len)


# Fréchet distance -----------------------------------------------------------------


def frechet_by_sqrtm(real, fake):
    """The formula of Heusel et al. as it is written."""
    product = np.cov(real.T) @ np.cov(fake.T)
    trace = np.trace(np.cov(real.T) + np.cov(fake.T) - 2 * scipy.linalg.sqrtm(product).real)
    return np.sum((real.mean(0) - fake.mean(0)) ** 2) + trace


@pytest.mark.parametrize(("n", "m"), [(200, 300), (64, 65), (40, 200), (30, 20)])
def test_frechet_equals_the_formula(n, m):
    """With more and with fewer samples than features."""
    real, fake = gaussian(n, 64, 1), gaussian(m, 64, 2, scale=1.3, shift=0.2)
    ours = metrics.frechet_distance(real, fake)
    # sqrtm of a singular matrix is good to about the root of the rounding.
    tolerance = 1e-9 if min(n, m) > 65 else 1e-5
    assert ours == pytest.approx(frechet_by_sqrtm(real, fake), rel=tolerance)


def test_frechet_of_known_gaussians():
    """Samples whose mean and covariance are exact: |Δm|² + Σ (σ_r - σ_f)²."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    white = np.linalg.qr(np.c_[np.ones(50), basis[:, :9]])[0][:, 1:] * np.sqrt(49)
    sigma_real, sigma_fake = rng.uniform(0.1, 3, (2, 9))
    mean = rng.normal(size=9)
    expected = np.sum(mean**2) + np.sum((sigma_real - sigma_fake) ** 2)
    ours = metrics.frechet_distance(white * sigma_real, white[::-1] * sigma_fake + mean)
    rotated = metrics.frechet_distance(white * sigma_real, white * sigma_fake + mean)
    assert rotated == pytest.approx(expected, rel=1e-10)
    # Reversing the samples changes neither mean nor covariance.
    assert ours == pytest.approx(expected, rel=1e-10)


@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 12), st.integers(0, 999))
def test_frechet_is_a_distance(n, m, dim, seed):
    real, fake = gaussian(n, dim, seed), gaussian(m, dim, seed + 1)
    forth, back = metrics.frechet_distance(real, fake), metrics.frechet_distance(fake, real)
    assert forth >= 0
    # The root of an eigenvalue that is 0 is 0 to the root of the rounding.
    spread = real.var(0).sum() + fake.var(0).sum()
    assert forth == pytest.approx(back, rel=1e-6, abs=1e-6 * spread)
    assert metrics.frechet_distance(real, real) == pytest.approx(0, abs=1e-6 * spread)


def test_frechet_of_features_that_do_not_vary():
    real, fake = gaussian(60, 10, 1), gaussian(70, 10, 2)
    real[:, 3], fake[:, 3], real[:, 5], fake[:, 7] = 2, 0, 1, 1
    # What is constant on one side adds its difference of means and the other's variance.
    shared, rest = [0, 1, 2, 4, 6, 8, 9], [3, 5, 7]
    expected = frechet_by_sqrtm(real[:, shared], fake[:, shared])
    expected += np.sum((real.mean(0) - fake.mean(0))[rest] ** 2)
    expected += np.var(fake[:, 5], ddof=1) + np.var(real[:, 7], ddof=1)
    assert metrics.frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)


def test_frechet_agrees_with_tfgan():
    real, fake = gaussian(150, 48, 1), gaussian(120, 48, 2, shift=0.3)
    theirs = tfgan.load().eval.frechet_classifier_distance_from_activations(
        tf.constant(real), tf.constant(fake)
    )
    assert metrics.frechet_distance(real, fake) == pytest.approx(float(theirs), rel=1e-8)


def test_frechet_refuses():
    with pytest.raises(UserError, match="at least 2 pictures on both sides, not 1 real"):
        metrics.frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(UserError, match=r"must be \[N, D\]"):
        metrics.frechet_distance(np.zeros((4, 3)), np.zeros((5, 2)))


# Kernel distance ------------------------------------------------------------------


def mmd_by_sklearn(real, fake):
    def mean_of_others(x):
        kernel = polynomial_kernel(x, degree=3, coef0=1)
        return kernel[~np.eye(len(x), dtype=bool)].mean()

    across = polynomial_kernel(real, fake, degree=3, coef0=1).mean()
    return mean_of_others(real) + mean_of_others(fake) - 2 * across


@pytest.mark.parametrize(("n", "m", "dim"), [(2, 2, 5), (30, 50, 20), (1100, 1030, 3)])
def test_mmd_equals_sklearn(n, m, dim):
    real, fake = gaussian(n, dim, 1), gaussian(m, dim, 2, shift=0.5)
    expected = mmd_by_sklearn(real, fake)
    assert metrics.polynomial_mmd(real, fake) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_kernel_distance_agrees_with_tfgan():
    real, fake = gaussian(120, 16, 1), gaussian(60, 16, 2, shift=0.2)
    value, error = metrics.kernel_distance(real, fake, blocks=4, seed=None)
    theirs = tfgan.load().eval.kernel_classifier_distance_and_std_from_activations(
        tf.constant(real), tf.constant(fake), max_block_size=30
    )
    np.testing.assert_allclose([value, error], theirs, rtol=1e-9)


def test_kernel_distance_is_unbiased():
    """Equal distributions average to 0 at any number of samples, which FID does not."""
    values = [
        metrics.kernel_distance(gaussian(8, 4, seed), gaussian(12, 4, 1000 + seed))[0]
        for seed in range(400)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_kernel_distance_does_not_depend_on_order():
    """Sources are sorted: without a shuffle a block would see one class only."""
    real = np.concatenate([gaussian(200, 8, 1), gaussian(200, 8, 2, shift=3)])
    fake = np.concatenate([gaussian(200, 8, 3, shift=3), gaussian(200, 8, 4)])
    value, error = metrics.kernel_distance(real, fake, blocks=10)
    assert abs(value) < 5 * error
    assert metrics.kernel_distance(real, fake, blocks=10, seed=None)[0] > 50 * abs(value)


def test_one_block_spreads_least():
    """Up to 1,000 samples there is one, as its definition has it, whose values spread least."""

    def spread(n, blocks):
        pairs = [(gaussian(n, 16, seed), gaussian(n, 16, 1000 + seed)) for seed in range(100)]
        return np.std([metrics.kernel_distance(*pair, blocks)[0] for pair in pairs])

    assert spread(40, 4) > 1.3 * spread(40, None)
    assert spread(100, 10) > 1.7 * spread(100, None)
    for n, m, blocks in [
        (2, 2, 1),
        (1000, 1000, 1),
        (25, 2000, 1),
        (1001, 2000, 2),
        (50_000, 50_000, 50),
        (500, 50_000, 5),
        (3, 50_000, 1),
    ]:
        assert kernel.blocks_of(n, m) == kernel.blocks_of(m, n) == blocks


def test_kernel_distance_of_few():
    value, error = metrics.kernel_distance(gaussian(2, 8, 1), gaussian(3000, 8, 2))
    assert np.isfinite(value)
    assert error is None
    with pytest.raises(UserError, match="at least 2 pictures on both sides, not 1 real"):
        metrics.kernel_distance(gaussian(1, 8), gaussian(9, 8))
    with pytest.raises(UserError, match="at least 8 pictures"):
        metrics.kernel_distance(gaussian(7, 8), gaussian(9, 8), blocks=4)


# Gaussian kernel ------------------------------------------------------------------


def gaussian_mmd_by_sklearn(real, fake, bandwidth):
    def kernel(x, y):
        return rbf_kernel(x, y, gamma=1 / (2 * bandwidth**2))

    def mean_of_others(x):
        return kernel(x, x)[~np.eye(len(x), dtype=bool)].mean()

    return mean_of_others(real) + mean_of_others(fake) - 2 * kernel(real, fake).mean()


@pytest.mark.parametrize(("n", "m", "dim"), [(2, 2, 5), (30, 50, 20), (1100, 1030, 3)])
@pytest.mark.parametrize("bandwidth", [0.5, 3.0])
def test_gaussian_mmd_equals_sklearn(n, m, dim, bandwidth):
    """Also in tiles; and far from the origin, where distances lose digits."""
    real, fake = gaussian(n, dim, 1, shift=200.0), gaussian(m, dim, 2, shift=200.5)
    expected = gaussian_mmd_by_sklearn(real - 200, fake - 200, bandwidth)
    ours = metrics.gaussian_mmd(real, fake, bandwidth)
    assert ours == pytest.approx(expected, rel=1e-8, abs=1e-11)


def test_gaussian_mmd_by_hand():
    """Two points each, 0 and 1 against 2 and 4: every pair counted once."""

    def kernel(distance):
        return np.exp(-(distance**2) / (2 * 1.5**2))

    expected = kernel(1) + kernel(2) - (kernel(2) + kernel(4) + kernel(1) + kernel(3)) / 2
    real, fake = np.array([[0.0], [1.0]]), np.array([[2.0], [4.0]])
    assert metrics.gaussian_mmd(real, fake, 1.5) == pytest.approx(expected, rel=1e-12)


def test_gaussian_mmd_is_unbiased_and_bounded():
    values = [
        metrics.gaussian_mmd(gaussian(6, 4, seed), gaussian(9, 4, 1000 + seed), 2.0)
        for seed in range(400)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0
    same = np.zeros((5, 3))
    assert metrics.gaussian_mmd(same, same + 100, 1.0) == 2.0


def test_the_median_is_of_all_pairs_of_different_rows():
    points = gaussian(40, 6, 3, shift=50.0)
    expected = np.median([np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2)])
    assert metrics.median_distance(points) == pytest.approx(expected, rel=1e-9)
    chosen = points[np.random.default_rng(0).choice(40, 10, replace=False)]
    some = np.median([np.linalg.norm(a - b) for a, b in itertools.combinations(chosen, 2)])
    assert metrics.median_distance(points, most=10) == pytest.approx(some, rel=1e-9)
    copies = np.repeat(gaussian(1, 6), 9, axis=0)
    assert metrics.median_distance(copies) == 0


def test_gaussian_mmd_refuses():
    with pytest.raises(UserError, match="at least 2 pictures on both sides, not 5 real and 1 gen"):
        metrics.gaussian_mmd(np.zeros((5, 3)), np.zeros((1, 3)), 1.0)
    with pytest.raises(UserError, match=r"must be \[N, D\]"):
        metrics.gaussian_mmd(np.zeros((5, 3)), np.zeros((5, 2)), 1.0)
    for bandwidth in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match="bandwidth must be a number above 0"):
            metrics.gaussian_mmd(np.zeros((5, 3)), np.ones((5, 3)), bandwidth)


# LPIPS ----------------------------------------------------------------------------


def toy_embed(images):
    """A nonlinear embedding of few numbers, that tells its range from another."""
    assert images.dtype == np.float32
    assert np.abs(images).max() <= 1
    weights = np.random.default_rng(5).normal(size=(images[0].size, 7)).astype(np.float32)
    return np.tanh(images.reshape(len(images), -1) @ weights / 10)


def toy_distance(a, b):
    a, b = toy_embed((np.stack([a, b]) / 127.5 - 1).astype(np.float32))
    return float(((a - b) ** 2).sum())


def brute_force_intra(generated, training, cap=None):
    clusters = [[] for _ in training]
    for image in generated:
        clusters[np.argmin([toy_distance(image, t) for t in training])].append(image)
    means = [
        np.mean([toy_distance(a, b) for a, b in itertools.combinations(members[:cap], 2)])
        for members in clusters
        if len(members[:cap]) > 1
    ]
    return np.mean(means), np.std(means), [len(members) for members in clusters]


@pytest.mark.parametrize("memory", [1 << 29, 4 * 4 * 7 * 3])
@pytest.mark.parametrize("cap", [None, 3])
def test_intra_lpips_by_brute_force(memory, cap):
    """Also with a memory so small that blocks of three are embedded again and again."""
    generated, training = pictures(40), pictures(6, seed=1)
    training[5] = 255
    result = metrics.intra_lpips(
        metrics.Embeddings(toy_embed, generated, memory),
        metrics.Embeddings(toy_embed, training, memory),
        cap,
    )
    value, std, sizes = brute_force_intra(generated, training, cap)
    assert result.sizes == sizes
    assert result.dropped == sum(size < 2 for size in sizes)
    assert result.value == pytest.approx(value, rel=1e-4)
    assert result.std == pytest.approx(std, rel=1e-3)


def test_intra_lpips_of_copies_is_zero_and_drops_empty_clusters():
    training = pictures(4)
    generated = training[[0, 0, 0, 1, 1, 2]]
    result = metrics.intra_lpips(
        metrics.Embeddings(toy_embed, generated), metrics.Embeddings(toy_embed, training)
    )
    assert result.sizes == [3, 2, 1, 0]
    assert result.dropped == 2
    assert result.value == pytest.approx(0, abs=1e-5)


def test_intra_lpips_without_pairs():
    embeddings = metrics.Embeddings(toy_embed, pictures(4))
    result = metrics.intra_lpips(embeddings, embeddings)
    assert result.value is None
    assert result.std is None
    assert result.dropped == 4


def test_distances_in_blocks():
    a, b = pictures(11), pictures(5, seed=1)
    small = metrics.Embeddings(toy_embed, a, memory=4 * 4 * 7 * 2)
    assert small.block == 2
    other = metrics.Embeddings(toy_embed, b, memory=4 * 4 * 7 * 2)
    expected = [[toy_distance(x, y) for y in b] for x in a]
    np.testing.assert_allclose(distances(small, other), expected, rtol=1e-4, atol=1e-5)
    own = distances(small, small)
    np.testing.assert_array_equal(own, own.T)
    np.testing.assert_allclose(np.diag(own), 0, atol=1e-5)
    pairs = [toy_distance(x, y) for x, y in itertools.combinations(a, 2)]
    assert metrics.mean_pairwise(small) == pytest.approx(np.mean(pairs), rel=1e-4)


# Features on disk -----------------------------------------------------------------


class Means:
    """A feature network of its own right: means of quarters, and how often it ran."""

    name, version, resize = "means", "0" * 64, 16

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        quarters = images.reshape(len(images), 2, -1, 2, images.shape[2] // 2, 3)
        return quarters.mean((2, 4)).reshape(len(images), 12).astype(np.float32) / 255


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def test_extract_in_batches_with_progress():
    images, told = pictures(150), []
    result = metrics.extract(Means(), images, lambda *args: told.append(args), "what")
    assert result.shape == (150, 12)
    np.testing.assert_array_equal(result, Means()(images))
    assert told == [("what", 64, 150), ("what", 128, 150), ("what", 150, 150)]


def test_extract_refuses_what_is_not_finite():
    with pytest.raises(UserError, match="not finite"):
        metrics.extract(lambda images: np.full((len(images), 3), np.nan), pictures(2))


def test_equal_pictures_are_looked_at_once():
    images = pictures(5)[[0, 1, 0, 2, 2, 3, 4, 0]]
    seen: list[np.ndarray] = []

    def means(some):
        seen.append(np.asarray(some))
        return some.reshape(len(some), -1).mean(1, keepdims=True, dtype=np.float32)

    features_of = metrics.extract(means, images)
    np.testing.assert_array_equal(np.concatenate(seen), pictures(5))
    np.testing.assert_array_equal(features_of, means(images))
    seen.clear()
    embeddings = Embeddings(means, images)
    assert sum(map(len, seen)) == 1 + 5  # the first tells how many numbers there are
    np.testing.assert_array_equal(distances(embeddings, embeddings)[[0, 3], [2, 4]], [0.0, 0.0])
    assert distances(embeddings, embeddings)[0, 1] > 0.0


def test_features_of_real_pictures_are_kept(cache):
    real, network = Pictures(pictures(5)), Means()
    first = metrics.reference_features(network, real)
    np.testing.assert_array_equal(metrics.reference_features(network, real), first)
    assert network.seen == 5
    metrics.reference_features(network, Pictures(pictures(5, seed=1)))
    assert network.seen == 10
    network.version = "1" * 64
    metrics.reference_features(network, real)
    assert network.seen == 15
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "other"])
def test_damaged_cache_is_made_again(cache, how, caplog):
    real, network = Pictures(pictures(5)), Means()
    first = metrics.reference_features(network, real)
    (path,) = cache.iterdir()
    data = bytearray(path.read_bytes())
    if how == "other":
        np.savez(path, features=np.zeros((4, 12), np.float32))
    else:
        data[-300] ^= 1
        path.write_bytes({"cut": data[:-200], "flipped": data, "empty": b""}[how])
    np.testing.assert_array_equal(metrics.reference_features(network, real), first)
    assert network.seen == 10
    metrics.reference_features(network, real)
    assert network.seen == 10


def test_cache_that_cannot_be_written(cache, caplog):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert metrics.reference_features(Means(), Pictures(pictures(3))).shape == (3, 12)
    assert "not kept" in caplog.text


# Evaluation -----------------------------------------------------------------------


@pytest.fixture
def means(cache, monkeypatch):
    network = Means()
    monkeypatch.setitem(features.EXTRACTORS, "means", network)
    return network


def sampler(n, seed):
    return pictures(n, seed=seed)


def test_evaluate_gives_records(means):
    reference = Pictures(pictures(20, seed=7), source="held_out")
    fid, kid = metrics.evaluate(sampler, reference, ["fid", "kid"], n=30, seed=3, extractor="means")
    assert json.loads(json.dumps([fid, kid], allow_nan=False)) == [fid, kid]
    real, fake = means(reference.images), means(pictures(30, seed=3))
    assert fid["value"] == pytest.approx(metrics.frechet_distance(real, fake))
    assert kid["value"] == pytest.approx(metrics.polynomial_mmd(real, fake))
    assert (kid["std"], kid["blocks"]) == (None, 1)
    expected = {
        "metric": "fid",
        "std": None,
        "num_real": 20,
        "num_fake": 30,
        "feature_network": "means",
        "feature_sha256": "0" * 64,
        "resize": 16,
        "seed": 3,
        "image_size": [16, 16],
        "reference": "held_out",
        "tf_fewshot": __version__,
        "note": None,
    }
    assert expected.items() <= fid.items()


def test_reference_pictures_that_were_trained_on_are_told(means):
    reference = Pictures(pictures(20, seed=7))
    others = Pictures(pictures(5, seed=9))
    options = {"n": 30, "extractor": "means"}
    for training, told in [(reference.take(4), 4), (reference, 20), (others, 0), (None, 0)]:
        (record,) = metrics.evaluate(sampler, reference, ["fid"], training=training, **options)
        if told:
            assert record["note"].startswith(f"{told} of the 20 reference pictures were trained on")
        else:
            assert record["note"] is None


def test_kmmd_says_its_kernel_and_takes_it_from_the_reference_alone(means):
    reference = Pictures(pictures(20, seed=7))
    (record,) = metrics.evaluate(sampler, reference, ["kmmd"], n=30, seed=3, extractor="means")
    seen = (reference.images, pictures(30, seed=3))
    real, fake = (means(images).astype(np.float64) for images in seen)
    pairs = itertools.combinations(real, 2)
    bandwidth = np.median([np.linalg.norm(a - b) for a, b in pairs])
    assert record["bandwidth"] == pytest.approx(bandwidth)
    assert record["value"] == pytest.approx(gaussian_mmd_by_sklearn(real, fake, bandwidth))
    assert record["fixed_bandwidth"] == pytest.approx(np.sqrt(12))
    fixed = gaussian_mmd_by_sklearn(real, fake, np.sqrt(12))
    assert record["fixed_value"] == pytest.approx(fixed)
    assert "all pairs of two different reference pictures" in record["bandwidth_rule"]
    assert record["estimator"] == "unbiased squared MMD"
    darker = metrics.evaluate(
        lambda n, seed: sampler(n, seed) // 2, reference, ["kmmd"], n=30, extractor="means"
    )[0]
    assert darker["bandwidth"] == record["bandwidth"]
    assert darker["value"] > 0.5 > abs(record["value"])


def test_kmmd_needs_references_that_differ(means):
    copies = Pictures(np.repeat(pictures(1), 4, axis=0))
    with pytest.raises(UserError, match=r"equal pictures: kmmd finds no bandwidth\. Leave copies"):
        metrics.evaluate(sampler, copies, ["kmmd"], n=4, extractor="means")


def test_evaluate_draws_once_and_runs_the_network_once(means):
    drawn = []

    def counting(n, seed):
        drawn.append((n, seed))
        return sampler(n, seed)

    told = []
    metrics.evaluate(
        counting,
        Pictures(pictures(5)),
        ["fid", "kid"],
        n=6,
        seed=1,
        extractor="means",
        progress=lambda *args: told.append(args),
    )
    assert drawn == [(6, 1)]
    assert means.seen == 11
    assert told == [("features of real pictures", 5, 5), ("features of generated pictures", 6, 6)]


def test_evaluate_notes_what_makes_values_incomparable(means):
    (record,) = metrics.evaluate(
        sampler, Pictures(pictures(8, size=32)), ["fid"], n=50, extractor="means"
    )
    assert "8 pictures on one side are fewer than the 12 features" in record["note"]
    assert "have 32×32 pixels, the generated ones 16×16" in record["note"]


@pytest.mark.parametrize(
    ("names", "real", "n", "message"),
    [
        (["fdi"], 5, 5, r"Unknown metric 'fdi'\. Did you mean 'fid'"),
        (["fid"], 1, 5, "fid needs at least 2 reference pictures, there are 1"),
        (["fid", "kid"], 5, 1, "needs at least 2 generated pictures, there are 1"),
        (["intra_lpips"], 5, 5, "intra_lpips needs the pictures that were trained on"),
        (["nearest_lpips"], 5, 5, "nearest_lpips needs the pictures that were trained on"),
    ],
)
def test_evaluate_refuses_before_it_draws(names, real, n, message):
    def never(n, seed):
        raise AssertionError("drawn")

    with pytest.raises(UserError, match=message):
        metrics.evaluate(never, Pictures(pictures(real)), names, n=n)


def test_evaluate_refuses_other_samples():
    def floats(n, seed):
        return sampler(n, seed) / 255

    with pytest.raises(UserError, match=r"must give uint8 \[4, H, W, 3\], not float64"):
        metrics.evaluate(floats, Pictures(pictures(5)), ["fid"], n=4)


def test_every_metric_has_a_name_and_a_summary():
    known = {"fid", "fid_vgg16", "kid", "kmmd", "lpips", "intra_lpips", "nearest_lpips"}
    known |= {"precision", "recall", "density", "coverage", "copied", "detectability"}
    assert known <= set(metrics.METRICS)
    assert all(name == metric.name and metric.summary for name, metric in metrics.METRICS.items())


# Precision, recall, density and coverage ------------------------------------------


def radii_by_sklearn(features, k):
    """The distance of each sample to its k-th nearest other."""
    return NearestNeighbors(n_neighbors=k).fit(features).kneighbors()[0][:, -1]


def within_by_sklearn(samples, manifold, k):
    """Whether each sample lies in the ball of each sample of the manifold: bool ``[M, N]``."""
    away = np.linalg.norm(samples[:, None] - manifold[None], axis=-1)
    return away <= radii_by_sklearn(manifold, k)


@pytest.mark.parametrize("rows", [1024, 7])
@pytest.mark.parametrize(("n", "m", "k"), [(40, 30, 3), (12, 50, 5), (4, 4, 1)])
def test_neighbours_equal_sklearn(n, m, k, rows, monkeypatch):
    """Also where the distances are computed block by block, and far from the origin."""
    monkeypatch.setattr(neighbours, "_ROWS", rows)
    real, fake = gaussian(n, 8, 1, shift=100.0), gaussian(m, 8, 2, scale=0.7, shift=100.3)
    near_real, near_fake = within_by_sklearn(fake, real, k), within_by_sklearn(real, fake, k)
    assert metrics.precision(real, fake, k) == near_real.any(1).mean()
    assert metrics.recall(real, fake, k) == near_fake.any(1).mean()
    assert metrics.density(real, fake, k) == pytest.approx(near_real.sum(1).mean() / k)
    assert metrics.coverage(real, fake, k) == near_real.any(0).mean()


def test_neighbours_by_hand():
    """On a line, with the nearest neighbour: the radii of 0, 1, 3, 10 are 1, 1, 2, 7."""
    real, fake = np.array([[0.0], [1.0], [3.0], [10.0]]), np.array([[0.5], [2.5], [-4.0]])
    assert metrics.precision(real, fake, 1) == 2 / 3
    # 0.5 lies in the balls of 0 and 1; 2.5 in that of 3 alone; -4 in none.
    assert metrics.density(real, fake, 1) == 1.0
    assert metrics.coverage(real, fake, 1) == 3 / 4
    # The radii of 0.5, 2.5 and -4 are 2, 2 and 4.5.
    assert metrics.recall(real, fake, 1) == 3 / 4


@given(st.integers(6, 40), st.integers(1, 5), st.integers(0, 10))
def test_of_the_same_samples_all_are_among_all(n, k, seed):
    features = gaussian(n, 4, seed)
    for measure in (metrics.precision, metrics.recall, metrics.coverage):
        assert measure(features, features, k) == 1.0
    # A sample lies in its own ball, and it is one of the k nearest of k others on average.
    assert metrics.density(features, features, k) == pytest.approx((k + 1) / k)


@given(st.integers(6, 30), st.integers(6, 30), st.integers(0, 10))
def test_recall_is_precision_the_other_way_round(n, m, seed):
    real, fake = gaussian(n, 4, seed), gaussian(m, 4, seed + 1, scale=1.5)
    assert metrics.recall(real, fake) == metrics.precision(fake, real)


def test_copies_of_one_picture_are_precise_and_cover_nothing():
    real = gaussian(50, 8, 1)
    fake = np.repeat(real[:1], 50, axis=0)
    assert metrics.precision(real, fake) == 1.0
    assert metrics.recall(real, fake) == 1 / 50
    assert metrics.coverage(real, fake) < 0.3


@given(st.integers(1, 12), st.integers(7, 30), st.integers(1, 40), st.integers(0, 20))
def test_copies_of_repeated_pictures_are_precise_and_cover_all(count, times, rows, seed):
    """Balls of radius 0 hold what is equal, however distances were rounded."""
    pictures = gaussian(count, 300, seed).astype(np.float32)
    real, fake = np.repeat(pictures, times, axis=0), np.repeat(pictures, 7, axis=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_ROWS", rows)
        for measure in (metrics.precision, metrics.recall, metrics.coverage):
            assert measure(real, fake) == 1.0


def test_neighbours_refuse():
    real = gaussian(5, 4)
    with pytest.raises(UserError, match=r"The 5th neighbour needs at least 6 .* not 5 real and 5"):
        metrics.density(real, real)
    with pytest.raises(UserError, match=r"\[N, D\] twice"):
        metrics.precision(real, real[:, :2])


def test_neighbours_in_records(means):
    reference, names = (
        Pictures(pictures(12, seed=7)),
        ["precision", "recall", "density", "coverage"],
    )
    records = metrics.evaluate(sampler, reference, names, n=9, seed=3, extractor="means")
    real, fake = means(reference.images), means(pictures(9, seed=3))
    for record in records:
        assert record["value"] == getattr(metrics, record["metric"])(real, fake)
        assert (record["num_real"], record["num_fake"]) == (12, 9)
        assert record["neighbours"] == (3 if record["metric"] in ("precision", "recall") else 5)
    with pytest.raises(UserError, match="density needs at least 6 reference pictures, there are 5"):
        metrics.evaluate(sampler, Pictures(pictures(5)), ["density"], n=9, extractor="means")


# Copies ---------------------------------------------------------------------------


def test_the_share_of_copies():
    unseen = np.arange(1.0, 101.0)
    share, threshold = metrics.copied_share(np.array([0.0, 5.0, 6.0, 50.0]), unseen)
    assert (share, threshold) == (0.5, np.quantile(unseen, 0.05))
    assert metrics.copied_share(np.zeros(7), unseen)[0] == 1.0
    assert metrics.copied_share(unseen, unseen)[0] == 0.05
    with pytest.raises(UserError, match="can be said of at least 20, not of 19"):
        metrics.copied_share(unseen, unseen[:19])


@given(st.integers(0, 20))
def test_new_pictures_are_copies_as_rarely_as_unseen_ones(seed):
    rng = np.random.default_rng(seed)
    share, _ = metrics.copied_share(rng.gamma(2.0, size=20_000), rng.gamma(2.0, size=20_000))
    assert share == pytest.approx(0.05, abs=0.01)


# What a method was trained through ------------------------------------------------


def test_records_say_what_was_trained_through_and_whether_it_measures(means):
    def measured(through):
        names = ["fid", "kid"]
        return metrics.evaluate(
            sampler, Pictures(pictures(20)), names, 20, extractor="means", trained_through=through
        )

    for record in measured(["vgg16", "means"]):
        assert record["trained_through"] == ["vgg16", "means"]
        assert "trained through means, the network that measures" in record["note"]
    for record in measured(["vgg16"]):
        assert record["trained_through"] == ["vgg16"]
        assert record["note"] is None
    assert measured(())[0]["trained_through"] == []


# With the real networks -----------------------------------------------------------


@pytest.mark.download
def test_copied_equals_pairs_through_the_network():
    training = Pictures(pictures(2, size=48, seed=9))
    unseen = pictures(24, size=48, seed=5)
    reference = Pictures(np.concatenate([unseen, training.images[:1]]))
    generated = np.concatenate([training.images, unseen[:2], pictures(4, size=48, seed=6)])
    generated[1, 0, 0] ^= 1
    (record,) = metrics.evaluate(
        lambda n, seed: generated,
        reference,
        ["copied"],
        n=8,
        training=training,
        trained_through=["alexnet"],
    )
    network = features.lpips("alex")

    def nearest(images):
        pairs = [
            [float(network(*(x[None] / 127.5 - 1.0 for x in (a, b)))[0]) for b in training.images]
            for a in images
        ]
        return np.min(pairs, axis=1)

    threshold = np.quantile(nearest(unseen), 0.05)
    assert record["threshold"] == pytest.approx(threshold, abs=1e-4)
    assert record["value"] == (nearest(generated) < threshold).mean() >= 0.25
    assert record["nearest_of_unseen"] == pytest.approx(nearest(unseen).mean(), abs=1e-4)
    assert record["num_real"] == 24
    assert "1 reference pictures that were trained on are left out" in record["note"]
    assert "trained through alexnet" in record["note"]
    with pytest.raises(UserError, match="All reference pictures were trained on"):
        metrics.evaluate(
            lambda n, seed: generated,
            Pictures(np.repeat(training.images, 10, axis=0)),
            ["copied"],
            n=8,
            training=training,
        )


@pytest.mark.download
def test_fid_by_a_second_judge():
    reference = Pictures(pictures(6, size=32, seed=1))
    fid, second = metrics.evaluate(sampler, reference, ["fid", "fid_vgg16"], n=5)
    vgg16 = features.extractor("vgg16")
    expected = metrics.frechet_distance(vgg16(reference.images), vgg16(pictures(5, seed=0)))
    assert second["value"] == pytest.approx(expected)
    assert second["feature_network"] == "vgg16" != fid["feature_network"]
    assert (second["resize"], second["feature_sha256"]) == (112, vgg16.version)


@pytest.mark.download
def test_fid_and_kid_tell_alike_from_unlike():
    """Smooth pictures against other smooth ones, and against noise."""

    def smooth(n, seed):
        corners = pictures(n, size=2, seed=seed)
        return tf.image.resize(corners, (48, 48)).numpy().astype(np.uint8)

    def noisy(n, seed):
        return pictures(n, size=48, seed=seed)

    reference = Pictures(smooth(24, 100))
    alike = metrics.evaluate(smooth, reference, ["fid", "kid"], n=24)
    unlike = metrics.evaluate(noisy, reference, ["fid", "kid"], n=24)
    assert unlike[0]["value"] > 3 * alike[0]["value"] > 0
    assert unlike[1]["value"] > 0.1 > abs(alike[1]["value"])
    assert "1280 features" in alike[0]["note"]


@pytest.mark.download
def test_lpips_metrics_equal_pairs_through_the_network():
    training = Pictures(pictures(2, size=48, seed=9))
    generated = np.concatenate([training.images[[0, 0, 1, 1]], pictures(3, size=48)])
    generated[1, :24], generated[3, :, :30] = 0, 200
    records = metrics.evaluate(
        lambda n, seed: generated,
        training,
        ["lpips", "intra_lpips", "nearest_lpips"],
        n=7,
        training=training,
    )
    network = features.lpips("alex")

    def pairs(a, b):
        a, b = (np.asarray(x, np.float32) / 127.5 - 1 for x in (a, b))
        return np.array([[float(network(x[None], y[None])[0]) for y in b] for x in a])

    own, across = pairs(generated, generated), pairs(generated, training.images)
    owners = across.argmin(1)
    means = []
    for k in range(2):
        members = np.flatnonzero(owners == k)
        inner = own[np.ix_(members, members)]
        means.append(inner[np.triu_indices(len(members), 1)].mean())
    expected = [own[np.triu_indices(7, 1)].mean(), np.mean(means), across.min(1).mean()]
    np.testing.assert_allclose([r["value"] for r in records], expected, rtol=1e-3)
    assert [r["num_real"] for r in records] == [0, 2, 2]
    assert records[1]["cluster_sizes"] == np.bincount(owners, minlength=2).tolist()
    assert records[2]["smallest"] == pytest.approx(0, abs=1e-4)
    assert {r["feature_network"] for r in records} == {"lpips_alex"}
