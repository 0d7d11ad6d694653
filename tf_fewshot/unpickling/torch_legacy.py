"""Files of ``torch.save`` before version 1.6, read without torch.

The file is a row of pickles (magic number, protocol version, facts about the machine,
the saved object, the keys of its storages), then for each key the number of elements
as int64 and the raw numbers.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

from ..errors import UserError
from .torch_storage import Storages, torch_names
from .unpickler import Names, load_one, resolve
from .values import in_file, told

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_HEAD = b"\x80\x02\x8a\x0a" + _MAGIC.to_bytes(10, "little") + b"."


def is_torch_legacy(path: str | os.PathLike) -> bool:
    """Tells whether the file begins with the magic number of torch's old format."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def read_torch_legacy(path: str | os.PathLike, extra: Names | None = None) -> Any:
    """Reads what ``torch.save`` wrote in its old format; see :func:`read_torch_zip`."""
    try:
        return read_torch_stream(io.BytesIO(Path(path).read_bytes()), extra)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error


def read_torch_stream(file: io.BytesIO, extra: Names | None = None) -> Any:
    """Reads the same from a stream; a storage that was saved alone comes as :class:`Storage`."""
    if load_one(file) != _MAGIC:
        raise UserError("it is not a file of torch.save")
    version = load_one(file)
    if version != _PROTOCOL:
        raise UserError(f"its protocol is {told(version)}, not {_PROTOCOL}")
    machine = load_one(file)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise UserError("it was saved on a big-endian machine")
    storages = Storages()
    tree = load_one(file, {**torch_names(), **(extra or {})}, storages)
    keys = load_one(file)
    good = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not good or set(keys) != set(storages.by_key):
        raise UserError("its list of storages does not fit its tensors")
    for key in keys:
        storage = storages.by_key[key]
        head = file.read(8)
        if len(head) != 8 or struct.unpack("<q", head)[0] != storage.numel:
            raise UserError(f"storage {key!r} is cut off or of another size")
        size = storage.numel * storage.dtype.itemsize
        if size > len(file.getbuffer()) - file.tell():
            raise UserError(f"storage {key!r} is cut off or of another size")
        storage.fill(file.read(size))
    return resolve(tree)
