"""The user's pictures, from wherever they are."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import itertools
import os
from collections.abc import Generator

import numpy as np
from PIL import Image

from ..errors import UserError, unknown_name
from . import sources
from .decode import BadPictureError, decode_unnoted, noted_warnings
from .pictures import Pictures
from .resize import ImageSize, image_size
from .sources.classes import counted
from .sources.entries import Entry
from .traits import describe


def load_pictures(
    path: str | os.PathLike,
    size: ImageSize,
    limit: int | None = None,
    min_count: int = 1,
    shuffle_seed: int | None = None,
    on_error: str = "raise",
    channels: int = 3,
) -> Pictures:
    """Loads pictures, centre-cropped and resized to one size.

    Args:
        path: A folder (with its sub-folders, linked ones, too, which are classes if every picture
            is in one of them, and no ``dataset.json`` of NVIDIA's dataset tool tells labels), a
            .zip of the same, one picture, a TFRecord of
            ``tf.train.Example`` (``image/encoded``, optionally ``image/class/label``), an
            .npz (``images``, optionally ``labels`` and ``latents``) or .npy of uint8
            ``[N, H, W, 3]``, or ``tfds:NAME[:SPLIT]``. Folders and archives are read in the
            order of their names; hidden files are left out.
        size: Side in pixels, or (height, width).
        limit: At most so many pictures; None takes all.
        min_count: At least so many must be there.
        shuffle_seed: Draws the order, and so which pictures ``limit`` keeps; None keeps
            the order of the source.
        on_error: "raise" stops at the first picture that cannot be used; "skip" leaves
            such pictures out and says so in the notes.
        channels: 3 makes all of them RGB, on white where they are transparent; 1 makes them grey,
            4 RGB with opacity.

    Returns:
        The pictures; ``notes`` says what was converted, cropped, skipped or ignored, and which
        classes there are, with their names and counts.

    Raises:
        UserError: if the place or a picture cannot be used, or there are too few.
    """
    if on_error not in ("raise", "skip"):
        raise unknown_name("on_error", on_error, ("raise", "skip"))
    if limit is not None and limit < 1:
        raise UserError(f"The limit of pictures must be at least 1, not {limit}.")
    height, width = image_size(size)
    place, in_order = os.fspath(path), shuffle_seed is None and on_error == "raise"
    wanted = "the pictures"
    try:
        with sources.open_source(path, limit if in_order else None) as source:
            entries, notes = source.entries, list(source.notes)
            if not entries:
                ignored = f" ({'; '.join(notes)})" if notes else ""
                raise UserError(f"There are no pictures in {place}{ignored}.")
            if shuffle_seed is not None:
                order = np.random.default_rng(shuffle_seed).permutation(len(entries))
                entries = [entries[i] for i in order]
            count = len(entries) if limit is None else min(limit, len(entries))
            size_of_all = channels * count * height * width
            wanted = f"{count:,} pictures of {width}×{height} ({size_of_all:,} bytes)"
            images = np.empty((count, height, width, channels), np.uint8)
            kept, more_notes = _decode_into(images, entries, place, on_error == "skip")
    # Of the array, of a file that is read whole, or of one huge picture.
    except MemoryError as error:
        raise UserError(
            f"The memory does not hold {wanted} of {place}: give fewer or smaller ones."
        ) from error
    notes += more_notes
    _check_count(len(kept), min_count, place, limit, notes)
    labels = [entry.label for entry in kept]
    if any(label is None for label in labels):
        if any(label is not None for label in labels):
            notes.append("some pictures have no label, so that all labels were left out")
        labels = None
    else:
        labels = np.asarray(labels, np.int32)
        notes.append(counted(labels, source.class_names, source.classes_by))
    latents = [entry.latent for entry in kept if entry.latent is not None]
    return Pictures(
        images=images[: len(kept)],
        latents=np.stack(latents) if latents else None,
        choices=source.choices,
        labels=labels,
        names=[entry.name for entry in kept],
        source=place,
        notes=notes,
    )


def _decode_into(
    images: np.ndarray, entries: list[Entry], path: str, skip: bool
) -> tuple[list[Entry], list[str]]:
    """Fills ``images`` from the first entries that can be used; returns those, and notes."""
    traits: collections.Counter[str] = collections.Counter()
    kept: list[Entry] = []
    skipped, warned = [], []
    with contextlib.closing(_decoded(entries, images.shape[1:3], images.shape[3])) as decoded:
        for entry, done in decoded:
            if isinstance(done, BadPictureError):
                if not skip:
                    raise UserError(
                        f"{entry.name} in {path} cannot be used: {done}. "
                        "Mend or remove it, or skip such pictures with on_error='skip'."
                    ) from done
                skipped.append(f"{entry.name} was skipped: {done}")
                continue
            images[len(kept)], its_traits, warnings = done
            kept.append(entry)
            traits.update(its_traits)
            warned += [f"{entry.name}: {warning}" for warning in warnings]
            if len(kept) == len(images):
                break
    return kept, [describe(trait, n) for trait, n in sorted(traits.items())] + skipped + warned


_Decoded = tuple[np.ndarray, set[str], list[str]]


def _decoded(
    entries: list[Entry], size: tuple[int, int], channels: int
) -> Generator[tuple[Entry, _Decoded | BadPictureError], None, None]:
    """Decodes pictures on all processors, in their order, and a few ahead of what is asked for."""
    # Pillow registers its formats when they are first needed, which threads would do at once.
    Image.init()
    workers = os.cpu_count() or 1
    with noted_warnings() as noted:

        def one(entry: Entry) -> _Decoded | BadPictureError:
            try:
                return (*decode_unnoted(entry.open, size, channels), noted())
            except BadPictureError as error:
                noted()
                return error

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            rest = iter(entries)
            ahead = collections.deque(
                (entry, pool.submit(one, entry)) for entry in itertools.islice(rest, 4 * workers)
            )
            try:
                while ahead:
                    entry, future = ahead.popleft()
                    ahead.extend((e, pool.submit(one, e)) for e in itertools.islice(rest, 1))
                    yield entry, future.result()
            finally:
                for _, future in ahead:
                    future.cancel()


def _check_count(usable: int, needed: int, path: str, limit: int | None, notes: list[str]) -> None:
    if usable >= max(needed, 1):
        return
    there = f"{usable} usable picture{'' if usable == 1 else 's'}"
    limited = f" (limited to {limit})" if limit is not None and limit < needed else ""
    message = f"{path} has {there}{limited}, but at least {max(needed, 1)} must be there"
    raise UserError("; ".join([f"{message}: add some", *notes[:3]]) + ".")
