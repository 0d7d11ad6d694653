"""One page about several runs, side by side."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path

from ..files import write_text
from .content import Run
from .write import interpolation, page, reconstructions, samples, title, training_pictures


def write_overview(path: str | os.PathLike, runs: Sequence[str | os.PathLike]) -> Path:
    """Writes a page with the pictures of each run and a link to its own report.

    Args:
        path: The HTML file; links are relative to its folder.
        runs: The run folders, each with a report.

    Returns:
        Where the page is.

    Raises:
        UserError: if a run folder is missing or its JSON files are damaged.
    """
    path = Path(path)
    sections = []
    for folder in runs:
        run = Run(Path(folder))
        link = html.escape(os.path.relpath(Path(folder) / "report.html", path.parent))
        parts = [samples(run), training_pictures(run), reconstructions(run), interpolation(run)]
        more = f'<p><a href="{link}">The whole report of this run</a></p>'
        sections.append((Path(folder).name, title(run), "\n".join([*filter(None, parts), more])))
    write_text(path, page("Adapted generators", "<h1>Adapted generators</h1>", sections))
    return path
