"""Projection of pictures: its section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...data.pictures import Pictures
from ..drawing import picture_rows
from ..free import images_of_free, projectable
from ..progress import Progress, quiet
from ..projection import LEAST_SIZE, Projection, project
from ..subjects import Subject
from .given import Place, pictures_for, remarks
from .section import Folder, Section, show

_SHOWN = 10


def projected(
    subject: Subject,
    pictures: Place,
    *,
    limit: int = 10,
    steps: int = 100,
    samples: int = 100,
    seed: int = 0,
    progress: Progress = quiet,
) -> tuple[Pictures, Projection]:
    """Loads pictures and projects them; see :func:`tf_fewshot.analysis.project`.

    Args:
        subject: The generator to project into.
        pictures: The pictures, or where they are; the first ones are used.
        limit: At most so many.
        steps, samples, seed: See there.
        progress: Told how far the work is.
    """
    known = pictures_for(subject, pictures, limit)
    found = project(
        subject.gan, known.images, steps, samples, seed, subject.label, progress=progress
    )
    return known, found


def write_projection(
    subject: Subject,
    others: Sequence[Subject],
    pictures: Place,
    out: str | os.PathLike,
    *,
    limit: int = 10,
    steps: int = 100,
    samples: int = 100,
    seed: int = 0,
    progress: Progress = quiet,
) -> Path:
    """Shows pictures, what a generator makes of them, and what they are in other domains.

    Args:
        subject: The generator to project into: a source, or an adapted one.
        others: Others of the same source, which draw the latents that were found.
        pictures: The pictures, or where they are.
        out: The folder.
        limit, steps, samples, seed, progress: See :func:`projected`.

    Returns:
        Where the page is.

    Raises:
        UserError: if the pictures cannot be read.
    """
    folder = Folder(out)
    known, found = projected(
        subject,
        pictures,
        limit=limit,
        steps=steps,
        samples=samples,
        seed=seed,
        progress=progress,
    )
    drawn = {subject.name: found.images}
    for other in others:
        copy = projectable(other.gan, subject.gan)
        drawn[other.name] = images_of_free(copy, found.free, found.labels)
    rows = [("picture", known.images), *((f"in {name}", images) for name, images in drawn.items())]
    titles = [f"{value:.3f}" for value in found.lpips[:_SHOWN]]
    picture = folder.figure(
        picture_rows([(name, images[:_SHOWN]) for name, images in rows], titles, "LPIPS reached"),
        "projection",
        "Above: pictures. Below: what generators draw for the latents that were found.",
        "Pictures over their projections",
    )
    files = (
        folder.arrays(
            "projection",
            free=found.free,
            lpips=found.lpips,
            **{f"images/{name}": images for name, images in drawn.items()},
        ),
        folder.table(
            "projection",
            {
                "picture": known.names,
                "lpips": found.lpips.tolist(),
                "nearest_sample": found.nearest.tolist(),
            },
        ),
    )
    ratio = float(np.mean(found.lpips) / max(float(np.mean(found.nearest)), 1e-9))
    enlarged = min(known.size) < LEAST_SIZE
    text = (
        f"{len(known)} pictures in {subject.name}: the latents whose images are nearest, by "
        f"{steps} steps of optimisation in the free space.",
        f"Mean LPIPS {show(float(np.mean(found.lpips)))}, {ratio:.2f} times that of the nearest of "
        f"{found.samples} samples ({show(float(np.mean(found.nearest)))})."
        + (f" Pictures are enlarged to {LEAST_SIZE} pixels for LPIPS." if enlarged else ""),
        *remarks(known),
    )
    table = [
        (name, show(float(a)), show(float(b)))
        for name, a, b in zip(known.names, found.lpips, found.nearest, strict=True)
    ]
    headings = ("Picture", "LPIPS reached", "of the nearest sample")
    return folder.leave(
        Section(
            "projection",
            "Pictures projected",
            text,
            (picture,),
            headings,
            tuple(table),
            files,
        )
    )
