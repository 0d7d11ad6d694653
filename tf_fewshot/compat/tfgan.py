"""TF-GAN on a current TensorFlow.

TF-GAN 2.1.0 subclasses ``tf.estimator``, which TensorFlow 2.16 removed, so that a plain
``import tensorflow_gan`` fails although its losses, metrics and summaries still work.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import types
import warnings
from collections.abc import Iterator

import tensorflow as tf

# TF-GAN imports this too, and the first import of it re-binds `tf.compat`: it has to come
# before anything is hung on `tf.compat.v1`.
import tensorflow.compat.v1 as tf1

from ..errors import UserError


class _RemovedEstimator:
    """The base class of TF-GAN's estimators where TensorFlow has none."""

    def __init__(self, *args, **kwargs):
        del args, kwargs
        raise UserError(
            f"{type(self).__name__} needs tf.estimator, which TensorFlow 2.16 removed: "
            "use TF-GAN's losses and metrics with a Keras training loop instead."
        )


@contextlib.contextmanager
def _estimator_stand_in() -> Iterator[None]:
    stand_in = types.SimpleNamespace(
        SessionRunHook=tf1.train.SessionRunHook,
        Estimator=_RemovedEstimator,
        tpu=types.SimpleNamespace(TPUEstimator=_RemovedEstimator),
    )
    lacking = [module for module in (tf, tf.compat.v1) if not hasattr(module, "estimator")]
    for module in lacking:
        setattr(module, "estimator", stand_in)  # noqa: B010 - the type has no such attribute
    try:
        yield
    finally:
        for module in lacking:
            delattr(module, "estimator")


@functools.cache
def load() -> types.ModuleType:
    """Imports ``tensorflow_gan``; TensorFlow is left as it was found.

    What works: losses, FID and KID from activations, classifier scores and image grids.
    What does not, on TensorFlow 2.16 and later: its estimators, streaming metrics and
    ``gan_model``.

    Returns:
        The module ``tensorflow_gan``; the same object on every call.

    Raises:
        UserError: if TF-GAN or something it imports is not installed.
    """
    # Its dependencies warn of pkg_resources and distutils at import; nobody here can mend that.
    with _estimator_stand_in(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("tensorflow_gan")
        except ModuleNotFoundError as error:
            raise UserError(
                f"TF-GAN cannot be imported ({error}): "
                "pip install tensorflow-gan==2.1.0 'setuptools<81'."
            ) from error
