"""Stand-ins for what a pickle of arrays calls: they only note what the array would be.

NumPy's own ``dtype`` and ``ndarray`` are left out because a crafted state makes them read
memory that is not theirs.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np

from ..errors import UserError
from .values import told


class Deferred:
    """Something that becomes an array once the whole pickle is read."""

    _value: Any = None

    def make(self) -> Any:
        """Makes the value; it is called once."""
        raise TypeError("nothing to make")

    @property
    def value(self) -> Any:
        """The value that replaces this object in what the reader returns."""
        if self._value is None:
            self._value = self.make()
        return self._value


class _DType:
    """Notes a plain numeric dtype; structured and object dtypes are refused."""

    def __init__(self, spec: Any, *_: Any):
        spec = spec.decode("ascii") if isinstance(spec, bytes) else spec
        # Not structured, as "f4,O" would be.
        if not isinstance(spec, str) or spec[:1] not in "biufcSU" or not spec.isalnum():
            raise UserError(f"it holds arrays of dtype {told(spec)}; only plain numbers are read")
        self.dtype = np.dtype(spec)

    def __setstate__(self, state: Any) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise UserError("it holds arrays of a structured dtype; only plain numbers are read")
        self.dtype = self.dtype.newbyteorder(order)


def _from_bytes(data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(dtype, _DType) or not isinstance(data, (bytes, bytearray)):
        raise UserError("it holds arrays of Python objects; only plain numbers are read")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if len(shape) > 32 or any(not isinstance(s, int) or s < 0 for s in shape):
        raise UserError(f"an array in it has the shape {told(shape)}")
    if math.prod(shape) * dtype.dtype.itemsize != len(data):
        raise UserError(f"an array in it has {len(data)} bytes, not those of shape {shape}")
    return np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if order == "F" else "C")


class _Array(Deferred):
    """Notes the state of an array: ``_reconstruct`` first, then ``__setstate__``."""

    state: tuple | None = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def make(self) -> np.ndarray:
        if self.state is None:
            raise UserError("an array in it has no contents")
        shape, dtype, fortran, data = self.state[-4:]
        return _from_bytes(data, dtype, shape, "F" if fortran else "C")


def _scalar(dtype: Any, data: Any) -> Any:
    return _from_bytes(data, dtype, (), "C")[()]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> np.ndarray:
    return _from_bytes(data, dtype, shape, order)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise UserError(f"it encodes text as {told(encoding)}, which arrays never need")
    return text.encode("latin1")


class _Ordered(OrderedDict):
    """An ordered dict without attributes, such as the ``_metadata`` of torch or a new ``get``."""

    def __setstate__(self, state: Any) -> None:
        del state


def _empty_bytes(*args: Any) -> bytes:
    # Protocols below 3 call it for empty arrays; bytes(10**12) would take that much memory.
    if args:
        raise UserError("it calls bytes() with arguments, which arrays never need")
    return b""


# By module and name.
NUMPY = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): lambda *_: _Array(),
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", lambda *_: _Array()),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
    ("collections", "OrderedDict"): _Ordered,
    ("_codecs", "encode"): _encode,
    **{
        (module, name): cls
        for module in ("builtins", "__builtin__")
        for name, cls in (("set", set), ("frozenset", frozenset), ("bytes", _empty_bytes))
    },
}
