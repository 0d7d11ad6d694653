"""Pictures in TFRecords: of ``tf.train.Example`` in the three forms that people have.

- ``image/encoded`` and ``image/class/label``, as TensorFlow's own research code writes them,
- ``image`` and ``label``, as TensorFlow Datasets does,
- ``shape`` and ``data``: raw pixels, channels first, in a file for each resolution, with labels in
  one of their own, as NVIDIA's tools for Progressive GAN, StyleGAN and StyleGAN2 do.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...archives import DamagedArraysError, read_array
from ...errors import UserError
from ..decode import BadPictureError
from ..formats import open_picture
from ..labels import whole_labels
from .entries import Entry, Source

_FORMS = (("image/encoded", "image/class/label"), ("image", "label"))
_RESOLUTION = re.compile(r"(.+)-r(\d\d)\.tfrecords?")
# Length, its checksum and that of the data.
_HEAD, _FRAME = 12, 16
_NAMES = "label.labels.txt"


def is_record_file(name: str) -> bool:
    """Returns whether a file is called like one of TFRecords."""
    return ".tfrecord" in name.lower()


def tfrecords(paths: Sequence[Path], first: int | None = None) -> Source:
    """Lists the pictures of files of TFRecords, which may be compressed by gzip.

    Args:
        paths: The files, in the order in which they are read. Of files of several resolutions of
            the same pictures, the largest is read.
        first: Listing ends after so many pictures; None lists all.

    Raises:
        UserError: if one is damaged, or has other records.
    """
    resolutions = [_RESOLUTION.fullmatch(path.name) for path in paths]
    notes = []
    of_one = all(resolutions) and len({match[1] for match in resolutions if match}) == 1
    if of_one and len(paths) > 1:
        paths = [max(paths, key=lambda path: path.name)]
        notes.append(f"{paths[0].name} was read, the largest of {len(resolutions)} resolutions")
    entries: list[Entry] = []
    for path in paths:
        left = None if first is None else first - len(entries)
        if left == 0:
            break
        entries += _entries(path, left, len(paths) > 1)
    labels, more = _labels_beside(paths[0], len(entries), first is None)
    if labels is not None:
        entries = [
            dataclasses.replace(entry, label=int(label))
            for entry, label in zip(entries, labels, strict=False)
        ]
    return Source(entries, [*notes, *more], class_names=_names_beside(paths[0]))


def _entries(path: Path, first: int | None, several: bool) -> list[Entry]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    before = f"{path.name} " if several else ""
    entries: list[Entry] = []
    offset = 0
    try:
        for i, record in enumerate(tf.data.TFRecordDataset(str(path), "GZIP" * compressed)):
            if i == first:
                break
            data = record.numpy()
            if compressed:
                again = lambda data=data: data  # noqa: E731
            else:
                # Read again when it is wanted: raw pixels of a whole file may be more than memory.
                again = _Piece(path, offset + _HEAD, len(data))
            offset += _FRAME + len(data)
            feature = tf.train.Example.FromString(data).features.feature
            opened, label = _picture(feature, again, f"Record {i} of {path}")
            entries.append(Entry(f"{before}record {i}", opened, label))
    # DecodeError of a record that is no Example is an exception of protobuf.
    except (tf.errors.OpError, DecodeError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{path} cannot be read as TFRecord after {len(entries)} records "
            f"({reason}): it is corrupt, or no tf.train.Examples."
        ) from error
    return entries


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Some bytes of a file."""

    path: Path
    offset: int
    size: int

    def __call__(self) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def _picture(
    feature: Any, again: Callable[[], bytes], record: str
) -> tuple[Callable[[], Image.Image], int | None]:
    """Returns what opens the picture of a record, and its label.

    Args:
        feature: The features of the record, by name.
        again: Gives the bytes of the record.
        record: Which it is, for messages.
    """
    names = sorted(feature)
    for image, label in _FORMS:
        if image in names and feature[image].bytes_list.value:
            labels = feature[label].int64_list.value if label in names else ()
            return functools.partial(_encoded, again, image), int(labels[0]) if labels else None
    if "shape" in names and "data" in names:
        shape = tuple(feature["shape"].int64_list.value)
        size = len(feature["data"].bytes_list.value[0]) if feature["data"].bytes_list.value else 0
        if len(shape) != 3 or shape[0] not in (1, 3, 4) or np.prod(shape) != size:
            raise UserError(
                f"{record} has {size} bytes of pixels of the shape {list(shape)}: it must be "
                "channels (1, 3 or 4), height and width, a byte each."
            )
        return lambda: _raw(_value(again(), "data"), shape), None
    raise UserError(
        f"{record} has no image/encoded or image (PNG or JPEG bytes), nor shape and data (raw "
        f"pixels); it has: {', '.join(names) or 'nothing'}."
    )


def _encoded(again: Callable[[], bytes], name: str) -> Image.Image:
    return open_picture(io.BytesIO(_value(again(), name)))


def _value(record: bytes, name: str) -> bytes:
    import tensorflow as tf

    values = tf.train.Example.FromString(record).features.feature[name].bytes_list.value
    if not values:
        raise BadPictureError("its record has changed since it was listed")
    return values[0]


def _raw(data: bytes, shape: tuple[int, ...]) -> Image.Image:
    pixels = np.frombuffer(data, np.uint8).reshape(shape).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if shape[0] == 1 else pixels))


def _labels_beside(path: Path, count: int, whole: bool) -> tuple[np.ndarray | None, list[str]]:
    """Returns the labels that NVIDIA's tools keep beside a file, and notes."""
    match = _RESOLUTION.fullmatch(path.name)
    file = path.with_name(f"{match[1]}-rxx.labels") if match else None
    if file is None or not file.exists():
        return None, []
    try:
        labels = read_array(file)
    except DamagedArraysError as error:
        raise UserError(f"{file} cannot be read as a NumPy array ({error}).") from error
    if labels.ndim == 2 and labels.shape[1] == 0:
        return None, []
    # They are mostly one-hot; a row of anything else names no class.
    if labels.ndim == 2 and labels.shape[1] > 1:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(1) == 1).all()):
            return None, [f"{file.name} has rows that are no classes, and was ignored"]
        labels = labels.argmax(1)
    if len(labels) < count or (whole and len(labels) != count):
        raise UserError(f"{file} has {len(labels)} labels for {count} pictures.")
    return whole_labels(labels, len(labels), str(file))[0], [f"labels are those of {file.name}"]


def _names_beside(path: Path) -> dict[int, str]:
    """Returns the names of classes that TensorFlow Datasets keeps beside its files."""
    file = path.with_name(_NAMES)
    if not file.is_file():
        return {}
    lines: Iterator[str] = iter(file.read_text("utf-8", errors="replace").splitlines())
    return dict(enumerate(lines))
