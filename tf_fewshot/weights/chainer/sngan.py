"""SNGAN's ``.npz`` files as Chainer saves them, and which of our weights each array is.

Source: the public repository pfnet-research/sngan_projection (``gen_models``,
``dis_models``); its networks are NCHW, ours NHWC. The generator is one file, such as
``ResNetGenerator_850000.npz``, and the discriminator another of the same iteration, such
as ``SNResNetProjectionDiscriminator_850000.npz``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.sngan.gan import SNGAN
from ...downloads.files import sha256_of
from ...errors import UserError
from ..licences import SNGAN_FILE
from ..porting.npz import ArrayFile, Headers, Target, Targets

LICENCE = SNGAN_FILE

_MOST_DOUBLINGS = 8
_GENERATOR, _DISCRIMINATOR = "generator", "discriminator"
_FIRST_MEMBER = re.compile(rb"(l1|l_y|[blc]\d+|block\d+)/[A-Za-z0-9_/]+\.npy")


def is_chainer(path: str | os.PathLike) -> bool:
    """Returns whether a path is such a file, or a folder that holds that of a generator.

    Told by the names of its arrays; of a cut-off file, by the first.
    """
    path = Path(path)
    if path.is_dir():
        return any(_kind(file) == _GENERATOR for file in path.glob("*.npz"))
    if _kind(path) is not None:
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(128)
    except OSError:
        return False
    if zipfile.is_zipfile(path) or not head.startswith(b"PK\x03\x04"):
        return False
    return _FIRST_MEMBER.match(head[30:]) is not None


def read_chainer(path: str | os.PathLike) -> SNGAN:
    """Reads SNGAN's generator and, if it is there, the discriminator that trained it.

    Args:
        path: The file of the generator, ``NAME_ITERATION.npz``: the discriminator is the
            file beside it that is called ``…Discriminator…_ITERATION.npz``. Or a folder
            with one generator and at most one discriminator, whatever they are called.

    Returns:
        The GAN, with "name", "sha256" (both of the generator's file), "licence"
        and "discriminator" (the name of its file, or None) in its
        ``source_metadata``.

    Raises:
        UserError: if a file is damaged or of another network, if its arrays are not
            exactly those of an SNGAN, or if the two do not fit each other.
    """
    generator, discriminator = _files(Path(path))
    with ArrayFile(generator, "an SNGAN's generator") as ours:
        config = ours.understood(_generator_config)
        # The networks of 32 pixels call the last convolution so, and may end without bias.
        small = f"c{len(config['widths']) + 1}/W" in ours.headers
        targets = _generator_targets(config, small)
        ours.check(targets)
        if discriminator is None:
            gan = ours.understood(lambda _: SNGAN(discriminator=False, **config))
            ours.fill(targets, gan)
        else:
            with (
                _saying_how_without(discriminator),
                ArrayFile(discriminator, "an SNGAN's discriminator") as theirs,
            ):
                judge = theirs.understood(_discriminator_config)
                _check_fit(discriminator, config, judge)
                others = _discriminator_targets(judge, small)
                theirs.check(others)
                gan = theirs.understood(lambda _: SNGAN(**{**config, **judge}))
                theirs.fill(others, gan)
            ours.fill(targets, gan)
    gan.source_metadata = {
        "name": generator.name,
        "sha256": sha256_of(generator),
        "licence": LICENCE,
        "discriminator": None if discriminator is None else discriminator.name,
    }
    return gan


@contextlib.contextmanager
def _saying_how_without(discriminator: Path) -> Iterator[None]:
    """Adds to an error how to read the generator alone, beside which another kind may lie."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f"{error} Move {discriminator.name} away to read the generator alone."
        ) from error


# Files ------------------------------------------------------------------------------------


