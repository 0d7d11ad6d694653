"""The public detector of generated pictures, from a file that the user has.

Source: Wang et al., "CNN-Generated Images Are Surprisingly Easy to Spot… for Now" (CVPR 2020). The
files of its repository CNNDetection (``blur_jpg_prob0.5.pth``, ``blur_jpg_prob0.1.pth``) are
dicts of ``torch.save``, in which "model" is the state dict of a ResNet-50 with one output.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import tensorflow as tf

from ..data.channels import in_rgb
from ..downloads.files import sha256_of
from ..errors import UserError
from ..unpickling.torch_legacy import is_torch_legacy, read_torch_legacy
from ..unpickling.torch_storage import is_of_numbers, widened
from ..unpickling.torch_zip import is_torch_zip, read_torch_zip
from ..unpickling.values import in_file, told
from .resnet50 import ResNet50, resnet50_shapes

# ImageNet's, of RGB in [0, 1].
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
# What is held of a batch at a time: as much as 32 pictures of 256 px.
_PIXELS = 32 * 256**2


class Detector:
    """Maps uint8 images ``[N, H, W, 3]`` to logits ``[N, 1]``; above 0 is "generated".

    Pictures are looked at as large as they are, as the original's test without crop does.

    Args:
        path: A file of CNNDetection.

    Attributes:
        version: SHA-256 of the file.

    Raises:
        UserError: if the file is damaged or another, or images are not uint8 RGB.
    """

    name = "cnndetection_resnet50"
    resize = None

    def __init__(self, path: str | os.PathLike):
        # What overflows is found: as an array here, or as logits that are not finite.
        with np.errstate(over="ignore", invalid="ignore"):
            self._network = ResNet50(_state(path))
        self.version = sha256_of(path)
        spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
        self._logits = tf.function(self._scaled, input_signature=[spec], autograph=False)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4:
            raise UserError(
                f"The detector needs uint8 images [N, H, W, C], not {images.dtype} {images.shape}."
            )
        images = in_rgb(images)
        size = max(1, _PIXELS // max(1, images.shape[1] * images.shape[2]))
        starts = range(0, len(images), size)
        parts = [self._logits(images[i : i + size]).numpy() for i in starts]
        return np.concatenate([np.zeros((0, 1), np.float32), *parts])

    def _scaled(self, images):
        return self._network((tf.cast(images, tf.float32) / 255.0 - _MEAN) / _STD)


def _state(path: str | os.PathLike) -> dict[str, np.ndarray]:
    if is_torch_zip(path):
        saved = read_torch_zip(path)
    elif is_torch_legacy(path) or not os.path.isfile(path):
        saved = read_torch_legacy(path)
    else:
        raise in_file(path, UserError("it is damaged, or no file of torch.save"))
    try:
        return _checked(saved)
    except UserError as error:
        known = "it is no detector of CNNDetection, a ResNet-50 with one output"
        raise in_file(path, UserError(f"{known}: {error}")) from error


def _checked(saved: Any) -> dict[str, np.ndarray]:
    if not isinstance(saved, dict) or not isinstance(saved.get("model"), dict):
        raise UserError('it does not hold a dict with a state dict "model"')
    # Counters of training, which files of old versions of torch lack.
    stored = {
        name: value
        for name, value in saved["model"].items()
        if not (isinstance(name, str) and name.endswith(".num_batches_tracked"))
    }
    shapes = resnet50_shapes(outputs=1)
    for name in stored:
        if name not in shapes:
            raise UserError(f"its model has an array {told(name)} too many")
    state = {}
    for name, shape in shapes.items():
        array = stored.get(name)
        if array is None or not is_of_numbers(array):
            raise UserError(f"its model lacks {name}")
        if array.shape != shape:
            raise UserError(f"{name} of its model has the shape {array.shape}, not {shape}")
        state[name] = widened(array).astype(np.float32)
        if not np.isfinite(state[name]).all():
            raise UserError(f"{name} of its model has numbers that are not finite")
        if name.endswith(".running_var") and state[name].min() < 0:
            raise UserError(f"{name} of its model has negative variances")
    return state
