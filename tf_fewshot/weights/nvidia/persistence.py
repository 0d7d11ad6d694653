"""Pickles of NVIDIA's PyTorch networks, read without torch or the code in them.

A file holds a dict of "G", "D" and "G_ema". Each is a module that carries the source of
its class, and a state of parameters, buffers and inner modules; tensors are pickled with
their storages, each a stream of ``torch.save`` in the old format. Source: the public
repositories NVlabs/stylegan2-ada-pytorch and NVlabs/stylegan3 (``torch_utils/persistence.py``).
PTI (danielroich/PTI) saves a generator that it tuned by ``torch.save`` itself: the same module,
alone or beside its pivots, with its storages in that file's own form.
"""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...unpickling.arrays import Deferred
from ...unpickling.torch_legacy import is_torch_legacy, read_torch_legacy, read_torch_stream
from ...unpickling.torch_storage import Storage, is_of_numbers, torch_names, widened
from ...unpickling.torch_zip import is_torch_zip, read_torch_zip
from ...unpickling.unpickler import begins_as_pickle_of, load_one, resolve
from ...unpickling.values import told
from ..torch.state import names_in
from .network_pickle import EASY_DICT

_MODULE = "torch_utils.persistence"
_SNIFFED = 2**16


@dataclasses.dataclass(frozen=True)
class Module:
    """One network.

    Attributes:
        tensors: Parameters and buffers by name, such as "synthesis.b8.conv0.weight".
        facts: Plain attributes of all modules by name, such as "synthesis.b8.conv0.conv_clamp".
            The network's own arguments come under "_init_kwargs".
    """

    tensors: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]

    def fact(self, attribute: str, argument: tuple[str, ...], default: float | None) -> Any:
        """Returns a number from 0, or None: an attribute, else an argument, else the default.

        Args:
            attribute: Its name.
            argument: The names under which the network's arguments hold it.
            default: What the code had where neither is there.

        Raises:
            UserError: if it is something else.
        """
        value: Any = self.facts.get("_init_kwargs")
        for key in argument:
            value = value.get(key, default) if isinstance(value, dict) else default
        value = self.facts.get(attribute, value)
        number = isinstance(value, (int, float, np.number))
        if value is not None and not (number and 0 <= value < 1e9):
            raise UserError(f"its {attribute} is {told(value)}, which is no number from 0")
        return value if value is None or isinstance(value, int) else float(value)


class _Persistent:
    """Stands for an object whose class is in the pickle as source, which is never run."""

    def __init__(self, meta: Any):
        self.meta = meta

    def __setstate__(self, state: Any) -> None:
        raise UserError("it changes a module after it was made")

    @property
    def state(self) -> Mapping[str, Any]:
        state = self.meta.get("state") if isinstance(self.meta, dict) else None
        if not isinstance(state, dict):
            raise UserError("a module in it has no state")
        return state


def _persistent(meta: Any, *_: Any) -> _Persistent:
    return _Persistent(meta)


def _storage(data: Any, *_: Any) -> Storage:
    if not isinstance(data, bytes):
        raise UserError("a storage in it has no bytes")
    storage = read_torch_stream(io.BytesIO(data))
    if not isinstance(storage, Storage):
        raise UserError("it holds something else where a storage should be")
    return storage


_NAMES = {
    (_MODULE, "_reconstruct_persistent_obj"): _persistent,
    ("torch.storage", "_load_from_bytes"): _storage,
    **EASY_DICT,
    **torch_names(),
}


def is_module_pickle(path: str | os.PathLike) -> bool:
    """Returns whether a file is a pickle, or of ``torch.save``, of NVIDIA's persistent objects."""
    return begins_as_pickle_of(_MODULE, path, _SNIFFED) or _MODULE.encode() in names_in(path)


def read_modules(path: Path) -> tuple[Module, Module | None]:
    """Reads the averaged generator ``G_ema`` and, if it is there, the discriminator ``D``.

    A file may also hold a generator alone, as PTI saves it.

    Raises:
        UserError: if the file is damaged or of other networks, or names anything but modules,
            tensors and plain containers. Nothing in it is ever run. The message begins with "it"
            or "its".
        OSError: if it cannot be opened.
    """
    generator, discriminator = _networks(path)
    return _module(generator), None if discriminator is None else _module(discriminator)


def _module(network: _Persistent) -> Module:
    return Module(_tensors(network), _attributes(network))


def _networks(path: Path) -> tuple[_Persistent, _Persistent | None]:
    contents = _contents(path)
    if isinstance(contents, _Persistent):
        contents = {"G_ema": contents}
    if not isinstance(contents, dict):
        raise UserError("it does not hold a dict of networks")
    # What PTI tuned may lie beside its pivots.
    key = next((key for key in ("G_ema", "generator", "G") if key in contents), "G_ema")
    judge = contents.get("D")
    return _network(contents, key, "Generator"), (
        None if judge is None else _network(contents, "D", "Discriminator")
    )


def _contents(path: Path) -> Any:
    if is_torch_zip(path):
        return read_torch_zip(path, _NAMES)
    if is_torch_legacy(path):
        return read_torch_legacy(path, _NAMES)
    with open(path, "rb") as file:
        return load_one(file, _NAMES)


def _network(contents: Mapping[str, Any], key: str, kind: str) -> _Persistent:
    network = contents.get(key)
    if not isinstance(network, _Persistent):
        raise UserError(f"it has no network {key}")
    name = network.meta.get("class_name") if isinstance(network.meta, dict) else None
    if name != kind:
        raise UserError(
            f"its {key} is a {told(name)}, not the {kind} of StyleGAN2-ADA or StyleGAN3"
        )
    return network


def _modules(network: _Persistent) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The state of a network and of the modules in it, with what their names begin with."""
    waiting: list[tuple[str, Any]] = [("", network)]
    seen: set[int] = set()
    while waiting:
        prefix, module = waiting.pop()
        if not isinstance(module, _Persistent) or id(module) in seen:
            raise UserError(f"its {prefix.rstrip('.')!r} is no module, or one that is used twice")
        seen.add(id(module))
        yield prefix, module.state
        inner = _dict(module.state, "_modules")
        waiting += [(f"{prefix}{name}.", m) for name, m in inner.items() if m is not None]


def _dict(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    entries = state.get(name, {})
    if not isinstance(entries, dict) or any(not isinstance(key, str) for key in entries):
        raise UserError(f"the {name} of a module in it are no dict of names")
    return entries


def _tensors(network: _Persistent) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for prefix, state in _modules(network):
        for kind in ("_parameters", "_buffers"):
            for name, value in _dict(state, kind).items():
                if value is None:
                    continue
                array = resolve(value) if isinstance(value, Deferred) else value
                if not is_of_numbers(array):
                    raise UserError(f"{prefix}{name} is no tensor of numbers")
                arrays[prefix + name] = widened(array)
    return arrays


def _attributes(network: _Persistent) -> dict[str, Any]:
    """Plain attributes of all modules by name, such as "synthesis.b8.conv0.conv_clamp".

    The network's own arguments come under "_init_kwargs".
    """
    plain: dict[str, Any] = {}
    for prefix, state in _modules(network):
        for name, value in state.items():
            if isinstance(value, (int, float, str, np.number)) or value is None:
                plain[f"{prefix}{name}"] = value
    plain["_init_kwargs"] = network.state.get("_init_kwargs")
    return plain
