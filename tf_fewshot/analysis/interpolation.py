"""On the way between latents: of samples, and of fitted pictures."""

from __future__ import annotations

import itertools
import os

import numpy as np

from ..adapted import folder_of_run
from ..archives import DamagedArraysError, read_arrays
from ..backbones.extensions import PartsOfLatents
from ..errors import UserError
from ..layers import LatentMap
from .free import images_of_free, projectable
from .progress import Progress, quiet
from .subjects import Subject


def between(start: np.ndarray, end: np.ndarray, frames: int, spherical: bool) -> np.ndarray:
    """Gives latents on the way between two; the first and the last are these, to the bit.

    Args:
        start, end: float32 ``[D]``.
        frames: Number of latents, 2 or more.
        spherical: Along the great circle (Shoemake, 1985), which keeps the length that latents
            of N(0, 1) have (White, "Sampling Generative Networks", 2016); else straight.

    Returns:
        float32 ``[frames, D]``.

    Raises:
        UserError: for fewer than two frames.
    """
    if frames < 2:
        raise UserError(f"The way between two has 2 frames or more, not {frames}.")
    t = np.linspace(0.0, 1.0, frames)[:, None]
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    first, last = 1.0 - t, t
    if spherical:
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        angle = np.arccos(np.clip(a @ b / lengths, -1.0, 1.0)) if lengths else 0.0
        if np.sin(angle) > 1e-6:
            first, last = (np.sin((1 - t) * angle), np.sin(t * angle)) / np.sin(angle)
    way = (first * a + last * b).astype(np.float32)
    way[0], way[-1] = start, end
    return way


def interpolated(
    subject: Subject, ends: int = 5, frames: int = 8, seed: int = 0, progress: Progress = quiet
) -> np.ndarray:
    """Draws pictures on the way from each of several samples to the next.

    Args:
        subject: The generator. Of a conditional one all pictures are of one class, the first
            unless the subject has another.
        ends: Number of samples, 2 or more.
        frames: Pictures from one to the next, both with them.
        seed: Of the samples' latents.
        progress: Told how far the work is.

    Returns:
        uint8 ``[ends - 1, frames, H, W, 3]``.
    """
    if ends < 2:
        raise UserError(f"A way leads between 2 samples or more, not {ends}.")
    subject = subject.of_one_class()
    z = subject.latents(ends, seed)
    ways = []
    for number, (start, end) in enumerate(itertools.pairwise(z)):
        way = between(start, end, frames, spherical=True)
        ways.append(subject.images_of(way, finished_as=_repeated(start, frames)))
        progress("interpolation", (number + 1) * frames, (ends - 1) * frames)
    return np.stack(ways)


def between_fitted(
    subject: Subject, fitted: np.ndarray, frames: int = 8, progress: Progress = quiet
) -> np.ndarray:
    """Draws pictures on the straight way from each fitted latent to the next, in the free space.

    Args:
        subject: What they were fitted in. Its class is that of :func:`interpolated`.
        fitted: Free latents, float32 ``[N, free_latent_dim]``, N of 2 or more, as
            :func:`fitted_latents` or :func:`~tf_fewshot.analysis.project` gives them.
        frames: Pictures from one to the next, both with them.
        progress: Told how far the work is.

    Returns:
        uint8 ``[N - 1, frames, H, W, 3]``.

    Raises:
        UserError: if there are fewer than two latents.
    """
    if len(fitted) < 2:
        raise UserError(f"A way leads between 2 pictures or more, not {len(fitted)}.")
    # Not through a Gaussian of latents, outside of which a picture may have been projected.
    gan, labels = projectable(subject.gan), subject.of_one_class().labels(frames)
    ways = []
    for number, (start, end) in enumerate(itertools.pairwise(fitted)):
        way = between(start, end, frames, spherical=False)
        ways.append(images_of_free(gan, way, labels, _repeated(start, frames)))
        progress("interpolation", (number + 1) * frames, (len(fitted) - 1) * frames)
    return np.stack(ways)


def _repeated(start: np.ndarray, frames: int) -> np.ndarray:
    """What finished pictures of a way are told apart by: nothing, so that none of them jumps."""
    return np.repeat(start[None], frames, axis=0)


def fitted_latents(run: str | os.PathLike, subject: Subject, source: Subject) -> np.ndarray:
    """Reads the latents that a run fitted to its training pictures.

    Args:
        run: The run folder, of a method that fits one to each picture.
        subject: What the run adapted; its free space is made the one of the run.
        source: What it began from.

    Returns:
        Free latents, float32 ``[N, free_latent_dim]``, in the order of the pictures.

    Raises:
        UserError: if the run keeps no such latents.
    """
    gan = subject.gan
    folder = folder_of_run(run)
    files = sorted((folder / "checkpoints").glob("step*.npz"))
    none = UserError(
        f"{folder} keeps no latents of its pictures: it is no run folder of a method that fits one "
        "to each, such as update_all or bsa. Project the pictures instead."
    )
    if not files:
        raise none
    try:
        kept = read_arrays(
            files[-1], lambda names: [name for name in names if name.startswith("latents/")]
        )
    except DamagedArraysError as error:
        raise UserError(f"{files[-1]} cannot be read ({error}).") from error
    arrays = [kept[name] for i in range(len(kept)) if (name := f"latents/{i}") in kept]
    layers = gan.free_latent_layers
    dim = gan.free_latent_dim // layers
    # The table; with layers, the kernel and bias of the map that all pictures share; the seeds.
    shapes = [(dim, layers * dim), (layers * dim,)] if layers > 1 else []
    fits = len(arrays) == len(shapes) + 2 and arrays[0].ndim == 2 and arrays[0].shape[1] == dim
    if not fits or [a.shape for a in arrays[1:-1]] != shapes:
        raise none
    gan.share_free_space(source.gan.with_one_class())
    table = arrays[0].astype(np.float32)
    of_parts = gan.extension(PartsOfLatents.name)
    if isinstance(of_parts, PartsOfLatents):
        # A picture's latent is the sum of those of its parts.
        table = table.reshape(of_parts.parts, -1, dim).sum(0)
    if layers == 1:
        return table
    carry = LatentMap(layers)
    carry.build((None, dim))
    carry.kernel.assign(arrays[1])
    carry.bias.assign(arrays[2])
    return np.asarray(carry(table))
