"""Pickles of arrays, read without running anything that is in them.

A pickle is a program: it may name any function and have it called. Here every name
is looked up in a short list, and what is on the list are stand-ins
(:mod:`.arrays`).
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UserError
from .arrays import NUMPY, Deferred
from .values import in_file

# Callables that a pickle may name, by (module, name).
Names = Mapping[tuple[str, str], Callable[..., Any]]


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
        extra: Names | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ):
        # As bytes of Python 2 want it.
        super().__init__(file, encoding="latin1")
        self._allowed = {**NUMPY, **(extra or {})}
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise UserError(
                f"it wants to run {module}.{name}, which is not among the few names that weights "
                "need; nothing was run. Do not open this file with other software"
            )
        stand_in = self._allowed[module, name]
        if isinstance(stand_in, type) and issubclass(stand_in, Noted):
            return stand_in
        return Allowed(stand_in)

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


def begins_as_pickle_of(name: str, path: str | os.PathLike, sniffed: int) -> bool:
    """Tells whether a file is a pickle that has this name in its first ``sniffed`` bytes."""
    try:
        with open(path, "rb") as file:
            head = file.read(sniffed)
    except OSError:
        return False
    return head[:1] == b"\x80" and name.encode("latin1") in head


def load_one(
    file: BinaryIO,
    extra: Names | None = None,
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
