"""A selection of pictures: a contact sheet, a list, and copies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from ...data.decode import decode
from ...data.grid import save_png
from ...data.load import load_pictures
from ...data.sources import open_source
from ...files import atomic_path
from ..drawing import picture_rows
from ..progress import Progress, quiet
from ..selection import SIZE, Selection, select, style_vectors, styles_of
from .section import Folder

_COLUMNS = 10
COPIES = "pictures"


def write_selection(
    place: str | os.PathLike,
    out: str | os.PathLike,
    n: int,
    *,
    like: str | os.PathLike | None = None,
    copy: bool = False,
    skip_bad: bool = False,
    seed: int = 0,
    progress: Progress = quiet,
) -> tuple[Selection, list[str]]:
    """Chooses the pictures of a place that go together, and shows them.

    Leaves ``select.csv`` (rank, name and style distance of each), a contact sheet ``select.png``
    and ``.svg``, and with ``copy`` the folder ``pictures`` of the files themselves.

    Args:
        place: A folder, or what :func:`tf_fewshot.data.load.load_pictures` takes.
        out: The folder.
        n: How many.
        like: Pictures in whose style they shall be, or where they are; None finds the tightest
            group.
        copy: Whether to copy the files; those of archives become PNG.
        skip_bad: Whether to leave out pictures that cannot be read.
        seed: Of what is drawn.
        progress: Told how far the work is.

    Returns:
        The selection, and remarks for people.

    Raises:
        UserError: if there are fewer pictures than asked for, or one cannot be read.
    """
    folder = Folder(out)
    names, vectors, notes = styles_of(place, skip_bad, seed, progress)
    wanted = None if like is None else style_vectors(load_pictures(like, SIZE).images, seed)
    found = select(vectors, n, wanted, seed)
    chosen = [names[i] for i in found.chosen]
    with open_source(place) as source:
        entries = {entry.name: entry for entry in source.entries}
        shown = [decode(entries[name].open, (SIZE, SIZE))[0] for name in chosen]
        if copy:
            _copy(Path(place), folder.path / COPIES, [entries[name] for name in chosen])
    rows = [
        (f"{start + 1} to {min(start + _COLUMNS, n)}", np.stack(shown[start : start + _COLUMNS]))
        for start in range(0, n, _COLUMNS)
    ]
    folder.figure(picture_rows(rows, y_label="rank"), "select", "", "")
    columns = {"rank": range(1, n + 1), "picture": chosen, "distance": found.distances.tolist()}
    folder.table("select", columns)
    return found, notes


def _copy(place: Path, to: Path, entries: list) -> None:
    """Copies pictures under names that tell their order; an earlier selection is replaced."""
    with atomic_path(to) as partial:
        partial.mkdir()
        for rank, entry in enumerate(entries, 1):
            name = entry.name.replace("/", "_").replace("\\", "_")
            file = place.expanduser() / entry.name
            if file.is_file():
                shutil.copyfile(file, partial / f"{rank:05d}_{name}")
            else:
                with entry.open() as image:
                    size = image.height, image.width
                whole = decode(entry.open, size)[0]
                save_png(whole, partial / f"{rank:05d}_{Path(name).stem}.png")
