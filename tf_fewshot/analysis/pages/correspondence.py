"""Correspondence of domains: its section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..correspondence import corresponding, without_correspondence
from ..drawing import picture_rows
from ..subjects import Subject
from .section import Folder, Section

_SHOWN = 10


def write_correspondence(
    subjects: Sequence[Subject], out: str | os.PathLike, *, n: int = 10, seed: int = 0
) -> Path:
    """Shows the same latents in a source and in what it was adapted to.

    Source: EWC (NeurIPS 2020), figure 7.

    Args:
        subjects: The source, and adapters of it.
        out: The folder.
        n: Number of latents; ten are drawn in the picture, all are in the data.
        seed: Of the latents.

    Returns:
        Where the page is.

    Raises:
        UserError: if there is one domain only.
    """
    folder = Folder(out)
    images = corresponding(subjects, n, seed)
    rows = [(s.name, row[:_SHOWN]) for s, row in zip(subjects, images, strict=True)]
    picture = folder.figure(
        picture_rows(rows),
        "correspondence",
        "Each column is one latent, each row a generator.",
        "The same latents through a source and its domains",
    )
    data = folder.arrays("correspondence", names=[s.name for s in subjects], images=images)
    text = (
        f"The same latents through {', '.join(s.name for s in subjects)} (Li et al. 2020, figure "
        "7). What stays alike from row to row is what an adaptation kept.",
        *without_correspondence(subjects),
    )
    return folder.leave(
        Section(
            "correspondence", "The same latents in every domain", text, (picture,), files=(data,)
        )
    )
