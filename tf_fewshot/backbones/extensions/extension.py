"""What an extension says of itself, and the registry of extensions by name."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from ... import settings
from ...errors import unknown_name
from ..configuration import configured
from ..errors import BackboneError
from ..parts import ScaleShiftRole
from .classes import Classes
from .host import Host


class Point(enum.Enum):
    """The points of a network at which extensions can do something."""

    LATENTS = "the latents that enter"
    FREE = "the latents in the free space"
    HIDDEN = "the hidden layers"
    CLASSES = "the classes"
    IMAGES = "the finished pictures"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in a network the layer of an extension stands.

    Attributes:
        hidden_layer: Name of the hidden layer before it; "" at other points.
        latent_dim: Size of ``z``.
        size: Size of what the layer gives at the points of latents; 0 at hidden layers, whose
            shape it learns when it is built.
    """

    hidden_layer: str = ""
    latent_dim: int = 0
    size: int = 0


@dataclasses.dataclass(frozen=True)
class Extension:
    """Something that a copy of a GAN has and the architecture itself has not.

    A subclass is a frozen dataclass whose fields, each with a default value, are its settings;
    it is made known by :func:`register`. No architecture knows it: it is asked for layers at its
    point of every network that it serves.

    Attributes:
        name: Its name in the registry and in files.
        layer_name: What its layers are called in paths of weights, such as
            "generator/layer1/scale_shift/gamma".
        words: What it is, for errors, such as "a miner".
        networks: The networks that it serves; a GAN whose first one lacks the point cannot
            have it.
        point: Where in these networks.
    """

    name: ClassVar[str]
    layer_name: ClassVar[str]
    words: ClassVar[str]
    networks: ClassVar[tuple[str, ...]] = ("generator",)
    point: ClassVar[Point]

    def layer(self, name: str, place: Place, dtype: Any) -> Any:
        """Returns the new Keras layer for one place, which the network then builds and owns.

        What it is called with depends on the point:

        - latents: ``layer(z)``, float32 ``[N, latent_dim]`` to the same;
        - free latents: ``layer(z, free)`` to ``[N, size]``, where ``free`` is what would be
          there without it; ``layer.centre(free)`` does so for the centre ``[size]`` of the
          prior, to which truncation leads;
        - hidden layers: ``layer(x)``, ``[N, …, C]`` to the same, in ``dtype``.

        Extensions of classes have no layers, those of finished pictures :meth:`keeper`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no layers")

    def classes(self, classes: Classes) -> Classes:
        """Returns what a network has in place of its own classes."""
        return classes

    def keeper(self, name: str) -> Any:
        """Returns a new Keras layer that keeps weights of an extension of finished pictures.

        The generator owns it and never calls it. Its ``build(None)`` creates the weights. None
        keeps nothing.
        """
        del name
        return None

    def finish(self, gan: Host, pictures: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Returns what becomes of finished pictures.

        Args:
            gan: What drew them.
            pictures: uint8 ``[N, H, W, C]``.
            z: Their latents, float32 ``[N, latent_dim]``. They tell pictures apart, and may be
                others where pictures belong together, as on the way between two.
        """
        del gan, z
        return pictures

    def check(self, gan: Host) -> None:
        """Raises a BackboneError if a GAN of this architecture and configuration cannot have it."""
        if self.point not in gan.points(self.networks[0]):
            raise BackboneError(f"a {gan.architecture} cannot have {self.words}")

    def reset(self, gan: Host) -> None:
        """Makes a copy that has just been given this extension begin anew with it."""
        del gan

    def merged(self, other: Extension) -> Extension | None:
        """Returns the extension whose layers can have the weights of both, each in some rows.

        None if there is none. ``other`` has the same name.
        """
        return self if self == other else None

    def widened(self, weight: np.ndarray, to: Extension) -> np.ndarray:
        """Returns a weight of its layer as a layer of ``to``, of :meth:`merged`, has it."""
        del to
        return weight

    def roles(self, gan: Host) -> list[ScaleShiftRole]:
        """What it scales and shifts of the hidden layers, from input to output."""
        del gan
        return []


_REGISTRY: dict[str, type[Extension]] = {}
E = TypeVar("E", bound=Extension)


def register(cls: type[E]) -> type[E]:
    """Class decorator that makes an extension known by its name."""
    _REGISTRY[cls.name] = cls
    return cls


def names() -> list[str]:
    """The names of all extensions."""
    return sorted(_REGISTRY)


def to_json(extension: Extension) -> dict[str, Any]:
    """Returns the name and the settings of an extension as JSON holds them."""
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in settings.values([extension]).items()
    }
    return {"name": extension.name, **plain}


def from_json(value: Extension | Mapping[str, Any]) -> Extension:
    """Returns the extension that :func:`to_json` wrote; an extension itself stays.

    Raises:
        BackboneError: if there is none of that name, or it has no such setting.
    """
    if isinstance(value, Extension):
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise BackboneError(f"an extension is a name with settings, not {value!r}")
    name = value["name"]
    if name not in _REGISTRY:
        more = " It may need a newer tf_fewshot."
        raise BackboneError(str(unknown_name("extension", name, _REGISTRY, more)))
    changes = {key: setting for key, setting in value.items() if key != "name"}
    return configured(_REGISTRY[name], changes, f"setting of extension {name!r}")
