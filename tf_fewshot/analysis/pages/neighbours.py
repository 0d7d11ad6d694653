"""Nearest training pictures: the section that says whether a run learned by heart."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ...metrics.copying import UNSEEN_SHARE
from ..drawing import histograms, picture_rows
from ..neighbours import Neighbours, nearest_training
from ..subjects import Subject
from .given import Place, pictures_for, remarks
from .section import Folder, Section, evenly, show

_SHOWN = 10


def write_neighbours(
    subject: Subject,
    training: Place,
    out: str | os.PathLike,
    *,
    reference: Place | None = None,
    samples: int = 200,
    seed: int = 0,
) -> Path:
    """Shows samples beside their nearest training pictures, and the share that are copies.

    Args:
        subject: The generator.
        training: The pictures that were trained on, or where they are.
        out: The folder.
        reference: Real pictures that were not trained on: what is nearer than 95 % of these
            counts as a copy. None says nothing of copies.
        samples: Number of samples; each is one pass through the generator.
        seed: Of their latents.

    Returns:
        Where the page is.

    Raises:
        UserError: if pictures cannot be read, or there are too few.
    """
    folder = Folder(out)
    known = pictures_for(subject, training)
    others = None if reference is None else pictures_for(subject, reference)
    images = subject.sample(samples, seed)
    found = nearest_training(images, known.images, None if others is None else others.images)
    order = np.argsort(found.distances, kind="stable")
    chosen = order[:_SHOWN]
    middle = order[evenly(len(order), _SHOWN)]

    def rows(some: np.ndarray) -> list[tuple[str, np.ndarray]]:
        pictures = known.images[found.nearest[some]]
        return [("sample", images[some]), ("nearest\ntraining picture", pictures)]

    def titles(some: np.ndarray) -> list[str]:
        return [f"{found.distances[i]:.3f}" for i in some]

    pictures = [
        folder.figure(
            picture_rows(rows(chosen), titles(chosen), "LPIPS"),
            "neighbours",
            f"The {len(chosen)} samples of {samples} that are nearest to a training picture. "
            "Equal pairs were learned by heart.",
            "Samples over their nearest training pictures",
        ),
        folder.figure(
            picture_rows(rows(middle), titles(middle), "LPIPS"),
            "neighbours_spread",
            "From the nearest to the farthest sample, in even steps of rank.",
            "Samples over their nearest training pictures, from near to far",
        ),
    ]
    series = {"samples": found.distances}
    marks: dict[str, float] = {}
    if found.unseen is not None and found.threshold is not None:
        series["unseen pictures"] = found.unseen
        marks = {"nearer counts as a copy": found.threshold}
    pictures.append(
        folder.figure(
            histograms(series, "LPIPS to the nearest training picture", "share", marks),
            "neighbours_distances",
            "Distances to the nearest training picture.",
            "Histogram of distances to the nearest training picture",
        )
    )
    table = folder.table(
        "neighbours",
        {
            "sample": range(samples),
            "nearest": [known.names[i] for i in found.nearest],
            "lpips": found.distances.tolist(),
        },
    )
    return folder.leave(
        Section(
            "neighbours",
            "Nearest training pictures",
            (
                f"{samples} samples of {subject.name} and the nearest of {len(known)} training "
                "pictures, by LPIPS.",
                _verdict(found),
                *remarks(known, others),
            ),
            tuple(pictures),
            files=(table,),
        )
    )


def _verdict(found: Neighbours) -> str:
    if found.copies is None or found.unseen is None:
        return (
            "Which of them are copies is not said: that takes pictures of the domain that were "
            "not trained on (reference). Mean distance of samples: "
            f"{show(float(found.distances.mean()))}."
        )
    if found.copies <= 2 * UNSEEN_SHARE:
        said = "samples are as new as unseen pictures are"
    elif found.copies < 0.5:
        said = "some samples are copies"
    else:
        said = "most samples are copies: it learned by heart"
    return (
        f"{found.copies:.0%} of the samples are nearer to a training picture than "
        f"{1 - UNSEEN_SHARE:.0%} of {len(found.unseen)} unseen pictures are ({UNSEEN_SHARE:.0%} is "
        f"chance): {said}. Mean distance: {show(float(found.distances.mean()))} of samples, "
        f"{show(float(found.unseen.mean()))} of unseen pictures."
    )
