"""Teach a pretrained image generator a new domain from 1 to 100 pictures.

    import tf_fewshot as tff
    gan = tff.load("avataaars64")
    run = tff.adapt(gan, "my_pictures/", method="ewc", steps=400, workdir="runs/mine")
    run.sample(16, seed=0)            # uint8 [16, 64, 64, 3]
    run.save("mine.adapter.npz")
    run.export("serving/mine")

Importing the package is cheap: TensorFlow comes with the first name that needs it. Where Keras is
imported, too, ``keras.models.load_model`` reads the ``.keras`` files of ``tf-fewshot convert``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .registration import register_with_keras

if TYPE_CHECKING:
    from .api import *  # noqa: F403

_NAMES = (
    "EWC",
    "GAN",
    "Adapted",
    "AdaptationRun",
    "DomainBank",
    "UserError",
    "adapt",
    "compare",
    "evaluate",
    "load",
    "load_adapter",
    "load_pictures",
    "pool_answers",
    "sample_images",
    "write_study",
)
_ROOMS = ("backbones", "data", "export", "layers", "losses", "methods", "metrics")
__all__ = ["__version__", *_NAMES, *_ROOMS]

register_with_keras()


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name not in _NAMES:
        raise AttributeError(f"module 'tf_fewshot' has no attribute {name!r}")
    return getattr(importlib.import_module(".api", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
