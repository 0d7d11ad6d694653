"""Serving: a development server that speaks TF-Serving's gRPC and REST, and clients of both."""

from .answering import Limits
from .client import Client, GrpcClient, RestClient, draw
from .configuration import ModelConfiguration, models_of_file, models_of_folder
from .server import Server

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
