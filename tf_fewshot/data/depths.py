"""Numbers of pixels that are not 8 bits deep, and colours that mean transparent."""

from __future__ import annotations

import numpy as np
from PIL import Image

_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_BITS = 258
# How Pillow unpacks them: numbers of few bits are spread to 8, the upper 8 of 16 are taken.
_KEYS = {
    "L;2": lambda key: key * 85,
    "L;4": lambda key: key * 17,
    "RGB;16B": lambda key: tuple(part >> 8 for part in key),
}


def mend_key(image: Image.Image) -> None:
    """Makes the transparent colour of an opened, not yet loaded PNG fit Pillow's pixels.

    The file has it at the depth of its own pixels, and so has Pillow, whatever it makes of those.
    """
    key, tile = image.info.get("transparency"), getattr(image, "tile", None)
    if image.format != "PNG" or key is None or isinstance(key, bytes) or not tile:
        return
    mend = _KEYS.get(str(tile[0][3]))
    if mend is not None:
        image.info["transparency"] = mend(key)


def scale_of(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest number of a picture of mode I;16 and its kin, and whether that is black.

    TIFF files may have 12 bits a pixel, and zero may be white.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (16,))
    bits = bits[0] if isinstance(bits, tuple) else bits
    largest = (1 << bits) - 1 if 8 < bits < 16 else 0xFFFF
    return largest, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def to_eight_bits(image: Image.Image, largest: int, inverted: bool) -> Image.Image:
    """Returns a picture of mode I or I;16 as L, or as LA if one of its greys is transparent.

    Pillow's own conversion clips at 255 instead of scaling.

    Raises:
        ValueError: if a number is none of 0 to ``largest``.
    """
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > largest:
        raise ValueError("its pixels have more than 16 bits; save it with 8 bits")
    key = image.info.get("transparency")
    shown = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    if inverted:
        values = largest - values
    grey = Image.fromarray(((values * 255 + largest // 2) // largest).astype(np.uint8))
    if shown is not None:
        grey.putalpha(Image.fromarray(shown))
    return grey
