"""Interpolation and morphing: their sections."""

from __future__ import annotations

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
    folder.check()
    if fitted is None:
        ways, what = interpolated(subject, ends, frames, seed, progress), "samples"
    else:
        ways = between_fitted(subject.gan, fitted[:ends], frames, progress)
        what = "fitted latents of pictures"
    pictures = _pictures(folder, "interpolation", ways, f"on the way between {what}", kind, False)
    text = (
        f"From each of {len(ways) + 1} {what} of {subject.name} to the next. Where pictures "
        "between change in steps, with what is of neither end, it learned its pictures by heart.",
    )
    return _left(folder, "interpolation", f"Between {what}", text, pictures, ways)


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
    folder.check()
    ways = morphed(start, end, samples, frames, seed, progress)
    names = f"{_shown(start)} to {_shown(end)}"
    pictures = _pictures(folder, "morphing", ways, f"from {names}", kind, True)
    text = (
        f"Weights (γ and β among them) and latents go together from {names}; each row is one "
        "latent (Noguchi and Harada 2019, figure 14). The ends are the domains' own samples.",
    )
    return _left(folder, "morphing", f"From {names}", text, pictures, ways)


def _shown(subject: Subject) -> str:
    return subject.name if subject.label is None else f"{subject.name}, class {subject.label}"


def _pictures(
    folder: Folder, name: str, ways: np.ndarray, words: str, kind: str, together: bool
) -> tuple[Picture, ...]:
    """Writes the grid of the ways, and the moving picture: all ways at once, or in turn."""
    chosen = sorted(evenly(ways.shape[1], _COLUMNS))
    titles = [f"{i / (ways.shape[1] - 1):.2f}" for i in chosen]
    rows = [("", way[chosen]) for way in ways]
    grid = folder.figure(
        picture_rows(rows, titles, "part of the way"),
        name,
        "Each row is a way from left to right.",
        f"Pictures {words}",
    )
    if together:
        sheets = [image_grid(frame, columns=len(ways)) for frame in ways.swapaxes(0, 1)]
        frames = there_and_back(np.stack(sheets))
    else:
        # The end of a way is the beginning of the next.
        frames = np.concatenate([ways[0], *(way[1:] for way in ways[1:])])
    path = save_animation(frames, folder.path, f"{name}_moving", kind)
    if kind == "mp4":
        return (grid,)
    return (grid, Picture(path.name, "The same, moving.", f"Moving picture {words}"))


def _left(
    folder: Folder,
    name: str,
    title: str,
    text: tuple[str, ...],
    pictures: tuple[Picture, ...],
    ways: np.ndarray,
) -> Path:
    data = folder.arrays(name, images=ways)
    moving = [path.name for path in folder.path.glob(f"{name}_moving.*") if path.suffix == ".mp4"]
    return folder.leave(Section(name, title, text, pictures, files=(data, *moving)))
