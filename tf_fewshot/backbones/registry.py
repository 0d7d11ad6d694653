"""The registry of backbones by the name of their architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import settings
from ..errors import unknown_name
from .base import GAN

_REGISTRY: dict[str, type[GAN]] = {}


def register(architecture: str) -> Callable[[type[GAN]], type[GAN]]:
    """Class decorator that makes a backbone known by its architecture's name."""

    def add(cls: type[GAN]) -> type[GAN]:
        cls.architecture = architecture
        _REGISTRY[architecture] = cls
        return cls

    return add


def settings_of(architecture: str) -> dict[str, Any]:
    """Returns the settings of an architecture with their default values, by name.

    Raises:
        UserError: if no such architecture is registered.
    """
    return settings.values([_known(architecture).configuration_class()])


def build(architecture: str, *, discriminator: bool = True, **config: Any) -> GAN:
    """Builds a GAN with new weights.

    Args:
        architecture: Its name in the registry.
        discriminator: Whether it has its own discriminator, if the architecture has one.
        **config: See :class:`GAN`; the configuration of each architecture documents its
            settings.

    Raises:
        UserError: if no such architecture is registered, or the settings do not fit it.
    """
    return _known(architecture)(discriminator=discriminator, **config)


def _known(architecture: str) -> type[GAN]:
    if architecture not in _REGISTRY:
        raise unknown_name("architecture", architecture, _REGISTRY)
    return _REGISTRY[architecture]
