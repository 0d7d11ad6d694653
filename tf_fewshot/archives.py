"""Arrays in files that may be damaged: whatever is wrong with one is one kind of error."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TypeVar

import numpy as np

from .errors import UserError

_Result = TypeVar("_Result")


class DamagedArraysError(Exception):
    """A file that is no array or archive of NumPy, with the reason in one line."""


def read_array(path: str | os.PathLike, mapped: bool = False) -> np.ndarray:
    """Reads the array of an ``.npy`` file.

    Args:
        path: Of the file.
        mapped: Whether the array stays in the file until it is used.

    Raises:
        FileNotFoundError: if it is not there.
        DamagedArraysError: if it cannot be read, or would have to be unpickled.
    """

    def read() -> np.ndarray:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if isinstance(array, np.ndarray):
            return array
        array.close()
        raise ValueError("it is an archive of several arrays")

    return _guarded(read)


def read_arrays(
    path: str | os.PathLike, wanted: Callable[[Collection[str]], Collection[str]] | None = None
) -> dict[str, np.ndarray]:
    """Reads the arrays of an ``.npz`` file, whose checksums are compared.

    Args:
        path: Of the file.
        wanted: Chooses among their names; None reads all.

    Raises:
        FileNotFoundError: if it is not there.
        DamagedArraysError: if it cannot be read, or would have to be unpickled.
    """

    def read() -> dict[str, np.ndarray]:
        # Opened here, since NumPy leaves a file open that is no zip.
        with open(path, "rb") as opened:
            archive = np.load(opened, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array")
            with archive:
                names = archive.files if wanted is None else wanted(archive.files)
                arrays = {name: archive[name] for name in names}
        for name, value in arrays.items():
            # Of a member that does not begin as an array does, NumPy gives the bytes.
            if not isinstance(value, np.ndarray):
                raise ValueError(f"{name} is no array")
        return arrays

    return _guarded(read)


def _guarded(read: Callable[[], _Result]) -> _Result:
    try:
        return read()
    except (FileNotFoundError, UserError):
        raise
    # zipfile, zlib, tokenize, struct and NumPy each raise their own, by where the damage is; a
    # size that is wrong is one that no memory holds.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DamagedArraysError(reason[:300]) from error
