"""The pictures of a run folder as HTML that needs no other file."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from PIL import Image

KEEP_BYTES = 300_000  # a PNG up to this goes in as it is
MAX_PIXELS = 2048  # the longer side of what does not
# Widths at which the style sheet turns from smooth shrinking to crisp enlarging.
PIXEL_WIDTHS = (96, 160, 224, 288, 352, 448, 544, 640, 800)


def picture(path: Path, alt: str, keep_bytes: int = KEEP_BYTES) -> str | None:
    """Gives the ``<img>`` of one picture, embedded.

    Large pictures are embedded as WebP, which the eye cannot tell from the file.

    Args:
        path: A picture file.
        alt: What it shows, for those who do not see it.
        keep_bytes: Size up to which the file's own bytes are embedded.

    Returns:
        An ``<img>`` element, or None if there is no such file or it is not a picture.
    """
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            image.load()  # a picture that was cut off fails here
            kind = f"image/{(image.format or 'png').lower()}"
            if len(data) > keep_bytes:
                image = image.convert("RGB")
                image.thumbnail((MAX_PIXELS, MAX_PIXELS), Image.Resampling.LANCZOS)
                buffer = io.BytesIO()
                image.save(buffer, "WEBP", quality=90)
                data, kind = buffer.getvalue(), "image/webp"
            width, height = image.size
    except (OSError, SyntaxError):  # Pillow's words for a broken file
        return None
    crisp = next((f' class="crisp-{w}"' for w in PIXEL_WIDTHS if width <= w), "")
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f'<img{crisp} src="{uri}" width="{width}" height="{height}" '
        f'style="max-width:{4 * width}px" alt="{html.escape(alt)}">'
    )


def figure(path: Path, caption: str, alt: str, keep_bytes: int = KEEP_BYTES) -> str | None:
    """Gives a picture with a caption below; None where :func:`picture` gives None."""
    image = picture(path, alt, keep_bytes)
    if image is None:
        return None
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"
