"""What all generators and discriminators share: a configuration, and extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import keras

from ..splitting import by_rows
from .configuration import Configuration, configured
from .extensions import Extension, Extensions, Point
from .sparing import Sparing
from .upgrade import upgraded_network

# Where a network has them, replicas that train together compute a share of their rows each.
_BY_ROWS = ("call", "activations", "logits", "styles", "layer_styles", "synthesize")


class Network(keras.Model):
    """A generator or a discriminator.

    Each row of what its methods ``call``, ``activations``, ``logits``, ``styles``,
    ``layer_styles`` and ``synthesize`` give follows from the same row of their arguments, but for
    normalisation by the batch and random numbers, which ask :mod:`tf_fewshot.splitting`.

    Args:
        config: The configuration of the architecture, resolved.
        extensions: Those of the GAN, or their JSON; the network takes what serves it.
        **kwargs: Those of a Keras model: ``name`` and the policy ``dtype``.

    Attributes:
        kind: "generator" or "discriminator", its name unless told otherwise.
        points: The points at which it asks its extensions.
        configuration: The class of ``config``.
        config: The configuration.
        extensions: The extensions that serve it, with the layers that they added.
        classes: Its classes, as the configuration or an extension has them.
        sparing: How it spares memory in training; None does not. Copies do not either.
    """

    kind: ClassVar[str]
    points: ClassVar[frozenset[Point]]
    configuration: ClassVar[type[Configuration]]

    config: Any
    sparing: Sparing | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _BY_ROWS:
            if name in vars(cls) and not getattr(vars(cls)[name], "__isabstractmethod__", False):
                setattr(cls, name, by_rows(vars(cls)[name]))

    def __init__(
        self,
        config: Configuration,
        extensions: Iterable[Extension | Mapping[str, Any]] = (),
        **kwargs: Any,
    ):
        super().__init__(**{"name": self.kind, **kwargs})
        self.config = config
        self.extensions = Extensions(extensions, self.kind)
        self.classes = self.extensions.classes(config.num_classes)
        self.extensions.finishing(self)

    def get_config(self) -> dict:
        return {
            **self.config.flat(),
            "extensions": self.extensions.to_json(),
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }

    def _part(
        self, function: Callable[..., Any], *layers: keras.layers.Layer
    ) -> Callable[..., Any]:
        """Returns a part of the network as it is to be called: as it is, or sparing memory.

        Args:
            function: A layer or a layer's method.
            layers: The layers whose variables it looks at, if they are not that one.
        """
        if self.sparing is None:
            return function
        owner = getattr(function, "__self__", function)
        return self.sparing.part(function, layers or (owner,))

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Network:
        """Returns a network of a configuration as :meth:`get_config` gives it, now or once."""
        del custom_objects
        flat = upgraded_network(cls.__name__, config)
        extensions = flat.pop("extensions")
        name, dtype = flat.pop("name", cls.kind), flat.pop("dtype", None)
        chosen = configured(cls.configuration, flat, f"setting of {cls.__name__}")
        return cls(chosen.resolved(), extensions, name=name, dtype=dtype)
