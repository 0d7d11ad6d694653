"""Tells the kind of a place of pictures."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import UserError
from ..formats import LACKING, SUFFIXES, is_picture, open_picture
from .arrays import array
from .datasets import dataset
from .entries import Entry, Source
from .folders import folder
from .records import is_record_file, tfrecords
from .zips import opened_zip, zipped

_KINDS = "a folder, a .zip, a .tfrecord, an .npz or .npy array, a picture, or tfds:NAME"


@contextlib.contextmanager
def open_source(path: str | os.PathLike, first: int | None = None) -> Iterator[Source]:
    """Tells the kind of ``path`` and lists its pictures; they can be opened in the block.

    Args:
        path: See :func:`tf_fewshot.data.load.load_pictures`.
        first: Listing may end after so many pictures; None lists all.

    Raises:
        UserError: if there is nothing, or nothing that can be read, at ``path``.
    """
    text = os.fspath(path)
    if text.startswith("tfds:"):
        yield dataset(text, first)
        return
    file = Path(text).expanduser()
    suffix = file.suffix.lower()
    if file.is_dir():
        listing = folder(file)
        source = listing.source(text)
        records = [listing.opened(name) for name in sorted(listing.names) if is_record_file(name)]
        yield tfrecords(records, first) if records and not source.entries else source
    elif not file.exists():
        raise UserError(f"There is no {file}. Pictures can come from {_KINDS}.")
    elif suffix == ".zip":
        with opened_zip(file) as archive:
            yield zipped(file, archive).source(text)
    elif suffix in (".npz", ".npy"):
        yield array(file)
    elif is_record_file(file.name):
        yield tfrecords([file], first)
    elif suffix in SUFFIXES or (not suffix and is_picture(file)):
        yield Source([Entry(file.name, lambda: open_picture(file))])
    elif suffix in LACKING:
        raise UserError(f"{file} cannot be read: {LACKING[suffix]}.")
    else:
        raise UserError(f"{file} is no source of pictures: they can come from {_KINDS}.")
