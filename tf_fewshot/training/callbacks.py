"""Callbacks of the user's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import keras

from ..errors import UserError


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Refuses what cannot be called, before anything is trained.

    Raises:
        UserError: if one is no Keras callback, or needs a package that is not installed.
    """
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UserError(
                f"callbacks must be Keras callbacks, not {type(callback).__name__}: derive it from "
                "keras.callbacks.Callback, and give an instance of it."
            )
        # Keras finds out after the first step: TensorFlow 2.21 no longer installs it.
        if (
            isinstance(callback, keras.callbacks.TensorBoard)
            and importlib.util.find_spec("tensorboard") is None
        ):
            raise UserError(
                "keras.callbacks.TensorBoard needs the package tensorboard, which is not "
                "installed: pip install tensorboard. Losses and samples are written for "
                "TensorBoard in any case, into the folder tensorboard of the run."
            )
