"""Weights from every source; the format of a file is recognised by its content."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from ..backbones import GAN
from ..errors import UserError, unknown_name
from .chainer.sngan import is_chainer, read_chainer
from .hub.modules import is_hub_handle, is_hub_module, read_hub_handle, read_hub_module
from .native.gan_file import is_native, load_gan
from .nvidia.network_pickle import is_network_pickle
from .nvidia.pytorch_pickle import is_pytorch_pickle, read_pytorch_pickle
from .nvidia.stylegan2 import read_tensorflow_pickle
from .presets import PRESETS, load_preset
from .torch.biggan import is_biggan_torch, read_biggan_torch
from .torch.biggan_deep import is_biggan_deep_torch, read_biggan_deep_torch
from .torch.others import is_other_torch, refuse_other_torch
from .torch.stylegan2 import is_stylegan2_torch, read_stylegan2_torch


@dataclasses.dataclass(frozen=True)
class Reader:
    """One format: ``sniff`` tells it by content (file or folder), ``read`` makes the GAN.

    ``read`` sets ``source_metadata`` on the GAN: "name", "sha256", "licence". One that ``refuses``
    knows what a file is that is not read, and says what helps.
    """

    name: str
    sniff: Callable[[Path], bool]
    read: Callable[[Path], GAN]
    refuses: bool = False


def _is_page(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            head = file.read(512).lstrip().lower()
    except OSError:
        return False
    return head.startswith((b"<!doctype html", b"<html"))


def _refuse_page(path: Path) -> GAN:
    raise UserError(
        f"{path} is a web page, not weights: a download that wanted a confirmation or a login. "
        "Open the link in a browser, and save the file that it offers."
    )


READERS: list[Reader] = [
    Reader("tf_fewshot .npz", is_native, load_gan),
    Reader("StyleGAN or Progressive GAN .pkl", is_network_pickle, read_tensorflow_pickle),
    Reader("StyleGAN2-ADA or StyleGAN3 .pkl of PyTorch", is_pytorch_pickle, read_pytorch_pickle),
    Reader("StyleGAN2 .pt", is_stylegan2_torch, read_stylegan2_torch),
    Reader("BigGAN of BigGAN-PyTorch", is_biggan_torch, read_biggan_torch),
    Reader("BigGAN-deep of PyTorch", is_biggan_deep_torch, read_biggan_deep_torch),
    Reader("Chainer .npz of SNGAN", is_chainer, read_chainer),
    Reader("TF-Hub module of BigGAN or Progressive GAN", is_hub_module, read_hub_module),
    Reader("other file of PyTorch", is_other_torch, refuse_other_torch, refuses=True),
    Reader("web page", _is_page, _refuse_page, refuses=True),
]


def load(source: str | os.PathLike) -> GAN:
    """Loads a GAN by the name of a preset, from a file or folder, or from TF-Hub.

    Args:
        source: A name in :data:`~tf_fewshot.weights.presets.PRESETS`, a path in a
            format of :data:`READERS`, or the handle of a TF-Hub module, such as
            "deepmind/biggan-256/2". A preset's name wins; write ``./name`` for a file
            of the same name.

    Returns:
        The GAN; its ``source_metadata`` is a dict with "name", "sha256" (of the file)
        and "licence".

    Raises:
        UserError: if there is no such preset or file, or it cannot be read.
    """
    name = os.fspath(source)
    if name in PRESETS:
        return load_preset(name)
    path = Path(name).expanduser()
    if path.exists():
        for reader in READERS:
            if reader.sniff(path):
                return reader.read(path)
        raise UserError(
            f"{path} is in no format that is known here: "
            f"{', '.join(r.name for r in READERS if not r.refuses)}."
        )
    if is_hub_handle(name):
        return read_hub_handle(name)
    if isinstance(source, os.PathLike) or os.sep in name or name.startswith("~") or path.suffix:
        raise UserError(
            f"No file {path}, and no preset of that name. Presets: {', '.join(sorted(PRESETS))}."
        )
    raise unknown_name("source", name, PRESETS, " Or give the path of a file.")
