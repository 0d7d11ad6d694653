"""The public detector against NumPy, and the files that it is read from."""

from __future__ import annotations

import numpy as np
import pytest

from tf_fewshot.errors import UserError
from tf_fewshot.features import detector as detectors
from tf_fewshot.features.detector import Detector

from . import torch_files
from .detector_files import numpy_logits, random_state, trained
from .torch_files import Tensor


@pytest.fixture(scope="module")
def state():
    return random_state()


@pytest.fixture(scope="module")
def checkpoint(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("detector") / "blur_jpg_prob0.5.pth"
    path.write_bytes(torch_files.legacy(trained(state)))
    return path


@pytest.fixture(scope="module")
def detector(checkpoint):
    return Detector(checkpoint)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 38), (16, 7)])
def test_the_public_detector_equals_numpy(detector, state, height, width):
    images = np.random.default_rng(1).integers(0, 256, (3, height, width, 3), np.uint8)
    expected = numpy_logits(state, images)
    logits = detector(images)
    assert (logits.dtype, logits.shape) == (np.float32, (3, 1))
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(detector(images[1:2]), logits[1:2], rtol=1e-4, atol=1e-5)
    assert detector(images[:0]).shape == (0, 1)


def test_both_formats_of_torch_are_read(detector, state, tmp_path):
    path = tmp_path / "newer.pth"
    path.write_bytes(torch_files.zipped(trained(state)))
    images = np.random.default_rng(1).integers(0, 256, (2, 24, 24, 3), np.uint8)
    newer = Detector(path)
    np.testing.assert_array_equal(newer(images), detector(images))
    assert newer.version != detector.version


def test_the_public_detector_takes_pictures_alone(detector):
    with pytest.raises(UserError, match=r"needs uint8 images \[N, H, W, C\], not float64"):
        detector(np.zeros((1, 8, 8, 3)))


_DETECTOR = "it is no detector of CNNDetection, a ResNet-50 with one output: "


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([1, 2], _DETECTOR + 'it does not hold a dict with a state dict "model"'),
        ({"model": 3}, _DETECTOR + 'it does not hold a dict with a state dict "model"'),
        ({"g_ema": {"x": Tensor(np.ones(2))}}, _DETECTOR + "it does not hold a dict"),
        ({"model": {}}, _DETECTOR + r"its model lacks conv1\.weight"),
        ({"model": {"conv1.weight": 5}}, _DETECTOR + r"its model lacks conv1\.weight"),
        ({"model": {"stem": Tensor(np.ones(2))}}, "its model has an array 'stem' too many"),
        ({"model": {3: Tensor(np.ones(2))}}, "its model has an array 3 too many"),
        (
            {"model": {"conv1.weight": Tensor(np.ones((64, 3, 3, 3)))}},
            r"conv1\.weight of its model has the shape \(64, 3, 3, 3\), not \(64, 3, 7, 7\)",
        ),
    ],
)
@pytest.mark.parametrize("write", [torch_files.legacy, torch_files.zipped])
def test_other_files_are_refused(tmp_path, write, tree, message):
    path = tmp_path / "other.pth"
    path.write_bytes(write(tree))
    with pytest.raises(UserError, match=r"^Cannot read weights from .*other\.pth: .*" + message):
        Detector(path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "fc.weight",
            lambda a: np.repeat(a, 1000, 0),
            r"the shape \(1000, 2048\)",
        ),
        ("layer3.1.bn2.running_var", lambda a: -a, "negative variances"),
        ("layer4.0.conv3.weight", lambda a: a * np.nan, "numbers that are not finite"),
        ("bn1.bias", lambda a: a.astype(np.float64) + 1e300, "numbers that are not finite"),
    ],
)
def test_arrays_that_no_detector_has_are_refused(state, name, change, message):
    changed = {"model": {**state, name: change(state[name])}}
    with (
        np.errstate(over="ignore"),
        pytest.raises(UserError, match=f"{name} of its model has {message}"),
    ):
        detectors._checked(changed)


def test_old_files_without_counters_are_read(state):
    bare = {name: value for name, value in state.items() if "num_batches" not in name}
    assert detectors._checked({"model": bare}).keys() == bare.keys()


def test_damaged_files_are_refused(checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    for name, content in {
        "cut": whole[: len(whole) // 2],
        "begun": whole[:20],
        "text": b"<html>Not found</html>",
        "nothing": b"",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"^Cannot read weights from .*{name}: [^\n]+$"):
            Detector(path)
    with pytest.raises(UserError, match=r"^Cannot read .*none: No such file"):
        Detector(tmp_path / "none")
    with pytest.raises(UserError, match=r"^Cannot read .*: Is a directory"):
        Detector(tmp_path)
