"""Many pictures as one."""

from __future__ import annotations

import math
import os

import numpy as np
from PIL import Image

from ..errors import UserError
from ..files import atomic_path
from .channels import CHANNELS, in_rgb


def image_grid(
    images: np.ndarray, columns: int | None = None, pad: int = 1, scale: int = 1
) -> np.ndarray:
    """Lays pictures out row by row, on white.

    Args:
        images: uint8 ``[N, H, W, C]`` of 1, 3 or 4 channels.
        columns: Pictures a row; None makes the grid about square.
        pad: Pixels between pictures and around them.
        scale: Each pixel becomes a square of this side, so that small pictures show.

    Returns:
        uint8 ``[rows * (scale * H + pad) + pad, columns * (scale * W + pad) + pad, 3]``.

    Raises:
        UserError: if ``images`` is not such an array or is empty.
    """
    images = np.asarray(images)
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[-1] not in CHANNELS
        or not len(images)
    ):
        raise UserError(
            f"A grid needs uint8 pictures [N, H, W, C], not {images.dtype} {list(images.shape)}."
        )
    images = in_rgb(images).repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, _ = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    cells = np.full((rows * columns, height + pad, width + pad, 3), 255, np.uint8)
    cells[:count, :height, :width] = images
    grid = cells.reshape(rows, columns, height + pad, width + pad, 3)
    grid = grid.transpose(0, 2, 1, 3, 4).reshape(rows * (height + pad), columns * (width + pad), 3)
    return np.pad(grid, ((pad, 0), (pad, 0), (0, 0)), constant_values=255)


def save_png(array: np.ndarray, path: str | os.PathLike) -> None:
    """Writes uint8 ``[H, W, C]`` (or ``[H, W]``) of 1, 3 or 4 channels as PNG, or nothing.

    Raises:
        UserError: if the place cannot be written.
    """
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    with atomic_path(path) as partial:
        Image.fromarray(np.asarray(array)).save(partial, format="PNG")
