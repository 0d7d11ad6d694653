"""TF-Hub modules: BigGANs and Progressive GANs as a folder, a ``.tar.gz`` of it, or a handle.

Variables are read from the checkpoint inside, and constants from the graph as a protocol
buffer: nothing of the graph is ever run.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ...downloads.files import sha256_of
from ...errors import UserError
from ..licences import BIGGAN_MODULE, PROGAN_MODULE, Licence
from .archive import is_tar_gz, unpacked
from .biggan import Module, build_biggan
from .graph import read_graph
from .progan import Shapes, build_progan, is_progan

_HUB = "https://tfhub.dev/"
_HANDLE = re.compile(
    r"https://tfhub\.dev/.+|https://(www\.)?kaggle\.com/models/.+"
    r"|deepmind/biggan(-deep)?-(128|256|512)(/\d+)?|google/progan-128(/\d+)?"
)
_TIMEOUT = 60


def is_hub_module(path: str | os.PathLike) -> bool:
    """Returns whether a path is a folder with a SavedModel or its variables, or a ``.tar.gz``."""
    path = Path(path)
    if not path.is_dir():
        return is_tar_gz(path)
    inside = ("saved_model.pb", "tfhub_module.pb", "variables/variables.index")
    return any((path / name).is_file() for name in inside)


def read_hub_module(path: str | os.PathLike) -> GAN:
    """Reads a BigGAN, BigGAN-deep or Progressive GAN; its variables tell which, and its sizes.

    Args:
        path: A module's folder (``saved_model.pb``, ``variables/``), or a ``.tar.gz`` of it.

    Returns:
        The GAN, without discriminator, with "name", "sha256" (of the archive; of a folder,
        over its graph and the index of its variables) and "licence" in its
        ``source_metadata``.

    Raises:
        UserError: if the module is damaged, unsafe to unpack, or not exactly one of them.
    """
    path = Path(path)
    if path.is_dir():
        gan, sha256 = _read_folder(path, path), _sha256_of_folder(path)
    else:
        with unpacked(path) as folder:
            gan, sha256 = _read_folder(folder, path), sha256_of(path)
    gan.source_metadata = {
        "name": path.name,
        "sha256": sha256,
        "licence": _licence(gan.architecture == "progan"),
    }
    return gan


def _licence(of_progan: bool) -> Licence:
    return PROGAN_MODULE if of_progan else BIGGAN_MODULE


def _read_folder(folder: Path, shown: Path) -> GAN:
    try:
        graph = folder / "saved_model.pb"
        nodes = read_graph(graph) if graph.is_file() else {}
        shapes, read = _variables(folder)
        if is_progan(shapes):
            return build_progan(shapes, read, nodes)
        return build_biggan(Module(shapes, read), nodes)
    except UserError as error:
        reason = str(error).replace(str(folder), str(shown)).rstrip(".")
        raise UserError(
            f"{shown} is no module of a BigGAN or a Progressive GAN that can be read: {reason}."
        ) from error


def _variables(folder: Path) -> tuple[Shapes, Callable[[list[str]], list[tf.Tensor]]]:
    """The shapes of the variables, and what gives the values of some."""
    prefix = folder / "variables" / "variables"
    if not prefix.with_suffix(".index").is_file():
        raise UserError("it has no variables/variables.index")
    try:
        _read_ahead(prefix.parent)
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(s) for name, s in reader.get_variable_to_shape_map().items()}
        dtypes = reader.get_variable_to_dtype_map()
        declared = sum(int(np.prod(s, dtype=object)) * dtypes[n].size for n, s in shapes.items())
    except Exception as error:  # Damage shows as almost any exception.
        raise UserError(f"its variables are damaged ({_first_line(error)})") from error
    stored = sum(file.stat().st_size for file in prefix.parent.glob("variables.data-*"))
    if declared > stored:
        raise UserError(
            f"its variables are cut off: {declared} bytes in the index, {stored} in the data"
        )

    def read(names: list[str]) -> list[tf.Tensor]:
        # Not as arrays, which would be copied once more.
        try:
            return tf.raw_ops.RestoreV2(
                prefix=str(prefix),
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                dtypes=[dtypes[name] for name in names],
            )
        except Exception as error:
            if len(names) > 1:  # One at a time, to say which.
                return [value for name in names for value in read([name])]
            raise UserError(f"{names[0]} is damaged ({_first_line(error)})") from error

    return shapes, read


def _read_ahead(folder: Path) -> None:
    """Lets the system read the variables from disk while the network is being built."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in folder.glob("variables.data-*"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"^\{\{.*?\}\}\s*", "", line)[:200]  # TensorFlow's own place in its graph.


def _sha256_of_folder(folder: Path) -> str:
    """Of graph and index: the index holds a checksum of every variable."""
    digest = hashlib.sha256()
    for file in (folder / "saved_model.pb", folder / "variables" / "variables.index"):
        if file.is_file():
            digest.update(f"{file.name} {sha256_of(file)}\n".encode())
    return digest.hexdigest()


# Handles ------------------------------------------------------------------------------


def is_hub_handle(source: str) -> bool:
    """Returns whether a text names a module on the hub, such as "deepmind/biggan-deep-128/1"."""
    return _HANDLE.fullmatch(source) is not None


@dataclasses.dataclass(frozen=True)
class HubModule:
    """A module on the hub, by its handle."""

    handle: str

    def fetch(self) -> Path:
        """Returns its folder; see :func:`fetch_hub_module`."""
        return fetch_hub_module(self.handle)


def read_hub_handle(handle: str) -> GAN:
    """Reads a module by its handle; see :func:`fetch_hub_module`."""
    gan = read_hub_module(fetch_hub_module(handle))
    gan.source_metadata["name"] = handle
    return gan


def fetch_hub_module(handle: str) -> Path:
    """The folder of a module in the cache of tensorflow-hub, which downloads it once.

    Args:
        handle: Such as "https://tfhub.dev/deepmind/biggan-256/2", with or without the
            address. Without a version, the one that was released last.

    Raises:
        UserError: if it is neither in the cache nor to be had.
    """
    url = handle if handle.startswith("https://") else _HUB + handle
    if re.search(r"/(biggan(-deep)?|progan)-\d+$", url):
        url += "/2" if "/biggan-" in url and "-deep-" not in url else "/1"
    _show_licence(url)
    before = socket.getdefaulttimeout()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tensorflow_hub
        socket.setdefaulttimeout(_TIMEOUT)
        return Path(tensorflow_hub.resolve(url))
    except Exception as error:  # Of urllib, of TensorFlow, of the archive.
        raise UserError(
            f"Cannot bring {url} ({_first_line(error)}). Where there is internet, save "
            f"{url}?tf-hub-format=compressed as a .tar.gz, and give the path of that file."
        ) from error
    finally:
        socket.setdefaulttimeout(before)


@functools.cache
def _show_licence(url: str) -> None:
    licence = _licence("/progan-" in url)
    print(f"{url}: {licence.partition(': ')[2]}.", file=sys.stderr)
