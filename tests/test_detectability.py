"""Detectors against scikit-learn and NumPy, and what they say of alike and unlike pictures."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression as SklearnRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from tf_fewshot import features, metrics
from tf_fewshot.data import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.features.detector import Detector
from tf_fewshot.metrics.detectability import two_folds
from tf_fewshot.metrics.ranking import chance

from . import torch_files
from .detector_files import random_state, trained

# Average precision ----------------------------------------------------------------

# Few values, so that many are equal.
_SCORES = st.lists(st.integers(-3, 3) | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30)


def precision_by_sklearn(wanted, others):
    labels = np.repeat([1, 0], [len(wanted), len(others)])
    return average_precision_score(labels, np.concatenate([wanted, others]))


@given(_SCORES, _SCORES)
def test_average_precision_equals_sklearn(wanted, others):
    expected = precision_by_sklearn(wanted, others)
    actual = metrics.average_precision(np.array(wanted), np.array(others))
    assert actual == pytest.approx(expected, abs=1e-12)


def test_average_precision_by_hand():
    found = metrics.average_precision
    assert found(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert found(np.zeros(3), np.zeros(9)) == 0.25
    assert found(np.array([3.0, 1.0]), np.array([2.0])) == (1 + 2 / 3) / 2
    assert found(np.array([1.0]), np.array([])) == 1.0
    with pytest.raises(UserError, match="needs scores to rank"):
        found(np.array([]), np.array([1.0]))
    with pytest.raises(UserError, match="none of them NaN"):
        found(np.array([1.0]), np.array([np.nan]))


@pytest.mark.parametrize(("wanted", "others"), [(1, 0), (1, 3), (3, 3), (4, 2)])
def test_chance_is_the_mean_of_all_orders(wanted, others):
    total = wanted + others
    values = []
    for places in itertools.combinations(range(total), wanted):
        rest = [i for i in range(total) if i not in places]
        values.append(metrics.average_precision(np.array(places), np.array(rest)))
    assert chance(wanted, others) == pytest.approx(np.mean(values))
    assert chance(10_000, 10_000) == pytest.approx(0.5, abs=1e-3)


# Logistic regression --------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("dims", [3, 60])
def test_logistic_regression_equals_sklearn(penalty, dims):
    """Fewer and more numbers than samples, of sizes that differ, one of which says nothing."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(1e-3, 1e3, dims)
    others, wanted = rng.normal(size=(25, dims)) * sizes, rng.normal(0.4, 1.0, (15, dims)) * sizes
    others[:, 1] = wanted[:, 1] = 7.1
    samples, labels = np.concatenate([others, wanted]), np.repeat([0, 1], [25, 15])
    scaler = StandardScaler().fit(samples)
    judge = SklearnRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
    judge.fit(scaler.transform(samples), labels)
    new = rng.normal(size=(9, dims)) * sizes
    new[:, 1] = 7.1
    found = metrics.LogisticRegression.fit(others, wanted, penalty)
    np.testing.assert_allclose(found.weight, judge.coef_[0], atol=1e-4)
    expected = judge.decision_function(scaler.transform(new))
    np.testing.assert_allclose(found(new), expected, atol=1e-3)


def test_what_logistic_regression_refuses():
    fit, some = metrics.LogisticRegression.fit, np.ones((4, 3))
    with pytest.raises(UserError, match=r"\[N, D\] twice"):
        fit(some, some[:, :2], 1.0)
    with pytest.raises(UserError, match="Two kinds of samples"):
        fit(some, some[:0], 1.0)
    with pytest.raises(UserError, match="finite"):
        fit(some, some * np.inf, 1.0)


# The built-in detector ------------------------------------------------------------


def noise(n, size=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)


class Corners:
    """Stands in for a feature network: a few pixels, and how bright the picture is."""

    name, label, version, resize, dims = "corners", "Corners", "0" * 64, 16, 13

    def load(self):
        return self

    def __call__(self, images):
        pixels = images[:, ::12, ::12].reshape(len(images), -1).astype(np.float32)
        return np.concatenate([pixels, images.mean((1, 2, 3), dtype=np.float32)[:, None]], 1)


