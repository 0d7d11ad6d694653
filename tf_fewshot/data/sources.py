"""Where pictures come from: each source lists them, and opens one when it is asked to."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ..choices import Choices
from ..errors import UserError
from .decode import SUFFIXES, BadPictureError, open_picture

MAX_FILE_BYTES = 1 << 30
"""Largest picture file, in bytes unpacked, that is read from an archive."""

_KINDS = "a folder, a .zip, a .tfrecord, an .npz or .npy array, or tfds:NAME"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture that has not been read yet."""

    name: str
    open: Callable[[], Image.Image]
    label: int | None = None
    latent: np.ndarray | None = None


@dataclasses.dataclass
class Source:
    """The pictures of one place, in their order, and notes about it for people."""

    entries: list[Entry]
    notes: list[str] = dataclasses.field(default_factory=list)
    choices: Choices | None = None


@contextlib.contextmanager
def open_source(path: str | os.PathLike, first: int | None = None) -> Iterator[Source]:
    """Tells the kind of ``path`` and lists its pictures; they can be opened in the block.

    Args:
        path: See :func:`.load.load_pictures`.
        first: Listing may end after so many pictures; None lists all.

    Raises:
        UserError: if there is nothing, or nothing that can be read, at ``path``.
    """
    text = os.fspath(path)
    if text.startswith("tfds:"):
        yield _tfds(text, first)
        return
    file = Path(text).expanduser()
    suffix = file.suffix.lower()
    if file.is_dir():
        yield _folder(file)
    elif not file.exists():
        raise UserError(f"There is no {file}. Pictures can come from {_KINDS}.")
    elif suffix == ".zip":
        with _opened_zip(file) as archive:
            yield _zip(file, archive)
    elif suffix in (".npz", ".npy"):
        yield _array(file)
    elif ".tfrecord" in file.name.lower():
        yield _tfrecord(file)
    elif suffix in SUFFIXES:
        yield Source([Entry(file.name, lambda: open_picture(file))])
    else:
        raise UserError(f"{file} is no source of pictures: they can come from {_KINDS}.")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _sort_out(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns the names of pictures, sorted, and notes about the other files."""
    seen = sorted(name for name in names if not _is_hidden(name))
    pictures = [name for name in seen if PurePosixPath(name).suffix.lower() in SUFFIXES]
    others = [name for name in seen if PurePosixPath(name).suffix.lower() not in SUFFIXES]
    if not others:
        return pictures, []
    shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    files = "file that is no picture was" if len(others) == 1 else "files that are no pictures were"
    return pictures, [f"{len(others)} {files} ignored: {shown}"]


def _folder(folder: Path) -> Source:
    try:
        names = [
            (Path(root, name)).relative_to(folder).as_posix()
            for root, _, files in os.walk(folder, onerror=_raise)
            for name in files
        ]
    except OSError as error:
        raise UserError(f"Cannot list {error.filename}: {error.strerror}.") from error
    pictures, notes = _sort_out(names)
    return Source(_entries(pictures, lambda name: open_picture(folder / name)), notes)


def _raise(error: OSError) -> None:
    raise error


@contextlib.contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path} cannot be read as a zip file ({error}).") from error
    with archive:
        yield archive


def _zip(path: Path, archive: zipfile.ZipFile) -> Source:
    """Lists a zip; members are read into memory one at a time, and never written anywhere."""
    members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    unsafe = [n for n in members if n.startswith(("/", "\\")) or ".." in PurePosixPath(n).parts]
    for name in unsafe:
        del members[name]
    pictures, notes = _sort_out(members)
    if unsafe:
        notes.append(f"{len(unsafe)} files with a path out of the zip were ignored: {unsafe[0]}")
    if any(members[name].flag_bits & 1 for name in pictures):
        raise UserError(f"{path} is protected by a password: unpack it and give the folder.")

    def read(name: str) -> Image.Image:
        if members[name].file_size > MAX_FILE_BYTES:
            raise BadPictureError(f"unpacked it has {members[name].file_size:,} bytes, too many")
        return open_picture(io.BytesIO(archive.read(name)))

    return Source(_entries(pictures, read), notes)


def _entries(names: Sequence[str], read: Callable[[str], Any]) -> list[Entry]:
    labels = _labels(names)
    return [Entry(n, lambda n=n: read(n), k) for n, k in zip(names, labels, strict=True)]


def _labels(names: Sequence[str]) -> list[int | None]:
    """Returns classes by sub-folder, in the order of their names.

    They are None if a picture lies beside the sub-folders, or there are not two of them.
    Folders that hold all are passed over.
    """
    parts = [PurePosixPath(name).parts for name in names]
    while all(len(p) > 1 for p in parts) and len({p[0] for p in parts}) == 1:
        parts = [p[1:] for p in parts]
    if any(len(p) < 2 for p in parts):
        return [None] * len(names)
    numbers = {name: i for i, name in enumerate(sorted({p[0] for p in parts}))}
    return [numbers[p[0]] for p in parts]


def _array(path: Path) -> Source:
    try:
        if path.suffix.lower() == ".npy":
            return _array_entries(path, np.load(path, mmap_mode="r", allow_pickle=False), None)
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            keys = arrays.files
            if "images" not in keys and len(keys) != 1:
                raise UserError(
                    f"{path} has the arrays {', '.join(keys)}: name that of pictures 'images'."
                )
            labels = arrays["labels"] if "labels" in keys else None
            latents = arrays["latents"] if "latents" in keys else None
            choices = Choices.of_arrays(arrays) if "choice_slots" in keys else None
            images = arrays["images" if "images" in keys else keys[0]]
    except UserError:
        raise
    # Which of them depends on where the file is damaged.
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as a NumPy array ({error}).") from error
    source = _array_entries(path, images, labels, latents)
    if choices is not None and (latents is None or latents.shape[1] < choices.size):
        raise UserError(f"{path} has choices of {choices.size} components, and no such latents.")
    return dataclasses.replace(source, choices=choices)


def _array_entries(
    path: Path, images: np.ndarray, labels: np.ndarray | None, latents: np.ndarray | None = None
) -> Source:
    channels = images.shape[-1] if images.ndim == 4 else 1
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or channels not in (1, 3, 4):
        raise UserError(
            f"{path} holds {images.dtype} {list(images.shape)}: "
            "pictures must be uint8 [N, H, W, 3] (or [N, H, W], or 4 channels for RGBA)."
        )
    if labels is not None and labels.shape != (len(images),):
        raise UserError(f"{path} has {len(images)} pictures but labels {list(labels.shape)}.")
    if latents is not None:
        if latents.ndim != 2 or len(latents) != len(images) or latents.dtype.kind != "f":
            raise UserError(
                f"{path} has {len(images)} pictures but latents {latents.dtype} "
                f"{list(latents.shape)}: they must be floats, a row a picture."
            )
        latents = latents.astype(np.float32)
    if channels == 1:
        images = images.reshape(images.shape[:3])
    return Source(
        [
            Entry(
                f"{i:05d}",
                lambda i=i: Image.fromarray(images[i]),
                None if labels is None else int(labels[i]),
                None if latents is None else latents[i],
            )
            for i in range(len(images))
        ]
    )


def _tfrecord(path: Path) -> Source:
    import tensorflow as tf

    with open(path, "rb") as file:
        compression = "GZIP" if file.read(2) == b"\x1f\x8b" else ""
    entries: list[Entry] = []
    try:
        for i, record in enumerate(tf.data.TFRecordDataset(str(path), compression)):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            if not feature["image/encoded"].bytes_list.value:
                known = ", ".join(sorted(key for key in feature if key != "image/encoded"))
                raise UserError(
                    f"Record {i} of {path} has no image/encoded (PNG or JPEG bytes); "
                    f"it has: {known or 'nothing'}."
                )
            data = feature["image/encoded"].bytes_list.value[0]
            labels = feature["image/class/label"].int64_list.value
            entries.append(
                Entry(
                    f"record {i}",
                    lambda data=data: open_picture(io.BytesIO(data)),
                    int(labels[0]) if labels else None,
                )
            )
    except UserError:
        raise
    # DecodeError of a record that is no Example is an exception of protobuf.
    except (tf.errors.OpError, _decode_error()) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{path} cannot be read as TFRecord after {len(entries)} records "
            f"({reason}): it is corrupt, or no tf.train.Examples."
        ) from error
    return Source(entries)


def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError


def _tfds(text: str, first: int | None) -> Source:
    match = re.fullmatch(r"tfds:([^:]+(?::\d+\.\d+\.\d+)?)(?::(.+))?", text)
    if match is None:
        raise UserError(f"{text!r} is not of the form tfds:NAME or tfds:NAME:SPLIT.")
    name, split = match[1], match[2] or "train"
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{text} needs TensorFlow Datasets ({error}): pip install tensorflow-datasets."
        ) from error
    try:
        examples = list(itertools.islice(tfds.as_numpy(tfds.load(name, split=split)), first))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UserError(f"TensorFlow Datasets cannot give {name} {split}: {reason}") from error
    return _tfds_entries(text, examples)


def _tfds_entries(text: str, examples: Iterable[dict[str, Any]]) -> Source:
    entries = []
    for i, example in enumerate(examples):
        if "image" not in example:
            raise UserError(f"{text} has no feature 'image'; it has {', '.join(example)}.")
        image = np.asarray(example["image"])
        image = image[..., 0] if image.shape[-1] == 1 else image
        label = example.get("label")
        entries.append(
            Entry(
                f"{text} {i}",
                lambda image=image: Image.fromarray(image),
                None if label is None or np.ndim(label) else int(label),
            )
        )
    return Source(entries)
