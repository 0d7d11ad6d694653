"""Decodes a picture of any kind that people have to RGB pixels."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from PIL import ExifTags, Image, ImageOps

from . import colours, depths
from .resize import crop_box, fit

MIN_SIDE = 8
"""Smallest width and height, in pixels, of a picture that is worth learning from."""

_DRAFT = 2
"""JPEG files are decoded at a reduced size that is at least so many times the one asked for."""


class BadPictureError(ValueError):
    """This picture cannot be used; the message says why, without its name."""


def decode(
    opener: Callable[[], Image.Image], size: tuple[int, int], channels: int = 3
) -> tuple[np.ndarray, set[str], list[str]]:
    """Decodes one picture to the size asked for.

    Args:
        opener: Returns the opened, not yet loaded ``PIL.Image.Image``.
        size: Height and width in pixels.
        channels: 3 for RGB, 1 for grey, 4 for RGB with opacity.

    Returns:
        uint8 ``[H, W, channels]``; the traits it had (keys for :func:`.traits.describe`); and what
        Pillow warned of.

    Raises:
        BadPictureError: if it is corrupt, truncated, smaller than ``MIN_SIDE``, of more
            pixels than Pillow's decompression-bomb limit, or of a kind without colours.
    """
    with noted_warnings() as noted:
        pixels, traits = decode_unnoted(opener, size, channels)
        return pixels, traits, noted()


def decode_unnoted(
    opener: Callable[[], Image.Image], size: tuple[int, int], channels: int = 3
) -> tuple[np.ndarray, set[str]]:
    """Decodes as :func:`decode` does; Pillow's warnings are the caller's (:func:`noted_warnings`).

    Threads may call it at once.
    """
    try:
        with opener() as image:
            return _decode(image, size, channels)
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


@contextlib.contextmanager
def noted_warnings() -> Iterator[Callable[[], list[str]]]:
    """Keeps warnings for people, in a block, for the thread that they are of.

    Yields:
        A function that gives what the calling thread was warned of since it called it last.
    """
    of_thread = threading.local()

    def keep(message, category, filename, lineno, file=None, line=None) -> None:
        del category, filename, lineno, file, line
        of_thread.kept = [*getattr(of_thread, "kept", []), str(message)]

    def noted() -> list[str]:
        kept, of_thread.kept = getattr(of_thread, "kept", []), []
        return list(dict.fromkeys(kept))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Up to twice its limit Pillow only warns, and such pictures are welcome here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.showwarning = keep
        yield noted


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"it cannot be read: {error.strerror}"
    if isinstance(error, Image.UnidentifiedImageError):
        return "its content is no picture format that is known here"
    return f"it is corrupt or incomplete: {' '.join(str(error).split()) or type(error).__name__}"


def _decode(
    image: Image.Image, size: tuple[int, int], channels: int
) -> tuple[np.ndarray, set[str]]:
    traits: set[str] = set()
    if min(image.size) < MIN_SIDE:
        raise BadPictureError(
            f"it is too small, {image.width}×{image.height}: "
            f"at least {MIN_SIDE}×{MIN_SIDE} pixels are needed"
        )
    # A telephone's MPO is a JPEG with previews behind it, not an animation.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        traits.add("animated")
    # A half, fourth or eighth of a JPEG costs a fraction of it, and what is left is antialiased.
    image.draft(None, (_DRAFT * max(size), _DRAFT * max(size)))
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
    return _pixels(fitted, traits, channels), traits


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


def _pixels(image: Image.Image, traits: set[str], channels: int) -> np.ndarray:
    if channels == 1:
        traits.discard("grey")
    if channels == 4:
        return np.asarray(image.convert("RGBA"))
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            traits.add("transparent")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB" if channels == 3 else "L")).reshape(
        *image.size[::-1], channels
    )
