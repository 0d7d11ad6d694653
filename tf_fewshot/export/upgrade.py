"""Adapter files of earlier releases, as today's releases read them."""

from __future__ import annotations

from typing import Any

import numpy as np

# Pictures of style transfer lay beside the weights, whose paths begin with the name of a network.
_PICTURES = "pictures"
_STYLE = ("content_weight", "style_weight", "iterations", "pixel_learning_rate", "seed")


def upgraded_adapter(
    weights: dict[str, np.ndarray], metadata: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns weights and fields of an adapter file as they are written today.

    Args:
        weights: By path, as the file holds them.
        metadata: The other fields, checked.

    Raises:
        ValueError: if pictures in the file are none; it says so.
    """
    if _PICTURES not in weights:
        return weights, metadata
    pictures = weights[_PICTURES]
    if pictures.dtype != np.uint8 or pictures.ndim != 4:
        raise ValueError("its pictures are none")
    settings, changes = metadata["settings"], metadata["config_changes"]
    extension = {
        "name": "style_pictures",
        "shape": list(pictures.shape),
        **{name: settings[name] for name in _STYLE if name in settings},
    }
    extensions = [*changes.get("extensions", ()), extension]
    others = {path: value for path, value in weights.items() if path != _PICTURES}
    return (
        {**others, "generator/style_pictures/pictures": pictures},
        {**metadata, "config_changes": {**changes, "extensions": extensions}},
    )
