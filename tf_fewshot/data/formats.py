"""The formats of pictures that are read, by suffix and by content."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import IO

from PIL import Image, features

# Named, because Pillow also knows formats that start other programs (EPS) or stream video.
_FORMATS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]
SUFFIXES = {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp"}
SUFFIXES |= {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}

_HEIC = {".heic", ".heif", ".hif"}
_JPEG_2000 = {".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"}
LACKING: dict[str, str] = {}
"""What to do about suffixes of pictures that this installation cannot read."""

if features.check("avif"):
    _FORMATS.append("AVIF")
    SUFFIXES.add(".avif")
else:
    LACKING[".avif"] = "AVIF needs Pillow 11.3: pip install --upgrade pillow"
if features.check_codec("jpg_2000"):
    _FORMATS.append("JPEG2000")
    SUFFIXES |= _JPEG_2000
else:
    LACKING |= dict.fromkeys(_JPEG_2000, "JPEG 2000 needs a Pillow that was built with OpenJPEG")
if importlib.util.find_spec("pillow_heif") is not None:
    importlib.import_module("pillow_heif").register_heif_opener()
    _FORMATS.append("HEIF")
    SUFFIXES |= _HEIC
else:
    LACKING |= dict.fromkeys(_HEIC, "HEIC needs a plug-in of Pillow: pip install pillow-heif")


def open_picture(file: str | Path | IO[bytes]) -> Image.Image:
    """Opens a file of one of the known picture formats, told by its content."""
    return Image.open(file, formats=_FORMATS)


def is_picture(file: str | Path | IO[bytes]) -> bool:
    """Returns whether a file begins as one of the known picture formats does."""
    try:
        with open_picture(file):
            return True
    # What a file of something else ends in is up to it.
    except Exception:
        return False
