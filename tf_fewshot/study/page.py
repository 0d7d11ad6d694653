"""The page of a user study: one HTML file that opens without a server and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import io
import json
import os
import string
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.pictures import Pictures
from ..errors import UserError
from ..files import write_text
from .pairs import Sampler, Study, draw_study

MAX_SIDE = 16_383  # of a WebP picture, in pixels


def write_study(
    sampler: Sampler,
    reference: Pictures | str | os.PathLike,
    path: str | os.PathLike,
    rounds: int = 10,
    seed: int = 0,
    on_error: str = "raise",
) -> Path:
    """Writes the page of a user study, which asks of pairs of pictures which one is generated.

    At the end it says how many answers were right, with Wilson's 95 % interval, and saves them as
    a file for :func:`pool_answers`. Nothing that is seen in the page tells the generated picture:
    both of a pair are one lossless picture, cut in two and scaled alike by the browser.

    Args:
        sampler: Draws uint8 pictures ``[n, H, W, 3]``; ``sampler(n, seed)``.
        reference: Real pictures that were not trained on, or where they are.
        path: The file; one that is there is replaced, whole or not at all.
        rounds: The number of pairs.
        seed: Of all that is drawn; the same seed gives the same page.
        on_error: "raise" or "skip" for real pictures that cannot be read.

    Returns:
        Where the page is.

    Raises:
        UserError: if rounds is below 1, there are fewer real pictures than rounds, or the place
            cannot be written.
    """
    study = draw_study(sampler, reference, rounds, seed, on_error)
    path = Path(path)
    write_text(path, page(study))
    return path


def page(study: Study) -> str:
    """Returns the HTML of a study's page."""
    files = importlib.resources.files(str(__package__))
    text = {
        name: files.joinpath(f"page.{name}").read_text(encoding="utf-8")
        for name in ("html", "css", "js")
    }
    height, width = study.size
    pairs = {
        "study": study.fingerprint,
        "key": study.key(),
        "width": width,
        "height": height,
        "sheets": [_embedded(sheet) for sheet in study.sheets],
    }
    script = f"\n{text['js']}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return string.Template(text["html"]).substitute(
        style=text["css"],
        script=script,
        digest=digest,
        # There is no "<" in it that could end the element: all of it is digits and base64.
        pairs=json.dumps(pairs),
        rounds=study.rounds,
        width=width,
        height=height,
    )


def _embedded(sheet: np.ndarray) -> str:
    """Returns the two pictures of a round as one lossless picture in a data URI."""
    if max(sheet.shape) > MAX_SIDE:
        raise UserError(
            f"Two pictures of {sheet.shape[1] // 2}×{sheet.shape[0]} pixels side by side are "
            f"larger than the {MAX_SIDE} pixels that a page can hold."
        )
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", lossless=True, quality=100, method=4, exact=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
