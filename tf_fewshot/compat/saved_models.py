"""Where a SavedModel keeps what is not its graph, and loaders that tell less of themselves.

Light, as a server needs no more of this package to begin.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from ..errors import UserError

METADATA = Path("assets.extra", "tf_fewshot.json")
WARMUP = Path("assets.extra", "tf_serving_warmup_requests")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps TensorFlow's logger from telling about its own deprecated loaders and progress."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def signatures_of(directory: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Returns the signatures of a SavedModel's graph for serving, by name.

    Raises:
        UserError: if there is no such graph.
    """
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((directory / "saved_model.pb").read_bytes())
        graph = next(m for m in model.meta_graphs if "serve" in m.meta_info_def.tags)
    # protobuf's DecodeError is not public; StopIteration: no graph for serving.
    except Exception as error:
        why = "no graph with the tag 'serve'" if isinstance(error, StopIteration) else error
        raise UserError(f"{directory} holds no SavedModel for serving ({why}).") from error
    signatures = graph.signature_def.items()
    return {name: signature for name, signature in signatures if not name.startswith("__")}
