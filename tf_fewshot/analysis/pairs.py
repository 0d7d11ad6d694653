"""Synthetic pairs: the same latents through a source and what it was adapted to, as a data set."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data.grid import save_png
from ..errors import UserError
from ..files import readable_os_errors, write_json
from .progress import Progress, quiet
from .subjects import Subject

RECORD = "pairs.json"
SPLIT = "train"
_BLOCK = 32


def latents_of_block(subject: Subject, block: int, seed: int) -> np.ndarray:
    """Draws the latents float32 ``[32, latent_dim]`` of a block of pairs.

    Every block is drawn by itself, so that any number of pairs takes the memory of one.

    Args:
        subject: What draws them.
        block: Its number, from 0.
        seed: Of the whole set.
    """
    own = int(np.random.SeedSequence([seed, block]).generate_state(1)[0])
    return subject.latents(_BLOCK, own)


def write_pairs(
    source: Subject,
    target: Subject,
    out: str | os.PathLike,
    n: int = 1000,
    seed: int = 0,
    progress: Progress = quiet,
) -> Path:
    """Writes pictures of the same latents, drawn by two generators, with one name each.

    ``OUT/train/NAME/0000000.png``, where NAME is that of either generator: what
    ``tfds.folder_dataset.ImageFolder(OUT)`` reads, and ``OUT/train`` is what Keras's
    ``image_dataset_from_directory`` reads. Pictures are written as they are drawn; the same call
    goes on where it was interrupted, and with a larger n adds to what is there.

    Args:
        source, target: Generators whose latents have one size, such as a source and an adapter.
        out: The folder: new, empty, or of the same pairs.
        n: Number of pairs.
        seed: Of the latents.
        progress: Told how far the work is.

    Returns:
        The folder.

    Raises:
        UserError: if latents differ in size, both have one name, n is below 1, the folder holds
            something else, or nothing can be written there.
    """
    if n < 1:
        raise UserError(f"The number of pairs must be at least 1, not {n}.")
    if source.gan.latent_dim != target.gan.latent_dim:
        raise UserError(
            f"{source.name} has latents of {source.gan.latent_dim} numbers, {target.name} of "
            f"{target.gan.latent_dim}: pairs take one source."
        )
    if source.name == target.name:
        raise UserError(f"Both generators are called {source.name!r}: name one, as in NAME=PATH.")
    folder = Path(out).expanduser()
    _begin(folder, source, target, seed)
    places = [folder / SPLIT / subject.name for subject in (source, target)]
    for block in range(-(-n // _BLOCK)):
        first = block * _BLOCK
        count = min(_BLOCK, n - first)
        files = [[place / f"{first + i:07d}.png" for i in range(count)] for place in places]
        # A picture is there whole, or not at all.
        if not all(path.exists() for paths in files for path in paths):
            z = latents_of_block(source, block, seed)
            labels = source.labels(_BLOCK)
            for subject, paths in zip((source, target), files, strict=True):
                # A whole block: what a picture is must not depend on where the run stopped.
                for path, image in zip(paths, subject.images_of(z, labels), strict=False):
                    save_png(image, path)
        progress("pairs", first + count, n)
    return folder


def _begin(folder: Path, source: Subject, target: Subject, seed: int) -> None:
    """Records what the pairs are, or checks that they are what was recorded."""
    record: dict[str, Any] = {
        "format": "tf-fewshot pairs",
        "seed": seed,
        **{
            key: {
                "name": subject.name,
                "fingerprint": subject.gan.fingerprint("generator"),
                "truncation": subject.truncation,
                "label": subject.label,
            }
            for key, subject in (("source", source), ("target", target))
        },
    }
    path = folder / RECORD
    if path.exists():
        try:
            before = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is damaged: choose another folder.") from error
        if before != record:
            changed = [key for key in record if before.get(key) != record[key]]
            raise UserError(
                f"{folder} holds other pairs ({', '.join(changed)} differ): choose another folder."
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty and holds no pairs: choose another folder.")
    with readable_os_errors(folder):
        write_json(path, record)


def read_pair(folder: str | os.PathLike, names: tuple[str, str], number: int) -> np.ndarray:
    """Reads one pair, uint8 ``[2, H, W, 3]``.

    Args:
        folder: What :func:`write_pairs` wrote.
        names: The names of the two generators.
        number: Of the pair.
    """
    images = []
    for name in names:
        with Image.open(Path(folder) / SPLIT / name / f"{number:07d}.png") as image:
            images.append(np.asarray(image.convert("RGB")))
    return np.stack(images)
