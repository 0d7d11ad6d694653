"""Moving pictures: GIF and WebP by Pillow, MP4 by an encoder that an extra brings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...compat.optional import optional
from ...data.channels import in_rgb
from ...errors import UserError, unknown_name
from ...files import atomic_path

FORMATS = ("gif", "webp", "mp4")
_SHORT_SIDE = 256  # smaller frames are enlarged to about this
SECONDS = 0.1
"""How long a frame is shown."""


def check_format(kind: str) -> None:
    """Checks before any work is done that a format can be written.

    Raises:
        UserError: for an unknown format, or MP4 without an encoder; it says which extra brings it.
    """
    if kind not in FORMATS:
        raise unknown_name("format of moving pictures", kind, FORMATS)
    if kind == "mp4":
        _encoder()


def _encoder():
    try:
        encoder = optional("imageio_ffmpeg")
        encoder.get_ffmpeg_exe()
    except (UserError, RuntimeError) as error:
        raise UserError(
            "There is no encoder for MP4 on this machine: pip install 'tf-fewshot[video]' brings "
            "one, or choose gif or webp."
        ) from error
    return encoder


def save_animation(
    frames: np.ndarray, folder: str | os.PathLike, name: str, kind: str = "gif"
) -> Path:
    """Writes frames as a moving picture that begins anew at its end, whole or not at all.

    Args:
        frames: uint8 ``[F, H, W, C]``; they are shown on white where they are transparent.
        folder: Where.
        name: Of the file, without suffix.
        kind: One of :data:`FORMATS`.

    Returns:
        Where it is.

    Raises:
        UserError: see :func:`check_format`; or if the place cannot be written.
    """
    check_format(kind)
    frames = in_rgb(frames)
    scale = max(1, _SHORT_SIDE // min(frames.shape[1:3]))
    frames = frames.repeat(scale, axis=1).repeat(scale, axis=2)
    path = Path(folder) / f"{name}.{kind}"
    with atomic_path(path) as partial:
        if kind == "mp4":
            _write_mp4(frames, partial)
        else:
            first, *rest = (Image.fromarray(frame) for frame in frames)
            options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
            duration = round(1000 * SECONDS)
            first.save(
                partial, save_all=True, append_images=rest, duration=duration, loop=0, **options
            )
    return path


def _write_mp4(frames: np.ndarray, path: Path) -> None:
    # Its colours are halved in both directions: sides must be even.
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    writer = _encoder().write_frames(
        str(path), (width, height), fps=round(1 / SECONDS), macro_block_size=2, quality=8
    )
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame[:height, :width]))
    writer.close()


def there_and_back(frames: np.ndarray) -> np.ndarray:
    """Returns frames ``[F, …]``, then those before the last backwards, to begin anew smoothly."""
    return np.concatenate([frames, frames[-2:0:-1]])
