"""Files of safetensors, read without that package.

The file is the length of a header (8 bytes, little-endian), the header as JSON (for each tensor its
type, its shape, and where it begins and ends in what follows), and the numbers. Source: the format
of the public repository huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ..errors import UserError
from .values import in_file, told

_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_LARGEST_HEADER = 100_000_000
_PREFIX = 8


def safetensors_header(path: str | os.PathLike, most: int = _LARGEST_HEADER) -> bytes:
    """The header of a file, at most so many bytes of it; empty if it is no such file."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(_PREFIX), "little")
            head = file.read(min(length, most))
        whole = os.path.getsize(path) >= _PREFIX + length
    except OSError:
        return b""
    begins = 2 <= length <= _LARGEST_HEADER and head[:1] == b"{"
    return head if begins and whole else b""


def read_safetensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the tensors of a file by name, each as a read-only array of its own type.

    Raises:
        UserError: if the file is damaged, or holds numbers of an unknown type.
    """
    try:
        return _read(Path(path))
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error


def _read(path: Path) -> dict[str, np.ndarray]:
    header = safetensors_header(path)
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise UserError("its header is damaged") from error
    if not isinstance(entries, dict):
        raise UserError("its header lists no tensors")
    entries.pop("__metadata__", None)
    # Not all of it is read into memory at once.
    numbers = np.memmap(path, np.uint8, "r", offset=0)[_PREFIX + len(header) :]
    return {name: _tensor(name, entry, numbers) for name, entry in entries.items()}


def _tensor(name: str, entry: Any, numbers: np.ndarray) -> np.ndarray:
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, ends = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise UserError(f"its {name} has numbers of the type {told(dtype)}")
    if not _counts(shape) or not _counts(ends) or len(ends) != 2 or len(shape) > 32:
        raise UserError(f"its header does not say where {name} is")
    size = math.prod(shape) * _DTYPES[dtype].itemsize
    if ends[1] - ends[0] != size or ends[1] > numbers.size:
        raise UserError(f"its {name} is cut off, or not as large as its shape {tuple(shape)}")
    raw = np.frombuffer(numbers[ends[0] : ends[1]].tobytes(), _DTYPES[dtype])
    return raw.reshape(shape)


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)
