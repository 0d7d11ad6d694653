"""Packages that only some work needs, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import UserError

_EXTRAS = {
    "matplotlib": "analysis",
    "sklearn": "analysis",
    "threadpoolctl": "analysis",  # of scikit-learn
    "imageio_ffmpeg": "video",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
    "ai_edge_litert": "litert",
    "ray": "ray",
}


def optional(module: str) -> Any:
    """Imports a module of a package that an extra brings.

    Args:
        module: Its full name, such as "matplotlib.figure".

    Raises:
        UserError: if the package is not installed; it says which extra brings it.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package:
            raise
        extra = _EXTRAS[package]
        raise UserError(
            f"This needs {package}, which is not installed: pip install 'tf-fewshot[{extra}]'."
        ) from error
