"""Teach a pretrained image generator a new domain from 1 to 100 pictures.

    import tf_fewshot as tff
    gan = tff.load("avataaars64")
    run = tff.adapt(gan, "my_pictures/", method="ewc", steps=400, workdir="runs/mine")
    run.sample(16, seed=0)            # uint8 [16, 64, 64, 3]
    run.save("mine.adapter.npz")
    run.export("serving/mine")

Importing the package is cheap: TensorFlow comes with the first name that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .api import *  # noqa: F403

_PUBLIC = (
    "EWC",
    "GAN",
    "Adapted",
    "AdaptationRun",
    "UserError",
    "adapt",
    "backbones",
    "data",
    "evaluate",
    "export",
    "layers",
    "load",
    "load_adapter",
    "load_pictures",
    "losses",
    "methods",
    "metrics",
    "sample_images",
)
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tf_fewshot' has no attribute {name!r}")
    from . import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted(__all__)
