"""A server that speaks TF-Serving's gRPC and REST, for development."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from concurrent import futures

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
from waitress.server import create_server

from ..errors import UserError
from .answering import Answering, Limits
from .configuration import ModelConfiguration
from .models import Models
from .rest import Application
from .rpc import Guard, ModelService, PredictionService
from .version import LoadedVersion

_THREADS = 32
_GRACE = 10


class Server:
    """Serves models until it is stopped; it is a context manager, too.

    It is for development, and for pages that a few people look at: it neither merges requests
    into batches nor encrypts, and asks nobody who they are. In production serve the same files
    with ``tensorflow_model_server``.

    Args:
        models: Which.
        host: Address of this machine that it listens at.
        port: Of gRPC; 0 takes one that is free.
        rest_port: Of HTTP, likewise.
        limits: What is taken.
        poll_seconds: How often it looks for versions that have come or gone.

    Attributes:
        port: Of gRPC.
        rest_port: Of HTTP.
        models: The models.

    Raises:
        UserError: if a port is taken, or the address is not this machine's.
    """

    def __init__(
        self,
        models: Sequence[ModelConfiguration],
        *,
        host: str = "127.0.0.1",
        port: int = 8500,
        rest_port: int = 8501,
        limits: Limits | None = None,
        poll_seconds: float = 1.0,
    ):
        limits = limits or Limits()
        self.host, self._poll = host, poll_seconds
        self.models = Models(models, lambda path: LoadedVersion(path, limits.rows))
        answering = Answering(self.models, limits)
        self._rpc, self.port = _rpc_server(answering, host, port, limits)
        try:
            listening = _listening(host, rest_port)
        except UserError:
            self._rpc.stop(None)
            raise
        self.rest_port = listening.getsockname()[1]
        self._channels: dict = {}
        self._http = create_server(
            Application(answering),
            map=self._channels,
            sockets=[listening],
            threads=_THREADS,
            connection_limit=1000,
            channel_timeout=int(limits.idle_seconds),
            cleanup_interval=max(1, int(limits.idle_seconds) // 4),
            max_request_body_size=limits.bytes,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self._loop = threading.Thread(target=self._http.run, daemon=True)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the gallery is; REST is below it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.rest_port}/"

    def start(self) -> None:
        """Loads the models, then takes requests."""
        self.models.look()
        self.models.watch(self._poll)
        self._rpc.start()
        self._loop.start()

    def stop(self, grace: int = _GRACE) -> None:
        """Takes no more requests, and ends when those that run are answered.

        Args:
            grace: Seconds that they are given.
        """
        rpc = self._rpc.stop(grace)
        self._http.task_dispatcher.shutdown(timeout=grace)
        rpc.wait()
        for channel in list(self._channels.values()):
            channel.close()
        self._loop.join(grace)
        self.models.stop(grace)


def _rpc_server(
    answering: Answering, host: str, port: int, limits: Limits
) -> tuple[grpc.Server, int]:
    server = grpc.server(
        futures.ThreadPoolExecutor(_THREADS),
        interceptors=[Guard()],
        options=[
            ("grpc.max_receive_message_length", limits.bytes),
            ("grpc.max_send_message_length", -1),
            # Otherwise two servers would share one port, and each get some of the requests.
            ("grpc.so_reuseport", 0),
            # Connections whose other end is gone, or never speaks.
            ("grpc.keepalive_time_ms", int(1000 * limits.idle_seconds)),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.server_handshake_timeout_ms", int(1000 * limits.idle_seconds)),
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(answering), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(answering), server)
    # gRPC writes why on standard error by itself.
    _listening(host, port).close()
    try:
        found = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(f"gRPC cannot listen at {host}:{port}: choose another --port.") from error
    return server, found


def _listening(host: str, port: int) -> socket.socket:
    """Returns a socket at an address, or says why there is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        raise UserError(f"Cannot listen at {host}:{port}: {error}. Choose another port.") from error
    return listening