def _kind(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    if {"block1/c1/W.npy", "block1/c1/u.npy"} <= names:
        return _DISCRIMINATOR
    return _GENERATOR if {"l1/W.npy", "block2/c1/W.npy"} <= names else None


def _files(path: Path) -> tuple[Path, Path | None]:
    """The file of the generator, and that of the discriminator if there is one."""
    if path.is_dir():
        kinds = {file: _kind(file) for file in sorted(path.glob("*.npz"))}
        generators, judges = (
            [file for file, kind in kinds.items() if kind == wanted]
            for wanted in (_GENERATOR, _DISCRIMINATOR)
        )
        if len(generators) != 1:
            listed = ", ".join(file.name for file in generators) or "none"
            raise UserError(f"{path} should hold one generator; give its file. Found: {listed}.")
        generator = generators[0]
        if len(judges) > 1:
            judges = _beside(generator)
    elif _kind(path) == _DISCRIMINATOR:
        raise UserError(
            f"{path} is a discriminator alone. Give the generator's file, with this one beside "
            "it, or the folder of both."
        )
    else:
        generator, judges = path, _beside(path)
    if len(judges) > 1:
        listed = ", ".join(file.name for file in judges)
        raise UserError(f"{generator} has several discriminators beside it: {listed}. Leave one.")
    return generator, judges[0] if judges else None


def _beside(generator: Path) -> list[Path]:
    iteration = re.search(r"_\d+\.npz$", generator.name)
    if iteration is None:
        return []
    return sorted(generator.parent.glob(f"*Discriminator*{iteration.group()}"))


# Names and shapes ----------------------------------------------------------------------------


def _generator_config(headers: Headers) -> dict[str, Any]:
    shapes = {name: shape for name, (shape, _) in headers.items()}
    last = 2
    while f"block{last}/c1/W" in shapes:
        last += 1
    if last - 2 > _MOST_DOUBLINGS:
        raise ValueError(f"it has {last - 2} blocks")
    end = f"c{last}" if f"c{last}/W" in shapes else f"l{last}"
    widths = [shapes["block2/c1/W"][1]]
    widths += [shapes[f"block{i}/c1/W"][0] for i in range(2, last)]
    table = "block2/b1/gammas/W"
    return {
        "resolution": 4 * 2 ** (last - 2),
        "latent_dim": shapes["l1/W"][1],
        "widths": widths,
        "num_classes": shapes[table][0] if table in shapes else 0,
        "channels": shapes[f"{end}/W"][0],
    }


def _discriminator_config(headers: Headers) -> dict[str, Any]:
    shapes = {name: shape for name, (shape, _) in headers.items()}
    blocks = halvings = 0
    while f"block{blocks + 1}/c2/W" in shapes:
        blocks += 1
    # No array says which blocks halve the map. All that do have a shortcut of their own.
    while f"block{halvings + 1}/c_sc/W" in shapes:
        halvings += 1
    return {
        "discriminator_widths": [shapes[f"block{i + 1}/c2/W"][0] for i in range(blocks)],
        "halvings": halvings,
        "num_classes": shapes["l_y/W"][0] if "l_y/W" in shapes else 0,
        "channels": shapes["block1/c1/W"][1],
    }


def _check_fit(path: Path, generator: dict[str, Any], judge: dict[str, Any]) -> None:
    for part, what in (("num_classes", "classes"), ("channels", "colour channels")):
        if generator[part] != judge[part]:
            raise UserError(
                f"{path} judges images of {judge[part]} {what}, but the generator beside it "
                f"draws {generator[part]}: they were not trained together."
            )


def _kernel(value: np.ndarray) -> np.ndarray:
    return value.transpose(2, 3, 1, 0)


def _first_units(value: np.ndarray) -> np.ndarray:
    # Channels, rows, columns there; rows, columns, channels here.
    return np.moveaxis(value.reshape(-1, 4, 4, *value.shape[1:]), 0, 2).reshape(value.shape)


def _first_kernel(value: np.ndarray) -> np.ndarray:
    return _first_units(value).T


def _transposed(value: np.ndarray) -> np.ndarray:
    return value.T


def _norm(theirs: str, ours: str, width: int, classes: int = 0) -> Targets:
    targets = {
        f"{theirs}/avg_mean": Target((width,), f"{ours}/moving_mean"),
        f"{theirs}/avg_var": Target((width,), f"{ours}/moving_variance"),
        # How many batches were counted; only training would need it.
        f"{theirs}/N": Target((), optional=True),
    }
    for part in ("gamma", "beta"):
        if classes:
            targets[f"{theirs}/{part}s/W"] = Target((classes, width), f"{ours}/{part}s")
        else:
            targets[f"{theirs}/{part}"] = Target((width,), f"{ours}/{part}")
    return targets


def _convolution(theirs: str, ours: str, width: int, filters: int, size: int) -> Targets:
    return {
        f"{theirs}/W": Target((filters, width, size, size), f"{ours}/kernel", _kernel),
        f"{theirs}/b": Target((filters,), f"{ours}/bias"),
    }


def _generator_targets(config: dict[str, Any], small: bool) -> Targets:
    widths, classes = config["widths"], config["num_classes"]
    number = len(widths) + 1
    targets = {
        "l1/W": Target(
            (16 * widths[0], config["latent_dim"]), "generator/l1/dense/kernel", _first_kernel
        ),
        "l1/b": Target((16 * widths[0],), "generator/l1/dense/bias", _first_units),
    }
    for i, (width, filters) in enumerate(itertools.pairwise(widths)):
        theirs = f"block{i + 2}"
        ours = f"generator/{theirs}"
        targets |= _convolution(f"{theirs}/c1", f"{ours}/c1", width, filters, 3)
        targets |= _convolution(f"{theirs}/c2", f"{ours}/c2", filters, filters, 3)
        targets |= _convolution(f"{theirs}/c_sc", f"{ours}/c_sc", width, filters, 1)
        targets |= _norm(f"{theirs}/b1", f"{ours}/b1", width, classes)
        targets |= _norm(f"{theirs}/b2", f"{ours}/b2", filters, classes)
    ours = f"generator/l{number}"
    targets |= _norm(f"b{number}", f"{ours}/norm", widths[-1])
    theirs = f"{'c' if small else 'l'}{number}"
    return targets | _convolution(theirs, f"{ours}/conv", widths[-1], config["channels"], 3)


def _discriminator_targets(config: dict[str, Any], small: bool) -> Targets:
    widths, halvings = config["discriminator_widths"], config["halvings"]
    targets: Targets = {}

    def convolution(theirs: str, width: int, filters: int, size: int) -> None:
        ours = f"discriminator/{theirs}"
        targets.update(_convolution(theirs, ours, width, filters, size))
        targets[f"{theirs}/u"] = Target((1, filters), f"{ours}/u")

    for i, (width, filters) in enumerate(
        zip([config["channels"], *widths[:-1]], widths, strict=True)
    ):
        hidden = filters if i == 0 else width
        convolution(f"block{i + 1}/c1", width, hidden, 3)
        convolution(f"block{i + 1}/c2", hidden, filters, 3)
        if i < max(halvings, 1) or width != filters:
            convolution(f"block{i + 1}/c_sc", width, filters, 1)
    theirs = f"l{len(widths) + 1}"
    ours = f"discriminator/{theirs}"
    targets[f"{theirs}/W"] = Target((1, widths[-1]), f"{ours}/linear/kernel", _transposed)
    targets[f"{theirs}/b"] = Target((1,), f"{ours}/linear/bias", optional=small)
    targets[f"{theirs}/u"] = Target((1, 1), f"{ours}/linear/u")
    if config["num_classes"]:
        classes = config["num_classes"]
        targets["l_y/W"] = Target((classes, widths[-1]), f"{ours}/projection/kernel")
        targets["l_y/u"] = Target((1, classes), f"{ours}/projection/u")
    return targets
