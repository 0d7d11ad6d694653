"""TensorBoard events without TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np


class EventWriter:
    """Writes TensorBoard events; TensorBoard itself is needed only to look at them.

    ``tf.summary.scalar`` and ``image`` ask for the tensorboard package, which TensorFlow no
    longer brings: these are the same events by ``tf.summary.write``.

    Args:
        path: Folder of the event files; each writer begins a new file in it.
    """

    def __init__(self, path: str | os.PathLike):
        import tensorflow as tf  # not before it is needed: it takes seconds

        self._tf = tf
        self._writer = tf.summary.create_file_writer(os.fspath(path))

    def scalars(self, step: int, values: Mapping[str, Any]) -> None:
        """Writes numbers by name."""
        metadata = self._metadata("scalars", 1)
        with self._writer.as_default(step):
            for name, value in values.items():
                self._tf.summary.write(name, np.float32(value), metadata=metadata)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes one picture, uint8 ``[H, W, 3]``."""
        tf = self._tf
        height, width = image.shape[:2]
        parts = [str(width).encode(), str(height).encode(), tf.io.encode_png(image).numpy()]
        with self._writer.as_default(step):
            tf.summary.write(name, tf.constant(parts), metadata=self._metadata("images", 3))

    def _metadata(self, plugin: str, data_class: int):
        """Returns metadata; 1 is DATA_CLASS_SCALAR, and 3 is DATA_CLASS_BLOB_SEQUENCE."""
        kind = self._tf.compat.v1.SummaryMetadata
        return kind(plugin_data=kind.PluginData(plugin_name=plugin), data_class=data_class)

    def flush(self) -> None:
        """Brings what was written to the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Flushes and ends the file."""
        self._writer.close()
