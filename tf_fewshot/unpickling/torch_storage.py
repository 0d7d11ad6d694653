"""What both formats of ``torch.save`` share: tensors that are views of storages."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from ..errors import UserError
from .arrays import Deferred
from .unpickler import Allowed, Noted
from .values import told

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


def is_of_numbers(value: Any) -> bool:
    """Tells whether a value is an array of real numbers."""
    return isinstance(value, np.ndarray) and (value.dtype.kind in "fiu" or value.dtype == _BFLOAT16)


def widened(value: np.ndarray) -> np.ndarray:
    """Returns the array, or a copy in float32 if it is of bfloat16."""
    return value.astype(np.float32) if value.dtype == _BFLOAT16 else value


class StorageType:
    """Stands for ``torch.FloatStorage`` and its like."""

    def __init__(self, name: str):
        self.dtype = DTYPES[name]

    def __call__(self, *_: Any) -> Any:
        raise UserError("it makes a storage of its own, which weights never need")


class Storage:
    """A flat array whose values come later: ``numel`` numbers of ``dtype`` named ``key``."""

    def __init__(self, dtype: np.dtype, key: str, numel: int):
        self.dtype, self.key, self.numel = dtype, key, numel
        self.data: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        raise UserError("it changes a storage, which weights never need")

    def fill(self, raw: bytes) -> None:
        """Takes the bytes of the storage."""
        if len(raw) != self.numel * self.dtype.itemsize:
            raise UserError(
                f"storage {self.key!r} has {len(raw)} bytes, not those of {self.numel} numbers"
            )
        self.data = np.frombuffer(raw, self.dtype)


class _Tensor(Deferred):
    def __init__(self, storage: Storage, offset: int, size: tuple, stride: tuple):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def __setstate__(self, state: Any) -> None:
        raise UserError("it changes a tensor, which weights never need")

    def make(self) -> np.ndarray:
        data, size, stride = self.storage.data, self.size, self.stride
        if data is None:
            raise UserError(f"storage {self.storage.key!r} is missing")
        numbers = (self.offset, *size, *stride)
        if len(size) != len(stride) or len(size) > 32:
            raise UserError(f"a tensor in it has sizes {told(size)} but strides {told(stride)}")
        if any(type(n) is not int or n < 0 for n in numbers):
            raise UserError("a tensor in it has a size, stride or offset that is no count")
        if 0 in size:
            return np.zeros(size, data.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if last >= data.size or math.prod(size) > data.size:
            raise UserError(f"a tensor of shape {size} lies outside of its storage")
        steps = [s * data.itemsize for s in stride]
        view = data[self.offset :]
        return np.lib.stride_tricks.as_strided(view, size, steps, writeable=False)


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, Storage):
        raise UserError("a tensor in it has no storage")
    return _Tensor(storage, offset, tuple(size), tuple(stride))


class _Namespace(Noted):
    """Stands for ``argparse.Namespace``: the options that a checkpoint was trained with."""

    def __setstate__(self, state: Any) -> None:
        del state


class _Activation(Noted):
    """Stands for ``ReLU``, which the settings of a training may hold: nothing of it is kept."""

    def __setstate__(self, state: Any) -> None:
        del state


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _size(values: Any = ()) -> tuple:
    return tuple(values)


def torch_names() -> dict[tuple[str, str], Callable[..., Any]]:
    """Returns the names that pickles of tensors need, each with what stands in for it."""
    return {
        ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        ("torch", "Size"): _size,
        ("argparse", "Namespace"): _Namespace,
        ("torch.nn.modules.activation", "ReLU"): _Activation,
        **{("torch", name): StorageType(name) for name in DTYPES},
    }


class Storages:
    """Reads persistent ids, and keeps one :class:`Storage` for each key."""

    def __init__(self) -> None:
        self.by_key: dict[str, Storage] = {}

    def __call__(self, pid: Any) -> Storage:
        kind, storage_type, key, _, numel, *view = pid
        named = storage_type.call if isinstance(storage_type, Allowed) else None
        if kind != "storage" or not isinstance(named, StorageType) or not isinstance(key, str):
            raise UserError(f"it refers to {told(kind)} outside of it, which is not a storage")
        dtype = named.dtype
        if type(numel) is not int or numel < 0:
            raise UserError(f"storage {key!r} has {told(numel)} numbers")
        if any(part is not None for part in view):
            raise UserError(f"storage {key!r} is a view of another; save it again with new torch")
        storage = self.by_key.setdefault(key, Storage(dtype, key, numel))
        if (storage.dtype, storage.numel) != (dtype, numel):
            raise UserError(f"storage {key!r} is described in two ways")
        return storage
