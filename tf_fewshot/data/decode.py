"""Decodes a picture of any kind that people have to RGB pixels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, features

from . import colours, depths
from .resize import crop_box, fit

MIN_SIDE = 8
"""Smallest width and height, in pixels, of a picture that is worth learning from."""

_LARGE = 1 << 24
"""Pixels above which JPEG files are decoded at a reduced size."""

# Named, because Pillow also knows formats that start other programs (EPS) or stream video.
_FORMATS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]
SUFFIXES = {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp"}
SUFFIXES |= {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
if features.check("avif"):
    _FORMATS.append("AVIF")
    SUFFIXES.add(".avif")

_WHAT_HAPPENED = {
    "grey": ("grey picture was made RGB", "grey pictures were made RGB"),
    "palette": (
        "picture with a palette was made RGB",
        "pictures with a palette were made RGB",
    ),
    "transparent": (
        "transparent picture was put on white",
        "transparent pictures were put on white",
    ),
    "deep": ("16-bit picture was made 8-bit", "16-bit pictures were made 8-bit"),
    "lab": ("L*a*b* picture was made RGB", "L*a*b* pictures were made RGB"),
    "profile": (
        "picture was converted to sRGB from its colour profile",
        "pictures were converted to sRGB from their colour profiles",
    ),
    "gamma": (
        "picture was converted to sRGB from its gamma",
        "pictures were converted to sRGB from their gamma",
    ),
    "unfit": (
        "picture has a colour profile that cannot be used, and counts as sRGB",
        "pictures have colour profiles that cannot be used, and count as sRGB",
    ),
    "adobe": (
        "picture says that it is Adobe RGB, but has no colour profile, and counts as sRGB",
        "pictures say that they are Adobe RGB, but have no colour profile, and count as sRGB",
    ),
    "cmyk": ("CMYK picture was made RGB", "CMYK pictures were made RGB"),
    "turned": (
        "picture was turned upright by its EXIF orientation",
        "pictures were turned upright by their EXIF orientation",
    ),
    "animated": (
        "picture has many frames; the first was taken",
        "pictures have many frames; the first of each was taken",
    ),
    "cropped": (
        "picture of another shape was cropped around its centre",
        "pictures of another shape were cropped around their centre",
    ),
    "enlarged": (
        "picture was smaller than the size asked for and was enlarged",
        "pictures were smaller than the size asked for and were enlarged",
    ),
}


class BadPictureError(ValueError):
    """This picture cannot be used; the message says why, without its name."""


def open_picture(file: str | Path | IO[bytes]) -> Image.Image:
    """Opens a file of one of the known picture formats, told by its content."""
    return Image.open(file, formats=_FORMATS)


def describe(trait: str, count: int) -> str:
    """Returns the sentence for ``count`` pictures that had ``trait``."""
    return f"{count} {_WHAT_HAPPENED[trait][count > 1]}"


def decode(
    opener: Callable[[], Image.Image], size: tuple[int, int]
) -> tuple[np.ndarray, set[str], list[str]]:
    """Decodes one picture to the size asked for.

    Args:
        opener: Returns the opened, not yet loaded ``PIL.Image.Image``.
        size: Height and width in pixels.

    Returns:
        uint8 ``[H, W, 3]``; the traits it had (keys for :func:`describe`); and what
        Pillow warned of.

    Raises:
        BadPictureError: if it is corrupt, truncated, smaller than ``MIN_SIDE``, of more
            pixels than Pillow's decompression-bomb limit, or of a kind without colours.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Up to twice its limit Pillow only warns, and such pictures are welcome here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with opener() as image:
                pixels, traits = _decode(image, size)
        except (BadPictureError, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise BadPictureError(
                f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, "
                "which is refused lest it fill the memory; make it smaller first"
            ) from error
        # Decoders fail with anything from SyntaxError to struct.error on a broken file.
        except Exception as error:
            raise BadPictureError(_reason(error)) from error
    return pixels, traits, list(dict.fromkeys(str(warning.message) for warning in caught))


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "its content is no picture format that is known here"
    return f"it is corrupt or incomplete: {' '.join(str(error).split()) or type(error).__name__}"


def _decode(image: Image.Image, size: tuple[int, int]) -> tuple[np.ndarray, set[str]]:
    traits: set[str] = set()
    if min(image.size) < MIN_SIDE:
        raise BadPictureError(
            f"it is too small, {image.width}×{image.height}: "
            f"at least {MIN_SIDE}×{MIN_SIDE} pixels are needed"
        )
    # A telephone's MPO is a JPEG with previews behind it, not an animation.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        traits.add("animated")
    if image.width * image.height > _LARGE:
        side = 2 * max(size)
        image.draft(None, (side, side))
    # Asking a PNG for EXIF loads it, and what its numbers mean is lost when it is turned.
    depths.mend_key(image)
    told, scale = colours.meaning(image), depths.scale_of(image)
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        traits.add("turned")
        image = ImageOps.exif_transpose(image)

    height, width = size
    box = crop_box(image.width, image.height, size)
    if box != (0, 0, *image.size):
        traits.add("cropped")
    if box[2] - box[0] < width or box[3] - box[1] < height:
        traits.add("enlarged")
    # Colours, transparency and CMYK are resolved after resizing, when the picture is small;
    # Pillow resamples with premultiplied alpha, so that this is the same.
    fitted = fit(_to_tones(image, scale, traits), size)
    if image.mode != "LAB":
        fitted = colours.to_srgb(fitted, told, traits)
    return _to_rgb(fitted, traits), traits


def _to_tones(image: Image.Image, scale: tuple[int, bool], traits: set[str]) -> Image.Image:
    """Converts an image to a mode that can be resampled: L, LA, RGB, RGBA or CMYK."""
    mode = image.mode
    if mode.startswith("I"):
        traits.update(("deep", "grey"))
        try:
            return depths.to_eight_bits(image, *scale)
        except ValueError as error:
            raise BadPictureError(str(error)) from error
    if mode == "F":
        raise BadPictureError("its pixels are floating-point numbers; save it with 8 bits")
    if mode == "LAB":
        traits.add("lab")
        return colours.lab_to_srgb(image)
    if mode in ("P", "PA"):
        traits.add("palette")
    if mode in ("1", "L", "LA", "La"):
        traits.add("grey")
    if mode == "CMYK":
        traits.add("cmyk")
    if image.has_transparency_data:
        # A grey profile is for grey.
        return image.convert("LA" if mode in ("1", "L", "LA", "La") else "RGBA")
    if mode == "1":
        return image.convert("L")
    return image if mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _to_rgb(image: Image.Image, traits: set[str]) -> np.ndarray:
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            traits.add("transparent")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
