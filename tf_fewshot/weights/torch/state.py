"""State dicts of PyTorch in files of any kind: ``torch.save`` of old and new, safetensors."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import UserError
from ...unpickling.safetensors import read_safetensors, safetensors_header
from ...unpickling.torch_legacy import is_torch_legacy, read_torch_legacy
from ...unpickling.torch_storage import is_of_numbers, widened
from ...unpickling.torch_zip import is_torch_zip, read_torch_zip

State = dict[str, np.ndarray]

_SNIFFED = 2**22
# What torch.nn.DataParallel puts before every name.
_PARALLEL = "module."


def names_in(path: str | os.PathLike) -> bytes:
    """The part of a file that has the names of its tensors; empty if it is no file of PyTorch's.

    It is looked at, not read: names are in it as they are, among other things.
    """
    try:
        if is_torch_legacy(path):
            with open(path, "rb") as file:
                return file.read(_SNIFFED)
        if is_torch_zip(path):
            with zipfile.ZipFile(path) as archive:
                name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
                with archive.open(name) as file:
                    return file.read(_SNIFFED)
        return safetensors_header(path, _SNIFFED)
    except Exception:  # Damage shows as almost any exception.
        return b""


def read_saved(path: str | os.PathLike) -> Any:
    """Reads what a file holds: usually a dict of tensors, or of dicts of them.

    Raises:
        UserError: if it is damaged, or names anything but tensors and plain containers. Nothing
            in it is ever run.
    """
    if is_torch_legacy(path):
        return read_torch_legacy(path)
    return read_torch_zip(path) if is_torch_zip(path) else read_safetensors(path)


def state_of(value: Any, name: str) -> State:
    """The tensors of a state dict by name, without what DataParallel put before all of them.

    Args:
        value: As it was read.
        name: What the file calls it, for errors; "" for all of the file.

    Raises:
        UserError: if it is no dict of tensors of numbers.
    """
    good = isinstance(value, dict) and all(
        isinstance(key, str) and is_of_numbers(array) for key, array in value.items()
    )
    if not good:
        what = f"its {name} is" if name else "it holds"
        raise UserError(f"{what} no state dict of tensors")
    return {key: widened(array) for key, array in unwrapped(value).items()}


def unwrapped(state: Mapping[str, Any]) -> dict[str, Any]:
    """Entries by their names, without what DataParallel put before all of them."""
    if state and all(isinstance(key, str) and key.startswith(_PARALLEL) for key in state):
        return {key.removeprefix(_PARALLEL): value for key, value in state.items()}
    return dict(state)


def beginning_with(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The entries whose names begin so, without that beginning."""
    return {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if isinstance(key, str) and key.startswith(prefix)
    }
