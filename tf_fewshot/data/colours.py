"""Colours of pictures as sRGB, which is what networks learn and screens show.

A picture may say what its numbers mean: by an ICC profile, or by the gamma of a PNG file. LittleCMS
(Pillow's ImageCms) converts the former; grey, RGB, CMYK and L*a*b* alike.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

# Of 2.2, which sRGB comes near to and files say that mean it.
_USUAL_GAMMA = 1 / 2.2
_ADOBE_RGB = 2


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What the file of a picture says of its colours.

    Attributes:
        profile: ICC profile, or None.
        gamma: Exponent by which light became numbers, as PNG's gAMA has it, or None for sRGB's.
        adobe: Whether its camera says that they are Adobe RGB, without a profile.
    """

    profile: bytes | None = None
    gamma: float | None = None
    adobe: bool = False


def meaning(image: Image.Image) -> Meaning:
    """Returns what an opened picture says of its colours."""
    profile = image.info.get("icc_profile")
    if profile:
        return Meaning(bytes(profile))
    gamma = image.info.get("gamma")
    if gamma is not None and ("srgb" in image.info or not 0.1 <= gamma <= 10):
        gamma = None
    if gamma is not None and abs(gamma - _USUAL_GAMMA) < 0.02:
        gamma = None
    return Meaning(None, gamma, _is_adobe(image))


def _is_adobe(image: Image.Image) -> bool:
    exif = image.getexif()
    if not exif:
        return False
    space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    return space == _ADOBE_RGB or exif.get_ifd(ExifTags.IFD.Interop).get(1) == "R03"


def to_srgb(image: Image.Image, told: Meaning, traits: set[str]) -> Image.Image:
    """Returns a picture in sRGB, with its transparency.

    Args:
        image: Of mode L, LA, RGB, RGBA or CMYK.
        told: What its file says of its colours.
        traits: Gets "profile", "gamma", "adobe" or "unfit", as keys of :func:`.decode.describe`.

    Returns:
        The picture itself where nothing is to be done, else one of mode RGB or RGBA; with a gamma,
        one of its own mode.
    """
    if told.adobe:
        traits.add("adobe")
    if told.profile:
        return _profiled(image, told.profile, traits)
    if told.gamma is None or image.mode == "CMYK":
        return image
    traits.add("gamma")
    light = np.linspace(0.0, 1.0, 256) ** (1.0 / told.gamma)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table = np.rint(255.0 * curve).astype(int).tolist()
    alpha = list(range(256)) * image.mode.endswith("A")
    return image.point(table * (len(image.getbands()) - bool(alpha)) + alpha)


def _profiled(image: Image.Image, profile: bytes, traits: set[str]) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image if alpha is None else image.convert("L" if image.mode == "LA" else "RGB")
    try:
        space = _space(profile)
        if space == "RGB" and colours.mode == "L":
            colours = colours.convert("RGB")
        if {"L": "GRAY"}.get(colours.mode, colours.mode) != space:
            traits.add("unfit")
            return image
        transform = _transform(profile, colours.mode)
        if transform is None:
            return image
        converted = ImageCms.applyTransform(colours, transform)
    # What a damaged profile ends in depends on where it is damaged.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        traits.add("unfit")
        return image
    assert converted is not None
    traits.add("profile")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@functools.lru_cache(maxsize=64)
def _space(profile: bytes) -> str:
    opened: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return opened.profile.xcolor_space.strip()


@functools.lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Returns how a profile's colours become sRGB, or None if they are that, but for rounding."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        # As Photoshop does it, and the same as browsers for cameras and screens.
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode == "CMYK":
        return transform
    steps = np.linspace(0, 255, 256 if mode == "L" else 17).round().astype(np.uint8)
    samples = steps[None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), -1)
    image = Image.fromarray(samples.reshape(1, *((-1,) if mode == "L" else (-1, 3))))
    after = ImageCms.applyTransform(image, transform)
    before = np.asarray(image.convert("RGB"), int)
    return None if np.abs(np.asarray(after, int) - before).max() <= 1 else transform


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Returns a picture of mode LAB as RGB, which Pillow's own conversion does not know."""
    converted = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return converted
