"""The pickles of NVIDIA's TensorFlow networks, read without running the code in them.

A file holds ``(G, D, Gs)``: the generator, the discriminator and the averaged
generator in training. Each carries its weights by name and the source that built it.
Source: the public StyleGAN repositories (``dnnlib.tflib.network``) and the one of Progressive GAN,
where the module was called ``tfutil``; before that it was written in Theano.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...unpickling.unpickler import Noted, begins_as_pickle_of, load_one, resolve
from ...unpickling.values import bounded, in_file, told

_MODULE = "dnnlib.tflib.network"
_FIRST_MODULE = "tfutil"
_THEANO_MODULE = "network"
_SNIFFED = 4096
_MOST_NESTED = 4
_PLAIN = (str, int, float, np.number, np.bool_)


@dataclasses.dataclass(frozen=True)
class Network:
    """One pickled network.

    Attributes:
        name: Such as "Gs".
        version: Of the pickled state: 2 or 3 is StyleGAN's, 4 StyleGAN2's, 5 ADA's.
        function: That built it, such as "G_style".
        settings: Its static keyword arguments, those of its components included.
        variables: By name, those of a component under "COMPONENT/".
    """

    name: str
    version: int
    function: str
    settings: dict[str, Any]
    variables: dict[str, np.ndarray]


class _Pickled(Noted):
    """Stands for ``Network``, whose own ``__setstate__`` would run its source."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Theano(Noted):
    """Stands for ``Network`` of Progressive GAN's first code, whose weights have no names."""

    def __setstate__(self, state: Any) -> None:
        del state
        raise UserError(
            "it is of the Theano version of Progressive GAN, whose weights have no names; what is "
            "read is the TensorFlow version, as the published "
            "karras2018iclr-celebahq-1024x1024.pkl is: give the path of such a file"
        )


class _EasyDict(Noted, dict):
    """Stands for ``EasyDict``, a dict whose items are attributes."""

    def __setstate__(self, state: Any) -> None:
        if state:
            raise UserError("a dict in it has attributes, which settings never need")


EASY_DICT = {("dnnlib.util", "EasyDict"): _EasyDict, ("dnnlib", "EasyDict"): _EasyDict}
_NAMES = {
    (_MODULE, "Network"): _Pickled,
    (_FIRST_MODULE, "Network"): _Pickled,
    (_THEANO_MODULE, "Network"): _Theano,
    **EASY_DICT,
}


def is_network_pickle(path: str | os.PathLike) -> bool:
    """Returns whether a file begins as a pickle that names NVIDIA's networks."""
    if begins_as_pickle_of(_MODULE, path, _SNIFFED):
        return True
    # Their short names may be parts of others: as a pickle of any protocol names the class.
    return any(
        begins_as_pickle_of(text, path, _SNIFFED)
        for module in (_FIRST_MODULE, _THEANO_MODULE)
        for text in (f"c{module}\nNetwork\n", f"\x8c{chr(len(module))}{module}\x94\x8c\x07Network")
    )


def read_network_pickle(path: str | os.PathLike) -> tuple[Network | None, Network]:
    """Reads ``D`` and ``Gs`` of ``(G, D, Gs)``, or ``Gs`` alone, which has no ``D``.

    Raises:
        UserError: if the file is damaged, holds anything else, or names any class but
            networks, arrays and plain containers. Nothing in it is ever run.
    """
    try:
        with open(path, "rb") as file:
            contents = load_one(file, _NAMES)
        if isinstance(contents, _Pickled):
            return None, _network(contents)
        if not isinstance(contents, (tuple, list)) or len(contents) != 3:
            raise UserError("it does not hold the three networks G, D and Gs, or Gs alone")
        _, discriminator, generator = (_network(network) for network in contents)
        return discriminator, generator
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except UserError as error:
        raise in_file(path, error) from error


def check_settings(path: Path, network: Network, plain: Mapping[str, Any], what: str) -> None:
    """Checks that a network is of a kind that is read here, and has grown to its end.

    Args:
        path: The file, for errors.
        network: As it was pickled.
        plain: The only value that each of these settings may have, which it has if it is
            not set.
        what: The architecture.

    Raises:
        UserError: if it is another network, or was still growing.
    """
    for name, value in plain.items():
        setting = network.settings.get(name, value)
        # Nothing is compared that might compare in a way of its own.
        parts = setting if isinstance(setting, (list, tuple)) else [setting]
        if not all(isinstance(part, _PLAIN) for part in parts) or setting != value:
            raise UserError(
                f"{path} holds {network.name!r} with {name}={told(setting)}, which this {what} "
                f"does not have (only {value!r})."
            )
    for name in ("lod", "synthesis/lod"):
        lod = network.variables.get(name)
        if lod is not None and np.any(lod != 0):
            raise UserError(
                f"{path} was saved while {network.name!r} was still growing ({name} is not 0): "
                "choose a later one."
            )


def _network(pickled: Any, depth: int = 0) -> Network:
    if not isinstance(pickled, _Pickled) or not isinstance(pickled.state, dict):
        raise UserError("it holds something else where a network should be")
    if depth > _MOST_NESTED:
        raise UserError("its networks are nested in one another without end")
    state = pickled.state
    components = state.get("components") or {}
    own = resolve({k: v for k, v in state.items() if k != "components"})
    version, settings = own.get("version"), bounded(own.get("static_kwargs") or {})
    if not isinstance(version, int) or not isinstance(settings, dict):
        raise UserError("a network in it has no version or settings")
    if not isinstance(components, dict):
        raise UserError("the components of a network in it are no dict")
    variables = _variables(own.get("variables"))
    for name, component in components.items():
        inner = _network(component, depth + 1)
        settings = {**inner.settings, **settings}
        variables |= {f"{name}/{key}": value for key, value in inner.variables.items()}
    name, function = (str(bounded(own.get(key))) for key in ("name", "build_func_name"))
    return Network(name, version, function, settings, variables)


def _variables(pairs: Any) -> dict[str, np.ndarray]:
    named: dict[str, np.ndarray] = {}
    for pair in pairs if isinstance(pairs, (list, tuple)) else [None]:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise UserError("the variables of a network in it are no list of names and arrays")
        # Of nested lists NumPy would count the parts, which may be without end.
        if not isinstance(pair[1], (np.ndarray, np.generic, int, float)):
            raise UserError(f"the variable {pair[0]} is no array")
        name, value = pair[0], np.asarray(pair[1])
        if value.dtype.kind not in "fiu":
            raise UserError(f"the variable {name} has the dtype {value.dtype}")
        if name in named:
            raise UserError(f"the variable {name} is there twice")
        named[name] = value
    return named
