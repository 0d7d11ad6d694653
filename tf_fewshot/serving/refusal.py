"""What a request is refused with: one of gRPC's canonical codes, and one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2

# As TF-Serving's REST interface answers each code.
HTTP = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 412,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
_LONGEST = 600


class RefusedError(Exception):
    """A request that is not answered.

    Attributes:
        code: The name of a canonical code, such as ``INVALID_ARGUMENT``.
        message: What was wrong, and with what; one line.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, _line(message)

    @property
    def http(self) -> int:
        """The status of an HTTP answer."""
        return HTTP[self.code]


def invalid(message: str) -> RefusedError:
    """Returns the refusal of what a client must change."""
    return RefusedError("INVALID_ARGUMENT", message)


@contextmanager
def refusals_of_tensorflow() -> Iterator[None]:
    """Turns what a graph says while it runs into a refusal with the same code."""
    try:
        yield
    except tf.errors.OpError as error:
        # Behind it, TensorFlow lists the operations that led there.
        message = (error.message or "").split("\n\t [[")[0]
        # TensorFlow's errors have gRPC's numbers.
        raise RefusedError(error_codes_pb2.Code.Name(error.error_code), message) from error


def _line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
