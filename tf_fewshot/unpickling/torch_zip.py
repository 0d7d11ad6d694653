"""Files of ``torch.save`` since version 1.6, read without torch.

The file is a zip of ``NAME/data.pkl``, a pickle in which every tensor refers to a
storage, and ``NAME/data/KEY``, the raw numbers of each storage, all uncompressed.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

from ..errors import UserError
from .torch_storage import Storages, torch_names
from .unpickler import Names, load_one, resolve
from .values import in_file


def is_torch_zip(path: str | os.PathLike) -> bool:
    """Tells whether the file is a zip with a ``data.pkl`` one folder down."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _pickle_name(archive) is not None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def read_torch_zip(path: str | os.PathLike, extra: Names | None = None) -> Any:
    """Reads what ``torch.save`` wrote in its zip format.

    Args:
        path: The file.
        extra: Further callables by (module, name); see
            :class:`~tf_fewshot.unpickling.unpickler.RestrictedUnpickler`.

    Returns:
        What was saved (usually nested dicts), every tensor as a read-only array of its
        own dtype (``ml_dtypes.bfloat16`` for bfloat16) that keeps strides and offset.

    Raises:
        UserError: if the file is damaged, compressed, or its pickle names anything but
            tensors and plain containers. Nothing in it is ever run.
    """
    try:
        return _read(path, {**torch_names(), **(extra or {})})
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error
    except Exception as error:
        inner = UserError(f"it is damaged ({type(error).__name__}: {error})")
        raise in_file(path, inner) from error


def _pickle_name(archive: zipfile.ZipFile) -> str | None:
    names = [n for n in archive.namelist() if n.count("/") == 1 and n.endswith("/data.pkl")]
    return names[0] if len(names) == 1 else None


def _read(path: str | os.PathLike, names: Names) -> Any:
    with zipfile.ZipFile(path) as archive:
        name = _pickle_name(archive)
        if name is None:
            raise UserError("it is a zip, but not one of torch.save (no data.pkl)")
        infos = archive.infolist()
        # torch never compresses; without compression no file is larger than its zip.
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos) or sum(
            info.file_size for info in infos
        ) > os.path.getsize(path):
            raise UserError("its members are compressed or overlap, which torch.save never does")
        prefix = name.removesuffix("data.pkl")
        order = prefix + "byteorder"
        if order in archive.namelist() and archive.read(order).strip() != b"little":
            raise UserError("it was saved on a big-endian machine")
        storages = Storages()
        tree = load_one(io.BytesIO(archive.read(name)), names, storages)
        for key, storage in storages.by_key.items():
            if f"{prefix}data/{key}" not in archive.namelist():
                raise UserError(f"storage {key!r} is missing")
            storage.fill(archive.read(f"{prefix}data/{key}"))
        return resolve(tree)
