"""Channels of pictures: grey, RGB, and RGB with opacity; how one becomes another."""

from __future__ import annotations

import numpy as np

from ..errors import UserError

CHANNELS = {1: "grey", 3: "RGB", 4: "RGB with opacity"}
"""What pictures of so many channels are."""

# ITU-R 601, as Pillow makes grey of RGB.
_LUMA = np.array([0.299, 0.587, 0.114])


def in_rgb(images: np.ndarray) -> np.ndarray:
    """Returns pictures as they are seen: RGB, on white where they are transparent.

    Args:
        images: uint8 ``[…, C]``, where C is 1, 3 or 4.

    Returns:
        uint8 ``[…, 3]``.

    Raises:
        UserError: for another number of channels.
    """
    return with_channels(images, 3)


def with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Returns pictures of another number of channels.

    What was transparent is on white, unless it stays so; what was not becomes opaque.

    Args:
        images: uint8 ``[…, C]``.
        channels: Wanted, as C one of :data:`CHANNELS`.

    Returns:
        uint8 ``[…, channels]``.

    Raises:
        UserError: for another number of channels.
    """
    before = images.shape[-1]
    for count in (before, channels):
        if count not in CHANNELS:
            known = ", ".join(f"{n} ({words})" for n, words in CHANNELS.items())
            raise UserError(f"Pictures have {known} channels, not {count}.")
    if before == channels:
        return images
    if before == 1:
        images = np.repeat(images, 3, -1)
    elif before == 4:
        opacity = images[..., 3:].astype(np.uint32)
        seen = images[..., :3] * opacity + 255 * (255 - opacity)
        images = ((seen + 127) // 255).astype(np.uint8)
    if channels == 1:
        return np.rint(images @ _LUMA).astype(np.uint8)[..., None]
    if channels == 4:
        opaque = np.full((*images.shape[:-1], 1), 255, np.uint8)
        return np.concatenate([images, opaque], -1)
    return images
