"""Pickles of arrays, read without running anything that is in them.

A pickle is a program: it may name any function and have it called. Here every name
is looked up in a short list, and what is on the list are stand-ins of this module
that only note what the array would be; NumPy's own ``dtype`` and ``ndarray`` are left
out because a crafted state makes them read memory that is not theirs.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
import reprlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import UserError


class _Short(reprlib.Repr):
    """Of what it does not know it says the type alone: a ``repr`` may be endless."""

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, (bool, float, type(None))):
            return repr(x)
        return repr(bytes(x[:20])) if isinstance(x, bytes) else f"a {type(x).__name__}"


_short = _Short()
_short.maxlevel = 2
_MOST_SAID = 600


def told(value: Any) -> str:
    """What a message says of a value out of a pickle: little, however nested it is."""
    try:
        return _short.repr(value)
    except ValueError:  # A number of too many digits.
        return f"a {type(value).__name__}"


class Allowed:
    """A callable that a pickle may name; its state cannot be set by the pickle."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]):
        self.call = call

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def __setstate__(self, state: Any) -> None:
        raise UserError("the pickle changes a function, which weights never need")


class Noted:
    """Base of stand-ins for classes whose instances a pickle holds.

    Those made without a call (``__reduce_ex__`` of protocol 2) must be classes, and are
    given out as such; each defines ``__setstate__``, so that a pickle sets no attribute.
    """

    def __setstate__(self, state: Any) -> None:
        raise UserError("it gives a state to something that has none")


class Deferred:
    """Something that becomes an array once the whole pickle is read."""

    _value: Any = None

    def make(self) -> Any:
        """Makes the value; called once."""
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


_NUMPY = {
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


class RestrictedUnpickler(pickle.Unpickler):
    """Reads one pickle whose classes and functions are all on a list.

    Args:
        file: Where the pickle begins.
        extra: Further callables by (module, name), besides those of NumPy arrays and
            plain containers. They are called with what the pickle says: they must be
            harmless for any argument.
        persistent: What reads persistent ids; none are read without it.
    """

    def __init__(
        self,
        file: BinaryIO,
        extra: Mapping[tuple[str, str], Callable[..., Any]] | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ):
        # As bytes of Python 2 want it.
        super().__init__(file, encoding="latin1")
        self._allowed = {**_NUMPY, **(extra or {})}
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise UserError(
                f"it wants to run {module}.{name}, which is not among the few names that weights "
                "need; nothing was run. Do not open this file with other software"
            )
        found = self._allowed[module, name]
        if isinstance(found, type) and issubclass(found, Noted):
            return found
        return Allowed(found)

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise UserError("it refers to data outside of it")
        return self._persistent(pid)


def _check_memo(file: BinaryIO) -> None:
    """Refuses memo indices beyond the opcodes so far: unpickling allocates up to the index."""
    start = file.tell()
    argument: Any
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if "PUT" in opcode.name and int(argument or 0) > count:
            raise UserError(f"it is damaged (memo index {argument})")
        if opcode.name.startswith("EXT"):
            raise UserError("it uses a registered extension, which weights never need")
    file.seek(start)


def load_one(
    file: BinaryIO,
    extra: Mapping[tuple[str, str], Callable[..., Any]] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Reads the pickle that begins here; see :class:`RestrictedUnpickler`.

    :class:`Deferred` objects are left in the result: see :func:`resolve`.

    Raises:
        UserError: if the pickle is damaged or names anything that is not on the list.
    """
    try:
        _check_memo(file)
        return RestrictedUnpickler(file, extra, persistent).load()
    except UserError:
        raise
    except Exception as error:  # Damage shows as almost any exception.
        raise UserError(f"it is damaged or no pickle ({type(error).__name__}: {error})") from error


def resolve(value: Any) -> Any:
    """Replaces every :class:`Deferred` in nested dicts, lists and tuples by its value."""
    done: dict[int, Any] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, Deferred):
            return value.value
        if not isinstance(value, (dict, list, tuple)):
            return value
        if id(value) not in done:
            if isinstance(value, dict):
                done[id(value)] = {k: walk(v) for k, v in value.items()}
            else:
                done[id(value)] = type(value)([walk(v) for v in value])
        return done[id(value)]

    try:
        return walk(value)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"it is damaged ({type(error).__name__}: {error})") from error


def bounded(value: Any, most: int = 1000) -> Any:
    """The value, if it has no more parts than that, each counted wherever it is met.

    What is met often in itself or in others is small in a pickle and endless in print.

    Raises:
        UserError: if it has more.
    """
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if not isinstance(value, (dict, list, tuple, set, frozenset)):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = most  # A cycle meets this.
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            sizes[id(value)] = 1 + sum(size(part) for part in parts)
        return sizes[id(value)]

    try:
        found = size(value)
    except RecursionError:
        found = most + 1
    if found > most:
        raise UserError("something in it is nested or repeated without end")
    return value


def in_file(path: str | os.PathLike, error: UserError) -> UserError:
    """The same error with the file that it is about; its message begins with "it"."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}…"
    return UserError(f"Cannot read weights from {path}: {text}.")


def read_numpy_pickle(path: str | os.PathLike) -> Any:
    """Reads a pickle of NumPy arrays in nested containers.

    Returns:
        What was pickled, with dicts, lists and tuples as such and read-only arrays.

    Raises:
        UserError: if the file is damaged, or names any class or function other than
            those of plain arrays and containers. Nothing in it is ever run.
    """
    try:
        return resolve(load_one(io.BytesIO(Path(path).read_bytes())))
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error
