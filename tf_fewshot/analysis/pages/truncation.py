"""Truncation: its section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..drawing import curves, picture_rows
from ..progress import Progress, quiet
from ..subjects import Subject
from ..truncation import truncation_sweep
from .given import Place, pictures_for, remarks
from .section import Folder, Section, show


def write_truncation(
    subject: Subject,
    reference: Place,
    out: str | os.PathLike,
    *,
    truncations: Sequence[float] | None = None,
    samples: int = 200,
    seed: int = 0,
    progress: Progress = quiet,
) -> Path:
    """Shows samples, precision and recall at several truncations.

    Source: BSA (ICCV 2019), figure 5.

    Args:
        subject: The generator.
        reference: Real pictures of the domain, or where they are.
        out: The folder.
        truncations, samples, seed: See :func:`tf_fewshot.analysis.truncation_sweep`.
        progress: Told how far the work is.

    Returns:
        Where the page is.

    Raises:
        UserError: if pictures cannot be read, or there are too few.
    """
    folder = Folder(out)
    real = pictures_for(subject, reference, samples)
    found = truncation_sweep(
        subject.gan,
        real,
        truncations,
        samples,
        seed,
        subject.labels(samples),
        progress=progress,
    )
    none = subject.gan.no_truncation
    names = ["none" if t >= none else f"{t:g}" for t in found.truncations]
    # Without a number of its own, none stands one step beyond the others.
    at = [float(i) for i in range(len(names))]
    figure = curves(
        {"precision": (at, found.precision), "recall": (at, found.recall)},
        "truncation",
        "share",
        points=True,
        ticks=names,
        shares=True,
    )
    pictures = (
        folder.figure(
            figure,
            "truncation",
            "Precision: samples among real pictures. Recall: real pictures among samples.",
            "Precision and recall by truncation",
        ),
        folder.figure(
            picture_rows(list(zip(names, found.images, strict=True)), y_label="truncation"),
            "truncation_samples",
            "Each column is one latent, each row a truncation.",
            "Samples of the same latents at several truncations",
        ),
    )
    columns = {
        "truncation": found.truncations.tolist(),
        "precision": found.precision.tolist(),
        "recall": found.recall.tolist(),
    }
    rows = [
        (name, show(p), show(r))
        for name, p, r in zip(names, found.precision, found.recall, strict=True)
    ]
    files = (
        folder.table("truncation", columns),
        folder.arrays("truncation", truncations=found.truncations, images=found.images),
    )
    text = (
        f"{subject.name} at several truncations: {found.samples} samples against "
        f"{found.reference} real pictures, third neighbours of features of EfficientNet-Lite0 "
        "(Noguchi and Harada 2019, figure 5). Numbers compare only where these counts are the "
        "same.",
        *remarks(real),
    )
    headings = ("Truncation", "Precision", "Recall")
    return folder.leave(
        Section("truncation", "Truncation", text, pictures, headings, tuple(rows), files)
    )
