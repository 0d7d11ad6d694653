"""The generators that are looked into: a source, and what it was adapted to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import weights
from ..adapted import load_adapter
from ..backbones import GAN
from ..backbones.sampling import images_of, sample_images
from ..errors import UserError
from ..export import Adapter


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A generator by a name for people.

    Attributes:
        name: What pictures and tables call it.
        gan: The GAN, in float32.
        truncation: What its samples are drawn with; None truncates nothing.
        label: The class that is drawn, where there are classes; None draws all.
        method: The method that adapted it; None for a source.
    """

    name: str
    gan: GAN
    truncation: float | None = None
    label: int | None = None
    method: str | None = None

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws uint8 pictures ``[n, H, W, 3]``; the same seed gives the same ones."""
        return sample_images(self.gan, n, seed, self.truncation, label=self.label)

    def labels(self, n: int) -> np.ndarray | None:
        """Classes int32 ``[n]`` of n pictures: the one, or all in turn; None without classes."""
        if not self.gan.num_classes:
            return None
        if self.label is None:
            return np.arange(n, dtype=np.int32) % self.gan.num_classes
        return np.full(n, self.label, np.int32)

    def of_class(self, label: int) -> Subject:
        """Returns this generator, drawing one class.

        Raises:
            UserError: if there is no such class.
        """
        return _checked(dataclasses.replace(self, label=label))

    def latents(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws float32 ``z`` ``[n, latent_dim]`` as samples have them."""
        return self.gan.sample_latents(n, seed, self.truncation)

    def images_of(
        self, z: np.ndarray, labels: np.ndarray | None = None, finished_as: np.ndarray | None = None
    ) -> np.ndarray:
        """Draws the uint8 pictures ``[N, H, W, 3]`` of latents ``[N, latent_dim]``.

        Args:
            z: The latents.
            labels: Their classes; None takes those of :meth:`labels`.
            finished_as: See :func:`tf_fewshot.backbones.sampling.images_of`.
        """
        chosen = self.labels(len(z)) if labels is None else labels
        return images_of(self.gan, z, self.truncation, labels=chosen, finished_as=finished_as)


def load_subjects(
    source: GAN | str | os.PathLike | None = None,
    adapters: Sequence[str | os.PathLike] = (),
    truncation: float | None = None,
    label: int | None = None,
) -> tuple[Subject, list[Subject]]:
    """Loads a source, and adapters of it.

    Args:
        source: A GAN, a preset or a path; None loads the one that the first adapter names.
        adapters: ``[NAME=]PATH`` of adapter files, or of folders that hold one. Without a name
            it is that of the run folder.
        truncation: Of all; None takes what each adapter says.
        label: The class that is drawn, where there are classes.

    Returns:
        The source, and what it was adapted to in the order of ``adapters``.

    Raises:
        UserError: if there is neither, one cannot be read, is of another source, or has the name
            of another; or there is no such class.
    """
    named = [_named(str(adapter)) for adapter in adapters]
    for name, path in named:
        if [n for n, _ in named].count(name) > 1:
            raise UserError(f"Two adapters are called {name!r}: name one, as in NAME={path}.")
    if source is None:
        if not named:
            raise UserError("Give a source, or the adapter of an adapted generator.")
        source = _source_of(named[0][1])
    gan = source if isinstance(source, GAN) else weights.load(source)
    name = source.architecture if isinstance(source, GAN) else Path(str(source)).name
    if isinstance(source, GAN):
        name = str(source.source_metadata.get("name", name))
    first = _checked(Subject(name, gan, truncation, label))
    others = []
    for name, path in named:
        adapted = load_adapter(path, gan)
        shown = adapted.truncation if truncation is None else truncation
        kept = label if adapted.gan.num_classes else None
        others.append(_checked(Subject(name, adapted.gan, shown, kept, adapted.adapter.method)))
    return first, others


def _checked(subject: Subject) -> Subject:
    classes = subject.gan.num_classes
    if subject.label is not None and not 0 <= subject.label < classes:
        has = f"classes 0 to {classes - 1}" if classes else "no classes"
        raise UserError(f"There is no class {subject.label}: {subject.name} has {has}.")
    return subject


def _named(text: str) -> tuple[str, Path]:
    name, equals, place = text.partition("=")
    path = Path(place if equals else text).expanduser()
    if equals:
        return name, path
    parts = [part for part in path.parts if part not in ("adapter", "adapter.npz")]
    return Path(parts[-1]).stem if parts else str(path), path


def _source_of(path: Path) -> str:
    for place in (path / "adapter.npz", path / "adapter" / "adapter.npz"):
        if place.exists():
            path = place
            break
    return Adapter.load(path).source
