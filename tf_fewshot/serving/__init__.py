"""Serving: a development server that speaks TF-Serving's gRPC and REST, and clients of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answering import Limits
from .configuration import ModelConfiguration, models_of_file, models_of_folder
from .server import Server

if TYPE_CHECKING:
    from .client import Client, GrpcClient, RestClient, draw

__all__ = [
    "Client",
    "GrpcClient",
    "Limits",
    "ModelConfiguration",
    "RestClient",
    "Server",
    "draw",
    "models_of_file",
    "models_of_folder",
]


def __getattr__(name: str) -> Any:
    # A server needs no client, nor what clients import.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client

    return getattr(client, name)
