"""SavedModels on their way to a server: written aside, checked, and whole or not there at all."""

from __future__ import annotations

import errno
import importlib.metadata
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import Point
from ..compat.saved_models import METADATA, quiet
from ..errors import UserError
from ..files import readable_os_errors, write_json
from .verify import Example, Report, verify_saved_model
from .warmup import write_warmup

_PACKAGES = ("tensorflow", "keras", "numpy")
_REFUSALS = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.OutOfRangeError: errno.EFBIG,
    tf.errors.PermissionDeniedError: errno.EACCES,
}


class Served(Protocol):
    """What a SavedModel is made of."""

    def signatures(self) -> Iterator[tuple[str, Callable, list[tf.TensorSpec]]]:
        """Yields name, function and inputs of each signature, as the graph has them."""
        ...

    def examples(self) -> Sequence[Example]:
        """Returns fixed inputs for every signature with eager outputs, computed on the CPU."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Returns what ``assets.extra/tf_fewshot.json`` says of it."""
        ...


def check_target(directory: Path, version: int | None) -> None:
    """Checks that a version can be written there, before anything is computed.

    Raises:
        UserError: if the version is no positive integer or exists, or the directory is a file.
    """
    if version is not None and version < 1:
        raise UserError(f"A version must be a positive integer, not {version}.")
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file. Choose a directory to export to.")
    if version is not None and (directory / str(version)).exists():
        raise _exists(directory, version)


def check_pictures(gan: GAN, words: str = "a SavedModel") -> None:
    """Checks that the generator's pictures are what it makes in a graph.

    Args:
        gan: The generator.
        words: What it is written as.

    Raises:
        UserError: if something becomes of finished pictures.
    """
    for extension in gan.extensions:
        if extension.point is Point.IMAGES:
            raise UserError(
                f"This generator's pictures go through {extension.words} when they are finished, "
                f"which {words} cannot do. Draw pictures with tf-fewshot sample."
            )


def published(
    served: Served,
    directory: Path,
    version: int | None,
    tolerance: float,
    finish: Callable[[Path], None] = lambda folder: None,
) -> Path:
    """Writes a SavedModel, checks it by TensorFlow's loaders, and gives it its number.

    Args:
        served: What it is made of.
        directory: Its last part is the name that the model is served under.
        version: A positive integer; None is one more than the largest there.
        tolerance: Largest absolute difference from eager output that is accepted.
        finish: Adds to the folder what people read, before it has its number.

    Returns:
        The directory of the version.

    Raises:
        UserError: if it cannot be written, the version exists, or the check fails. Nothing is
            left behind then.
    """
    check_target(directory, version)
    with _staging(directory) as partial:
        archive = keras.export.ExportArchive()
        # It tracks by itself the variables that its functions use, and no others.
        for name, function, signature in served.signatures():
            archive.add_endpoint(name, function, signature)
        with quiet():
            archive.write_out(str(partial), verbose=False)
        examples = served.examples()
        report = verify_saved_model(partial, examples, tolerance)
        for loader, why in report.not_checked.items():
            logging.getLogger(__name__).warning("%s not checked: %s", loader, why)
        write_json(partial / METADATA, {**served.describe(), **_checked(report)})
        write_warmup(partial, directory.name, examples)
        finish(partial)
        return _publish(partial, directory, version)


def _checked(report: Report) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"checked": report.to_json(), "versions": versions}


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """A hidden directory, which the server passes over, removed at the end with what is in it."""
    partial = directory / f".{uuid.uuid4().hex[:8]}.tmp"
    new = not directory.exists()
    try:
        with readable_os_errors(directory), _tensorflow_errors(directory):
            partial.mkdir(parents=True)
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if new:
            # Only removed if nothing was published into it.
            with suppress(OSError):
                directory.rmdir()


@contextmanager
def _tensorflow_errors(directory: Path) -> Iterator[None]:
    """Turns TensorFlow's errors about writing into those of the operating system."""
    try:
        yield
    except tuple(_REFUSALS) as error:
        code = _REFUSALS[type(error)]
        raise OSError(code, os.strerror(code), str(directory)) from error


def _publish(partial: Path, directory: Path, version: int | None) -> Path:
    """Renames a complete version to its number; never onto another exporter's."""
    number = version if version is not None else _next_version(directory)
    while True:
        target = directory / str(number)
        try:
            return partial.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            if version is not None:
                raise _exists(directory, number) from error
            number += 1


def _next_version(directory: Path) -> int:
    return max((int(p.name) for p in directory.iterdir() if p.name.isdecimal()), default=0) + 1


def _exists(directory: Path, version: int) -> UserError:
    return UserError(
        f"{directory / str(version)} exists. Choose another version, or leave it out to get "
        "the next."
    )
