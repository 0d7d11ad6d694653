"""Cropping and resizing, the same for every picture that comes in."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..errors import UserError

ImageSize = int | Sequence[int]


def image_size(size: ImageSize) -> tuple[int, int]:
    """Returns ``(height, width)`` of a size given as one side, (H, W) or (H, W, C).

    Raises:
        UserError: if it is none of these, or a side is below 1.
    """
    sides = (size, size) if isinstance(size, int) else tuple(int(s) for s in size)[:2]
    if len(sides) != 2 or min(sides) < 1:
        raise UserError(f"The image size must be one side or (height, width), not {size!r}.")
    return sides


def crop_box(width: int, height: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns the largest centred box of the shape of ``size``: left, top, right, bottom."""
    wanted_height, wanted_width = size
    scale = min(width / wanted_width, height / wanted_height)
    crop_width = max(1, min(width, round(wanted_width * scale)))
    crop_height = max(1, min(height, round(wanted_height * scale)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Centre-crops to the shape of ``size`` (H, W), then resizes.

    Antialiased: Lanczos where it shrinks, bicubic where it enlarges (bicubic as in
    Parmar et al. 2022, "On Aliased Resizing", antialiased either way). A picture whose
    crop has the size already keeps its bits.

    Args:
        image: Any mode of continuous tones: L, LA, RGB, RGBA, CMYK.
        size: Height and width in pixels.
    """
    height, width = size
    box = crop_box(image.width, image.height, size)
    crop_width, crop_height = box[2] - box[0], box[3] - box[1]
    if (crop_width, crop_height) == (width, height):
        return image if box == (0, 0, *image.size) else image.crop(box)
    if crop_width > width or crop_height > height:
        # The gap bounds time on huge pictures: they are first reduced by a whole factor.
        return image.resize((width, height), Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    return image.resize((width, height), Image.Resampling.BICUBIC, box)
