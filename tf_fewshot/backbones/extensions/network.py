"""What a network holds of the extensions that serve it: the points where they act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from .classes import Classes
from .extension import Extension, Place, Point, from_json, to_json


class Hidden:
    """The layers that extensions add after one hidden layer, in their order; often none.

    The Keras layer that holds the hidden layer owns them as attributes, so that Keras tracks
    them, and calls this in its place.
    """

    def __init__(self, layers: Sequence[Any]):
        self.layers = tuple(layers)

    def build(self, shape) -> None:
        """Creates their weights for maps of this shape, of which the last axis is known."""
        for layer in self.layers:
            layer.build(shape)

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def weights(self) -> list[Any]:
        """All their weights."""
        return [weight for layer in self.layers for weight in layer.weights]


class LatentPoints:
    """The layers that extensions add where latents enter, and in the free space of latents."""

    def __init__(self, entering: Sequence[Any], free: Sequence[Any], place: Place):
        self.entering, self.free = tuple(entering), tuple(free)
        self._latent_dim, self._size = place.latent_dim, place.size

    def build_entering(self) -> None:
        """Creates the weights of the layers where latents enter."""
        for layer in self.entering:
            layer.build((None, self._latent_dim))

    def build_free(self) -> None:
        """Creates the weights of the layers in the free space."""
        for layer in self.free:
            layer.build((None, self._latent_dim), (None, self._size))

    def enter(self, z):
        """What the network is fed for latents ``[N, latent_dim]``."""
        for layer in self.entering:
            z = layer(z)
        return z

    def carry(self, z, free):
        """The free latents ``[N, size]`` of ``z``, which would be ``free`` without extensions."""
        for layer in self.free:
            free = layer(z, free)
        return free

    def centre(self, free):
        """The centre ``[size]`` of free latents, which would be ``free`` without extensions."""
        for layer in self.free:
            free = layer.centre(free)
        return free


class Extensions:
    """The extensions that serve one network, and the layers that they added to it.

    Args:
        chosen: Extensions, or their JSON, in the order in which they act.
        network: "generator" or "discriminator": others' extensions are passed over. None
            takes all.
    """

    def __init__(
        self, chosen: Iterable[Extension | Mapping[str, Any]] = (), network: str | None = None
    ):
        every = [from_json(extension) for extension in chosen]
        self._chosen = [e for e in every if network is None or network in e.networks]
        self._layers: dict[str, list[tuple[str, Any]]] = {}

    @classmethod
    def of(cls, value: Extensions | Iterable[Any]) -> Extensions:
        """Returns extensions as they are, or those of a list."""
        return value if isinstance(value, Extensions) else cls(value)

    def to_json(self) -> list[dict[str, Any]]:
        """The list that makes them again."""
        return [to_json(extension) for extension in self._chosen]

    def layers(self, name: str) -> list[tuple[str, Any]]:
        """The layers that an extension added, each with the name of its hidden layer.

        They are in the order in which the network made them, from input to output.
        """
        return self._layers.get(name, [])

    def hidden(self, owner: Any, template: str, hidden_layer: str, dtype: Any = None) -> Hidden:
        """Adds what extensions add after a hidden layer, as attributes of ``owner``.

        Args:
            owner: The Keras layer or model that holds the hidden layer.
            template: How the architecture names such layers: "{name}" becomes "scale_shift"
                and "{camel}" "ScaleShift". With further letters, such as "{name}0", the owner
                has several, and a list of them as its attribute ("scale_shifts").
            hidden_layer: Name of the hidden layer, which tells it from all others.
            dtype: Keras dtype policy; None is that of ``owner``.
        """
        several = template not in ("{name}", "{camel}")
        place = Place(hidden_layer)
        layers = []
        for extension in self._at(Point.HIDDEN):
            camel = "".join(part.title() for part in extension.layer_name.split("_"))
            name = template.format(name=extension.layer_name, camel=camel)
            layer = extension.layer(name, place, owner.dtype_policy if dtype is None else dtype)
            self._own(owner, extension.layer_name, layer, several)
            layers.append(self._noted(extension, place, layer))
        return Hidden(layers)

    def latents(self, owner: Any, latent_dim: int, size: int) -> LatentPoints:
        """Adds what extensions add to latents, as attributes of the generator ``owner``.

        Args:
            owner: The generator.
            latent_dim: Size of ``z``.
            size: Size of free latents.
        """
        entering = self._latent_layers(owner, Point.LATENTS, Place("", latent_dim, latent_dim))
        place = Place("", latent_dim, size)
        return LatentPoints(entering, self._latent_layers(owner, Point.FREE, place), place)

    def _latent_layers(self, owner: Any, point: Point, place: Place) -> list[Any]:
        layers = []
        for extension in self._at(point):
            layer = extension.layer(extension.layer_name, place, "float32")
            self._own(owner, extension.layer_name, layer)
            layers.append(self._noted(extension, place, layer))
        return layers

    def finishing(self, owner: Any) -> None:
        """Adds the layers in which extensions of finished pictures keep weights.

        Args:
            owner: The generator.
        """
        for extension in self._at(Point.IMAGES):
            layer = extension.keeper(extension.layer_name)
            if layer is not None:
                self._own(owner, extension.layer_name, layer)
                with keras.name_scope(owner.name):
                    layer.build(None)
                self._noted(extension, Place(), layer)

    def classes(self, count: int) -> Classes:
        """The classes of a network whose configuration has so many."""
        classes = Classes(count, count > 0)
        for extension in self._at(Point.CLASSES):
            classes = extension.classes(classes)
        return classes

    def _at(self, point: Point) -> list[Extension]:
        return [extension for extension in self._chosen if extension.point is point]

    def _own(self, owner: Any, name: str, layer: Any, several: bool = False) -> None:
        """Sets the attribute under which Keras tracks, and saves, the layer."""
        if several:
            if not hasattr(owner, name + "s"):
                setattr(owner, name + "s", [])
            getattr(owner, name + "s").append(layer)
            return
        if hasattr(owner, name):
            raise RuntimeError(f"{type(owner).__name__} has something called {name!r} already")
        setattr(owner, name, layer)

    def _noted(self, extension: Extension, place: Place, layer: Any) -> Any:
        self._layers.setdefault(extension.name, []).append((place.hidden_layer, layer))
        return layer
