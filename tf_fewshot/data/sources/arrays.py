"""Pictures in arrays of NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import numpy as np
from PIL import Image

from ...archives import DamagedArraysError, read_array, read_arrays
from ...choices import Choices
from ...errors import UserError
from ..labels import whole_labels
from .entries import Entry, Source

_KNOWN = ("images", "labels", "latents", *(f.name for f in dataclasses.fields(Choices)))


def array(path: Path) -> Source:
    """Lists the pictures of an .npz or .npy.

    Raises:
        UserError: if it cannot be read, or its arrays are of other shapes or types.
    """
    try:
        if path.suffix.lower() == ".npy":
            return _entries(path, read_array(path, mapped=True), None)
        arrays = read_arrays(path, lambda names: _wanted(path, names))
    except DamagedArraysError as error:
        raise UserError(f"{path} cannot be read as a NumPy array ({error}).") from error
    labels, latents = arrays.get("labels"), arrays.get("latents")
    images = arrays["images"] if "images" in arrays else next(iter(arrays.values()))
    choices = Choices.of_arrays(arrays) if "choice_slots" in arrays else None
    source = _entries(path, images, labels, latents)
    if choices is not None and (latents is None or latents.shape[1] < choices.size):
        raise UserError(f"{path} has choices of {choices.size} components, and no such latents.")
    return dataclasses.replace(source, choices=choices)


def _wanted(path: Path, names: Collection[str]) -> Collection[str]:
    """Returns which arrays of an archive are read.

    Raises:
        UserError: if several are there, and none says that it is the pictures.
    """
    if "images" not in names and len(names) != 1:
        raise UserError(
            f"{path} has the arrays {', '.join(names)}: name that of pictures 'images'."
        )
    return names if "images" not in names else [name for name in names if name in _KNOWN]


def _entries(
    path: Path, images: np.ndarray, labels: np.ndarray | None, latents: np.ndarray | None = None
) -> Source:
    channels = images.shape[-1] if images.ndim == 4 else 1
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or channels not in (1, 3, 4):
        raise UserError(
            f"{path} holds {images.dtype} {list(images.shape)}: "
            "pictures must be uint8 [N, H, W, 3] (or [N, H, W], or 4 channels for RGBA)."
        )
    names: dict[int, str] = {}
    if labels is not None:
        labels, names = whole_labels(labels, len(images), str(path))
    if latents is not None:
        if latents.ndim != 2 or len(latents) != len(images) or latents.dtype.kind != "f":
            raise UserError(
                f"{path} has {len(images)} pictures but latents {latents.dtype} "
                f"{list(latents.shape)}: they must be floats, a row a picture."
            )
        latents = latents.astype(np.float32)
    if channels == 1:
        images = images.reshape(images.shape[:3])
    return Source(
        [
            Entry(
                f"{i:05d}",
                lambda i=i: Image.fromarray(images[i]),
                None if labels is None else int(labels[i]),
                None if latents is None else latents[i],
            )
            for i in range(len(images))
        ],
        class_names=names,
    )
