"""Interpolation and morphing: their sections."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from ...data.grid import image_grid
from ..drawing import check_format, picture_rows, save_animation, there_and_back
from ..interpolation import between_fitted, interpolated
from ..morphing import morphed
from ..progress import Progress, quiet
from ..subjects import Subject
from .section import Folder, Picture, Section, evenly

_COLUMNS = 8


def write_interpolation(
    subject: Subject,
    out: str | os.PathLike,
    *,
    fitted: np.ndarray | None = None,
    ends: int = 5,
    frames: int = 16,
    seed: int = 0,
    kind: str = "gif",
    progress: Progress = quiet,
) -> Path:
    """Shows what lies between samples, or between the fitted latents of pictures.

    Args:
        subject: The generator.
        out: The folder.
        fitted: Free latents of pictures, see :func:`tf_fewshot.analysis.fitted_latents`; the
            first ones are used. None goes between samples.
        ends: Number of samples or pictures.
        frames: Pictures from one to the next.
        seed: Of samples.
        kind: Of the moving picture: "gif", "webp" or "mp4".
        progress: Told how far the work is.

    Returns:
        Where the page is.

    Raises:
        UserError: if there are fewer than two ends, or the moving picture cannot be written.
    """
    check_format(kind)
    folder = Folder(out)
    if fitted is None:
        ways, what = interpolated(subject, ends, frames, seed, progress), "samples"
    else:
        ways = between_fitted(subject, fitted[:ends], frames, progress)
        what = "fitted latents of pictures"
    text = (
        f"From each of {len(ways) + 1} {what} of {subject.name} to the next. Where pictures "
        "between change in steps, with what is of neither end, it learned its pictures by heart.",
    )
    pictures = _pictures(folder, "interpolation", ways, f"on the way between {what}")
    # The end of a way is the beginning of the next.
    moving = np.concatenate([ways[0], *(way[1:] for way in ways[1:])])
    section = Section("interpolation", f"Between {what}", text, pictures)
    return _left(folder, section, ways, moving, kind)


def write_morphing(
    start: Subject,
    end: Subject,
    out: str | os.PathLike,
    *,
    samples: int = 4,
    frames: int = 16,
    seed: int = 0,
    kind: str = "gif",
    progress: Progress = quiet,
) -> Path:
    """Shows the way of the same latents from one domain to another.

    Source: BSA (ICCV 2019), figure 14.

    Args:
        start, end: Domains of one source, or classes of it.
        out: The folder.
        samples, frames, seed: See :func:`tf_fewshot.analysis.morphed`.
        kind: Of the moving picture: "gif", "webp" or "mp4".
        progress: Told how far the work is.

    Returns:
        Where the page is.

    Raises:
        UserError: if there is no way between them, or the moving picture cannot be written.
    """
    check_format(kind)
    folder = Folder(out)
    ways = morphed(start, end, samples, frames, seed, progress)
    names = f"{_shown(start)} to {_shown(end)}"
    text = (
        f"Weights (γ and β among them) and latents go together from {names}; each row is one "
        "latent (Noguchi and Harada 2019, figure 14). The ends are the domains' own samples.",
    )
    pictures = _pictures(folder, "morphing", ways, f"from {names}")
    # All at once.
    sheets = [image_grid(frame, columns=len(ways)) for frame in ways.swapaxes(0, 1)]
    section = Section("morphing", f"From {names}", text, pictures)
    return _left(folder, section, ways, there_and_back(np.stack(sheets)), kind)


def _shown(subject: Subject) -> str:
    return subject.name if subject.label is None else f"{subject.name}, class {subject.label}"


def _pictures(folder: Folder, name: str, ways: np.ndarray, words: str) -> tuple[Picture, ...]:
    """Writes the grid of the ways."""
    chosen = evenly(ways.shape[1], _COLUMNS)
    titles = [f"{i / (ways.shape[1] - 1):.2f}" for i in chosen]
    rows = [("", way[chosen]) for way in ways]
    grid = folder.figure(
        picture_rows(rows, titles, "part of the way"),
        name,
        "Each row is a way from left to right.",
        f"Pictures {words}",
    )
    return (grid,)


def _left(
    folder: Folder, section: Section, ways: np.ndarray, moving: np.ndarray, kind: str
) -> Path:
    """Adds all pictures as data and the moving picture to a section, and leaves it."""
    path = save_animation(moving, folder.path, f"{section.name}_moving", kind)
    pictures, files = section.pictures, (folder.arrays(section.name, images=ways),)
    if kind == "mp4":  # no picture to a page
        files = (*files, path.name)
    else:
        alt = f"{pictures[0].alt}, moving"
        wide = moving.shape[2] > moving.shape[1]
        pictures = (*pictures, Picture(path.name, "The same, moving.", alt, wide))
    return folder.leave(dataclasses.replace(section, pictures=pictures, files=files))
