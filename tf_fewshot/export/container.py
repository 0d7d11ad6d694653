"""One file of named arrays and JSON: a compressed npz without pickles.

``numpy.load`` opens it too. Nothing in it is ever executed, every member is checked
against its CRC-32, and memory never holds more than the arrays and one chunk.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import UserError
from ..files import atomic_path

METADATA = "metadata.json"
_NPY_VERSION = (1, 0)
_CHUNK = 1 << 20
_LONGEST_METADATA = 64 << 20
# Deflate cannot shrink further than this: a member that claims more is a trap.
_HIGHEST_RATIO = 1040
# One fixed time, so that equal contents are equal files.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_container(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> None:
    """Writes arrays (of floats, integers or bools) by name, and JSON, whole or not at all.

    Raises:
        UserError: if the disk is full or the place cannot be written.
        ValueError: for an array of another type, or a name that is no file name in a zip.
        TypeError: for metadata that JSON cannot express.
    """
    text = json.dumps(metadata, ensure_ascii=False, indent=1)
    with (
        atomic_path(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        archive.writestr(_member(METADATA), text)
        for name, array in arrays.items():
            # Not ascontiguousarray, which gives a scalar a dimension.
            array = np.asarray(array, order="C")
            if array.dtype.kind not in "fiub" or "\0" in name:
                raise ValueError(f"cannot store {name!r} of type {array.dtype}")
            with archive.open(_member(name + ".npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, _NPY_VERSION, allow_pickle=False)


def read_container(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what :func:`write_container` wrote.

    Raises:
        UserError: if the file is not there, cannot be read, is damaged, or is
            something else.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) != len(archive.infolist()):
                raise ValueError("two members share a name")
            metadata = _read_metadata(archive, members.pop(METADATA))
            arrays = {_name(key): _read_array(archive, i) for key, i in members.items()}
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    # Bytes that are not theirs make zipfile, zlib, numpy and json raise a dozen kinds.
    except Exception as error:
        raise UserError(
            f"{path} is damaged or not a file of tf_fewshot ({type(error).__name__}: "
            f"{_first_line(error)}). Take another copy of it."
        ) from error
    return arrays, metadata


def check_format(
    path: str | os.PathLike, metadata: dict[str, Any], known: str, words: str, newest: int
) -> None:
    """Takes the format out of metadata, and checks it and its version.

    Args:
        path: Of the file.
        metadata: As :func:`read_container` read it; it keeps "format_version".
        known: The format.
        words: What such a file is called, with its article.
        newest: The highest version that is known.

    Raises:
        UserError: if it is another format, or a newer version.
    """
    if metadata.pop("format", None) != known:
        raise UserError(f"{path} is not {words} of tf_fewshot.")
    version = metadata.get("format_version")
    if not isinstance(version, int) or version > newest:
        raise UserError(
            f"{path} is {words} of format {version!r}, and this tf_fewshot reads up to {newest}. "
            "Upgrade tf_fewshot."
        )


def wrong_fields(fields: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """Names the fields that are missing, unexpected or of another kind; "" if all is right."""
    wrong = set(fields) ^ set(kinds)
    wrong |= {k for k, v in fields.items() if k in kinds and not isinstance(v, kinds[k])}
    return ", ".join(sorted(wrong))


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _name(member: str) -> str:
    if not member.endswith(".npy"):
        raise ValueError(f"unexpected member {member!r}")
    return member.removesuffix(".npy")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _read_metadata(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, Any]:
    if info.file_size > _LONGEST_METADATA:
        raise ValueError("metadata too long")
    metadata = json.loads(archive.read(info).decode("utf-8"))
    if not isinstance(metadata, dict):
        raise ValueError("metadata is not an object")
    return metadata


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != _NPY_VERSION:
            raise ValueError(f"unknown npy version of {info.filename!r}")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(member)
        if fortran_order or dtype.kind not in "fiub":
            raise ValueError(f"unexpected type or order of {info.filename!r}")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size - member.tell():
            raise ValueError(f"{info.filename!r} is not as long as its shape")
        if info.file_size > _HIGHEST_RATIO * (info.compress_size + 1):
            raise ValueError(f"{info.filename!r} claims an impossible length")
        array = np.empty(shape, dtype)
        _fill(array.reshape(-1).view(np.uint8), member)
        return array


def _fill(target: np.ndarray, member: IO[bytes]) -> None:
    """Fills flat bytes to the member's end, where zipfile compares the CRC-32."""
    done = 0
    while chunk := member.read(_CHUNK):
        target[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
        done += len(chunk)
    if done != len(target):
        raise EOFError("the file ends too early")
