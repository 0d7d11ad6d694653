"""This project's own file of a whole GAN: one ``.npz``, readable by NumPy alone.

Its first array, ``__metadata__``, is a JSON text with the format's version, the
architecture, the configuration that rebuilds it and whatever else was worth noting;
every other array is one weight under its path. Nothing in it is pickled.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...backbones import GAN, build
from ...downloads.files import sha256_of
from ...errors import UserError
from ...files import atomic_path
from ..porting.faults import listed
from ..porting.npz import read_array

FORMAT = "tf_fewshot.gan"
VERSION = 1

_METADATA = "__metadata__"
_LARGEST_METADATA = 2**24


def save_gan(
    gan: GAN,
    path: str | os.PathLike,
    half: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a GAN with its discriminator, if it has one, into one ``.npz`` file.

    A discriminator that training added to an architecture without one is left out.

    Args:
        gan: What to write.
        path: Where to; whole or not at all.
        half: Stores kernels (weights of more than one dimension) in float16, at half
            the size. Vectors stay float32: a batch norm's variance may be tiny. So do weights
            that float16 cannot hold, as variances that are kept in several rows may be.
        metadata: Anything JSON can hold, such as "licence", "fid" or "images_seen".

    Raises:
        UserError: if a weight is not finite, or ``path`` cannot be written.
    """
    judged = gan.discriminator is not None and gan.has_discriminator
    header = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": gan.architecture,
        "config": gan.config,
        "discriminator": judged,
        "metadata": dict(metadata or {}),
    }
    arrays: dict[str, Any] = {_METADATA: np.array(json.dumps(header, ensure_ascii=False))}
    for name, variable in gan.variables_by_path().items():
        if name.startswith("discriminator/") and not judged:
            continue
        arrays[name] = _Stored(name, variable, half)
    with atomic_path(path) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


class _Stored:
    """The array that is stored for a variable, computed only when it is written."""

    def __init__(self, name: str, variable: Any, half: bool):
        self._name, self._variable, self._half = name, variable, half

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del dtype, copy
        # As it lies in memory.
        value = np.asarray(memoryview(tf.convert_to_tensor(self._variable)))
        return _stored(self._name, value, self._half)


def _stored(name: str, value: np.ndarray, half: bool) -> np.ndarray:
    if not np.isfinite(value).all():
        raise UserError(f"{name} holds values that are not finite: these weights are of no use.")
    if not half or value.ndim < 2:
        return value
    with np.errstate(over="ignore"):
        short = value.astype(np.float16)
    return short if np.isfinite(short).all() else value


def is_native(path: str | os.PathLike) -> bool:
    """Returns whether a file is of this format, by its content; a cut-off one counts too."""
    try:
        with open(path, "rb") as file:
            head = file.read(128)
        if not head.startswith(b"PK\x03\x04"):
            return False
        if f"{_METADATA}.npy".encode() in head:
            return True
        with zipfile.ZipFile(path) as archive:
            return f"{_METADATA}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def load_gan(path: str | os.PathLike) -> GAN:
    """Reads a GAN that :func:`save_gan` wrote.

    Returns:
        The GAN. Its ``source_metadata`` holds what was saved as ``metadata`` and
        "name" and "sha256" of the file.

    Raises:
        UserError: if the file is missing, damaged, not of this format or of a newer
            version, or if its weights are not exactly those of its architecture.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = _header(archive, path)
            gan = _empty(header, path)
            _fill(gan, archive, path)
        sha256 = sha256_of(path)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except Exception as error:  # Damage shows as almost any exception.
        raise UserError(
            f"{path} is damaged, cut off or no .npz file ({error}): copy it again."
        ) from error
    gan.source_metadata = {  # pyright: ignore[reportAttributeAccessIssue]
        "licence": None,
        **header["metadata"],
        "name": path.name,
        "sha256": sha256,
    }
    return gan


def _header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if f"{_METADATA}.npy" not in archive.namelist():
        raise UserError(f"{path} is a zip, but not a GAN of save_gan (no {_METADATA}).")
    header = json.loads(str(read_array(archive, _METADATA, _LARGEST_METADATA)))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UserError(f"{path} is not a GAN of save_gan (its metadata say otherwise).")
    if header.get("version") != VERSION:
        raise UserError(
            f"{path} has the format version {header.get('version')}; this release reads "
            f"{VERSION}: update tf_fewshot."
        )
    fields = {"architecture": str, "config": dict, "discriminator": bool, "metadata": dict}
    for field, kind in fields.items():
        if not isinstance(header.get(field), kind):
            raise UserError(f"{path} is damaged: its metadata have no {field}.")
    return header


def _empty(header: dict[str, Any], path: Path) -> GAN:
    try:
        return build(
            header["architecture"], discriminator=header["discriminator"], **header["config"]
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path} describes a {header['architecture']} that cannot be built: {error}"
        ) from error


def _fill(gan: GAN, archive: zipfile.ZipFile, path: Path) -> None:
    variables = gan.variables_by_path()
    names = archive.namelist()
    stored = {name.removesuffix(".npy") for name in names} - {_METADATA}
    faults = [f"missing {name}" for name in sorted(set(variables) - stored)]
    faults += [f"unexpected {name}" for name in sorted(stored - set(variables))]
    if len(set(names)) != len(names):
        faults.append("the same name twice")
    for name in sorted(stored & set(variables)):
        variable = variables[name]
        size = max(int(np.prod(variable.shape)), 1)
        value = read_array(archive, name, size * 8)
        if value.dtype.kind not in "fiub":
            faults.append(f"{name} of dtype {value.dtype}")
        elif value.shape != tuple(variable.shape):
            faults.append(f"{name} of shape {value.shape}, not {tuple(variable.shape)}")
        else:
            variable.assign(value.astype(variable.dtype))
    if faults:
        raise UserError(
            f"The weights in {path} do not fit a {gan.architecture} of its configuration: "
            f"{listed(faults)}."
        )