@pytest.fixture
def corners(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    network = Corners()
    monkeypatch.setitem(features.EXTRACTORS, "corners", network)
    return network


def dark(n, seed):
    return noise(n, seed=seed) // 2


def measured(sampler, reference, n, **options):
    (record,) = metrics.evaluate(
        sampler, reference, ["detectability"], n=n, extractor="corners", **options
    )
    return record


def test_alike_pictures_are_found_by_chance(corners):
    reference = Pictures(noise(80, seed=100))
    records = [measured(lambda n, s: noise(n, seed=s), reference, 80, seed=s) for s in range(8)]
    assert np.mean([r["value"] for r in records]) == pytest.approx(records[0]["chance"], abs=0.06)
    assert np.mean([r["accuracy"] for r in records]) == pytest.approx(0.5, abs=0.06)
    assert records[0]["chance"] == pytest.approx(0.5, abs=0.03)


def test_unlike_pictures_are_found(corners):
    record = measured(dark, Pictures(noise(40, seed=100)), 60)
    assert record["value"] > 0.95
    assert record["accuracy"] > 0.9
    assert record["std"] < 0.05


def test_the_record_of_the_built_in_detector(corners):
    reference = Pictures(noise(31, seed=100))
    record = measured(lambda n, seed: noise(n, seed=seed), reference, 50, seed=3)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    expected = {
        "num_real": 30,
        "num_fake": 30,
        "trained_on": {"real": 15, "generated": 15},
        "tested_on": {"real": 15, "generated": 15},
        "feature_network": "corners",
        "seed": 3,
        "note": "1 reference and 20 generated pictures are left out, "
        "so that there are equally many",
    }
    assert expected.items() <= record.items()
    again, other = (measured(lambda n, _: noise(n, seed=3), reference, 50, seed=s) for s in (3, 4))
    assert again == record
    assert other["value"] != record["value"]
    with pytest.raises(UserError, match="needs at least 20 reference pictures, there are 19"):
        measured(dark, Pictures(noise(19)), 50)
    with pytest.raises(UserError, match="needs at least 20 generated pictures, there are 5"):
        measured(dark, reference, 5)


def test_what_is_trained_on_is_degraded_and_what_is_tested_is_not():
    """Of both halves in turn: by scikit-learn, on features that say which ones were taken."""
    rng = np.random.default_rng(0)
    plain, worse = rng.normal(size=(2, 2, 24, 5))
    plain[1] += 0.8
    worse[1, :, 2] += 1.5
    precisions, accuracies = two_folds(plain[0], plain[1], worse[0], worse[1], 1.0)
    halves, labels = (slice(0, 12), slice(12, 24)), np.repeat([0, 1], 12)
    for fold, (train, test) in enumerate((halves, halves[::-1])):
        scaler = StandardScaler().fit(np.concatenate(worse[:, train]))
        judge = SklearnRegression(C=1.0, tol=1e-10, max_iter=10_000)
        judge.fit(scaler.transform(np.concatenate(worse[:, train])), labels)
        scores = judge.decision_function(scaler.transform(np.concatenate(plain[:, test])))
        assert precisions[fold] == pytest.approx(average_precision_score(labels, scores))
        assert accuracies[fold] == ((scores > 0) == labels).mean()
    with pytest.raises(UserError, match="equally many"):
        two_folds(plain[0], plain[1, :5], worse[0], worse[1])


@pytest.mark.download
def test_a_network_finds_what_is_unlike():
    """Smooth pictures against other smooth ones, and against ones with a grid on them."""

    def smooth(n, seed):
        rng = np.random.default_rng(seed)
        low = rng.integers(0, 200, (n, 3, 3, 3)).astype(float)
        return np.stack([gaussian_filter(np.kron(x, np.ones((16, 16, 1))), (6, 6, 0)) for x in low])

    def plain(n, seed):
        return smooth(n, seed).astype(np.uint8)

    def gridded(n, seed):
        images = smooth(n, seed)
        images[:, ::4] += 30
        return images.astype(np.uint8)

    reference = Pictures(plain(24, 100))
    (alike,) = metrics.evaluate(plain, reference, ["detectability"], n=24)
    (unlike,) = metrics.evaluate(gridded, reference, ["detectability"], n=24)
    assert unlike["value"] > 0.95
    assert 0.3 < alike["value"] < 0.8
    assert alike["feature_network"] == "efficientnet_lite0"


# The public detector --------------------------------------------------------------


def test_the_record_of_the_public_detector(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "blur_jpg_prob0.5.pth"
    path.write_bytes(torch_files.legacy(trained(random_state())))
    reference, detector = Pictures(noise(20, seed=100)), Detector(path)
    (record,) = metrics.evaluate(dark, reference, ["detectability"], n=22, seed=3, detector=path)
    of_real, of_fake = detector(reference.images)[:, 0], detector(dark(22, 3))[:, 0]
    taken = np.random.default_rng(3)
    taken.permutation(20)
    of_fake = of_fake[taken.permutation(22)[:20]]
    assert record["value"] == pytest.approx(precision_by_sklearn(of_fake, of_real))
    assert record["accuracy"] == ((of_real <= 0).mean() + (of_fake > 0).mean()) / 2
    expected = {
        "std": None,
        "num_real": 20,
        "num_fake": 20,
        "feature_network": "cnndetection_resnet50",
        "feature_sha256": detector.version,
        "resize": None,
        "tested_on": {"real": 20, "generated": 20},
        "note": "2 generated pictures are left out, so that there are equally many",
    }
    assert expected.items() <= record.items()
    assert "trained_on" not in record


def test_another_file_is_refused_before_anything_is_drawn(tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(torch_files.zipped({"model": {}}))

    def never(n, seed):
        raise AssertionError("drawn")

    with pytest.raises(UserError, match=r"other\.pth: it is no detector of CNNDetection"):
        metrics.evaluate(never, Pictures(noise(20)), ["detectability"], n=20, detector=path)
