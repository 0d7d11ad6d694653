"""Frozen networks: perceptual features and distances, and pooled features for metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..downloads.packages import EFFICIENTNET_LITE0, LPIPS_VGG16
from ..errors import unknown_name
from . import efficientnet_lite0 as _lite0
from . import pooled_vgg16 as _vgg16
from .lpips import ALEXNET_LEAST_SIZE, LPIPS, alexnet_trunk, lpips
from .vgg16 import BSA_LAYERS, VGG16_LAYERS, VGG16Features


@dataclasses.dataclass(frozen=True)
class FeatureExtractor:
    """A network that describes a whole picture by one vector, for FID and its kin.

    Attributes:
        name: The name by which it is asked for.
        label: The name that results should give it.
        version: SHA-256 of its weights; together with ``name`` it keys caches.
        resize: The height and width in pixels that it brings every picture to.
        dims: The size of the vector.
        load: Gives the network, built once a process: uint8 ``[N, H, W, 3]`` to float32
            ``[N, dims]``.
    """

    name: str
    label: str
    version: str
    resize: int
    dims: int
    load: Callable[[], Callable[[np.ndarray], np.ndarray]]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Computes features float32 ``[N, dims]`` of uint8 images ``[N, H, W, 3]``."""
        return self.load()(images)


EXTRACTORS: dict[str, FeatureExtractor] = {
    extractor.name: extractor
    for extractor in (
        FeatureExtractor(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            EFFICIENTNET_LITE0.sha256,
            _lite0.SIZE,
            _lite0.DIMS,
            _lite0.efficientnet_lite0,
        ),
        FeatureExtractor(
            "vgg16", "VGG16", LPIPS_VGG16.sha256, _vgg16.SIZE, _vgg16.DIMS, _vgg16.pooled_vgg16
        ),
    )
}


def extractor(name: str = "efficientnet_lite0") -> FeatureExtractor:
    """Returns a feature extractor by its name; its weights come with the first use.

    Raises:
        UserError: if no extractor has that name.
    """
    if name not in EXTRACTORS:
        raise unknown_name("feature extractor", name, EXTRACTORS)
    return EXTRACTORS[name]


__all__ = [
    "ALEXNET_LEAST_SIZE",
    "BSA_LAYERS",
    "EXTRACTORS",
    "LPIPS",
    "VGG16_LAYERS",
    "FeatureExtractor",
    "VGG16Features",
    "alexnet_trunk",
    "extractor",
    "lpips",
]
