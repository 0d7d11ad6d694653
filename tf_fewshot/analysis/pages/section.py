"""Sections of the page of analyses, each kept in a file so that more can be added."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...files import atomic_path, write_json, write_text
from ...report.pictures import figure as embedded
from ...report.tables import number_table
from ...report.write import page
from ..drawing.style import save_figure

PAGE = "analysis.html"
ORDER = (
    "statistics",
    "activations",
    "change",
    "fisher",
    "drift",
    "interpolation",
    "morphing",
    "truncation",
    "correspondence",
    "projection",
    "neighbours",
)
"""The sections from top to bottom."""
_KEEP_BYTES = 3_000_000  # files of pictures up to this go into the page as they are


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of a section.

    Attributes:
        file: Its name in the folder.
        caption: What stands below it.
        alt: What it shows, for those who do not see it.
        wide: Whether it takes the width of the page.
    """

    file: str
    caption: str
    alt: str
    wide: bool = True


@dataclasses.dataclass(frozen=True)
class Section:
    """What one analysis has to say.

    Attributes:
        name: Of the analysis, one of :data:`ORDER`.
        title: Its heading.
        text: Paragraphs.
        pictures: Below the paragraphs.
        headings, rows: A table below the pictures; none without headings.
        files: Further files that it left.
    """

    name: str
    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()


class Folder:
    """The folder that analyses leave their files in.

    Args:
        path: It is made at once, so that a place that cannot be written is known before anything
            that takes long.

    Raises:
        UserError: if it is a file, or nothing can be written there.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path).expanduser()
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file: name a folder for the analysis.")
        probe = self.path / "probe.tmp"
        try:
            with atomic_path(probe) as partial:
                partial.write_bytes(b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"Cannot write {self.path}: {error.strerror}.") from error

    def figure(self, figure: Any, name: str, caption: str, alt: str) -> Picture:
        """Writes a Matplotlib figure as PNG and SVG."""
        save_figure(figure, self.path, name)
        return Picture(f"{name}.png", caption, alt)

    def arrays(self, name: str, **arrays: Any) -> str:
        """Writes arrays as ``NAME.npz``; returns the file's name."""
        with atomic_path(self.path / f"{name}.npz") as partial:
            np.savez(partial, allow_pickle=False, **arrays)
        return f"{name}.npz"

    def table(self, name: str, columns: Mapping[str, Sequence[Any]]) -> str:
        """Writes columns of equal length as ``NAME.csv``; returns the file's name."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        write_text(self.path / f"{name}.csv", text.getvalue())
        return f"{name}.csv"

    def leave(self, section: Section) -> Path:
        """Keeps a section, in place of an earlier one of its name, and writes the page again.

        Returns:
            Where the page is.
        """
        write_json(self.path / f"{section.name}.json", dataclasses.asdict(section))
        sections = [s for s in map(self._kept, ORDER) if s is not None]
        path = self.path / PAGE
        body = [(s.name, s.title, self._html(s)) for s in sections]
        write_text(path, page("Looking inside", "<h1>Looking inside</h1>", body))
        return path

    def _kept(self, name: str) -> Section | None:
        path = self.path / f"{name}.json"
        if not path.exists():
            return None
        try:
            record = json.loads(path.read_text("utf-8"))
            pictures = tuple(Picture(**picture) for picture in record.pop("pictures"))
            rows = tuple(tuple(row) for row in record.pop("rows"))
            rest: dict[str, Any] = {}
            rest |= {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
            return Section(**rest, pictures=pictures, rows=rows)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{path} is damaged: remove it, or run that analysis again.") from error

    def _html(self, section: Section) -> str:
        parts = [f"<p>{html.escape(text)}</p>" for text in section.text]
        for shown in section.pictures:
            drawn = embedded(self.path / shown.file, shown.caption, shown.alt, _KEEP_BYTES)
            missing = f"<p>{html.escape(shown.file)} is missing or damaged.</p>"
            width = "wide" if shown.wide else "single"
            parts.append(f'<div class="{width}">{drawn}</div>' if drawn else missing)
        if section.headings:
            parts.append(number_table(section.headings, section.rows, "rows"))
        if section.files:
            names = ", ".join(html.escape(name) for name in section.files)
            parts.append(f"<p>Data beside this page: {names}</p>")
        return "\n".join(parts)


def evenly(count: int, most: int) -> list[int]:
    """Returns at most so many of the numbers below ``count``, ascending, from first to last."""
    return [round(i) for i in np.linspace(0, count - 1, min(count, most))]


def show(value: float) -> str:
    """Writes a number for people."""
    return f"{value:.3g}"
