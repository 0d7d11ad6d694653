"""What is to be said of pictures that were not as they are wanted."""

from __future__ import annotations

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


def describe(trait: str, count: int) -> str:
    """Returns the sentence for ``count`` pictures that had ``trait``."""
    return f"{count} {_WHAT_HAPPENED[trait][count > 1]}"
