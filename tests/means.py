"""Features without a download: the means of quarters, in place of EfficientNet-Lite0's."""

from __future__ import annotations

import numpy as np

from tf_fewshot import features


class Means:
    """Maps uint8 ``[N, 16, 16, 3]`` to float32 ``[N, 12]``."""

    name, version, resize = "means", "0" * 64, 16

    def __call__(self, images: np.ndarray) -> np.ndarray:
        quarters = images.reshape(len(images), 2, 8, 2, 8, 3)
        return quarters.mean((2, 4)).reshape(len(images), 12).astype(np.float32) / 255


def install() -> None:
    """Takes the place of the usual network, in this process."""
    features.EXTRACTORS["efficientnet_lite0"] = Means()
