"""Arrays in ``.npz`` files of others: nothing unpickled, nothing larger than allowed."""

from __future__ import annotations

import dataclasses
import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones import GAN
from ...errors import UserError
from .faults import listed

_HEADER_ROOM = 4096
_MOST_ARRAYS = 10_000
_LARGEST = 2**31

Shape = tuple[int, ...]
Headers = dict[str, tuple[Shape, np.dtype]]


@dataclasses.dataclass(frozen=True)
class Target:
    """The weight that one array of a file becomes.

    Attributes:
        shape: Of the array in the file.
        path: Of the variable that takes it; None if none does.
        change: From the array to the variable's layout.
        optional: Whether it may be missing.
    """

    shape: Shape
    path: str | None = None
    change: Callable[[np.ndarray], np.ndarray] = lambda value: value
    optional: bool = False


Targets = dict[str, Target]


def read_array(archive: zipfile.ZipFile, name: str, limit: int) -> np.ndarray:
    """One array; a member that declares more than ``limit`` bytes is never unpacked."""
    if archive.getinfo(f"{name}.npy").file_size > limit + _HEADER_ROOM:
        raise UserError(f"{archive.filename} is damaged: {name} is larger than it can be.")
    return np.lib.format.read_array(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)


def read_headers(archive: zipfile.ZipFile, limit: int) -> Headers:
    """Shape and dtype of every array by its name; only the beginnings are unpacked.

    Raises:
        UserError: if a member is no array of plain numbers, is there twice, or is not as
            large as its shape, or if all of them together are larger than ``limit`` bytes.
    """
    infos = archive.infolist()
    if len(infos) > _MOST_ARRAYS or sum(info.file_size for info in infos) > limit:
        raise UserError(f"{archive.filename} holds more than {limit >> 20} MiB of arrays.")
    headers: Headers = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name == info.filename or name in headers:
            raise UserError(f"{archive.filename} is damaged: {name} is no array or there twice.")
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, _, dtype = read(member)
            begin = member.tell()
        if dtype.hasobject or dtype.kind not in "fiub":
            raise UserError(f"{archive.filename} holds {name} of dtype {dtype}, not of numbers.")
        if any(n < 0 for n in shape) or info.file_size != begin + math.prod(shape) * dtype.itemsize:
            raise UserError(f"{archive.filename} is damaged: {name} is not of the size it says.")
        headers[name] = (shape, dtype)
    return headers


class ArrayFile:
    """An ``.npz`` whose headers are read first, and its values once they fit.

    Args:
        path: Of the file.
        what: It should hold, for messages, such as "an SNGAN".

    Attributes:
        headers: Shape and dtype of every array by its name, once it is entered.

    Raises:
        UserError: from every method, if the file is damaged or does not fit.
    """

    def __init__(self, path: Path, what: str):
        self.path, self.what = path, what

    def __enter__(self) -> ArrayFile:
        try:
            self.archive = zipfile.ZipFile(self.path)
        except OSError as error:
            raise UserError(f"Cannot read {self.path}: {error.strerror or error}.") from error
        except Exception as error:
            raise self._damaged(error) from error
        try:
            self.headers = self._guarded(lambda: read_headers(self.archive, _LARGEST))
        except UserError:
            self.archive.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.close()

    def understood(self, call: Callable[[Headers], Any]) -> Any:
        """Returns what ``call`` makes of the headers; errors in it name the file."""
        try:
            return call(self.headers)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(
                f"{self.path} does not describe {self.what}: {type(error).__name__} {error}"
            ) from error

    def check(self, targets: Targets) -> None:
        """Checks that the names and shapes are exactly these, and the values floats."""
        missing = (n for n in sorted(set(targets) - set(self.headers)) if not targets[n].optional)
        faults = [f"missing {name}" for name in missing]
        faults += [f"unexpected {name}" for name in sorted(set(self.headers) - set(targets))]
        for name in sorted(set(self.headers) & set(targets)):
            (shape, dtype), target = self.headers[name], targets[name]
            if shape != target.shape:
                faults.append(f"{name} of shape {shape}, not {target.shape}")
            elif target.path is not None and dtype.kind != "f":
                faults.append(f"{name} of dtype {dtype}")
        self._refuse(faults)

    def fill(self, targets: Targets, gan: GAN) -> None:
        """Assigns the arrays to the GAN's variables; :meth:`check` comes first."""
        variables = gan.variables_by_path()
        faults = []
        for name, target in targets.items():
            if target.path is None or name not in self.headers:
                continue
            value = self._guarded(lambda n=name: read_array(self.archive, n, _LARGEST))
            with np.errstate(over="ignore"):
                value = target.change(value).astype(np.float32)
            if not np.isfinite(value).all():
                faults.append(f"{name} with values that are not finite")
            elif target.path.endswith("variance") and value.min() < 0:
                faults.append(f"{name} with variances below 0")
            else:
                variables[target.path].assign(value)
        self._refuse(faults)

    def _damaged(self, error: Exception) -> UserError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return UserError(f"{self.path} is damaged or cut off ({reason}): copy it again.")

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except UserError:
            raise
        except Exception as error:  # Damage shows as almost any exception.
            raise self._damaged(error) from error

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            raise UserError(
                f"The arrays in {self.path} are not those of {self.what}: {listed(faults)}."
            )
