"""The generators that are looked into: a source, and what it was adapted to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import weights
from ..adapted import Adapted, adapter_file, named_adapter
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
    """

    name: str
    gan: GAN
    truncation: float | None = None
    label: int | None = None

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

    def of_one_class(self) -> Subject:
        """Returns this generator, drawing its one class or else the first, if it has classes."""
        return self.of_class(self.label or 0) if self.gan.num_classes else self

    def latents(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws float32 ``z`` ``[n, latent_dim]`` as samples have them."""
        return self.gan.sample_latents(n, seed, self.truncation)

    def images_of(
        self, z: np.ndarray, labels: np.ndarray | None = None, finished_as: np.ndarray | None = None
    ) -> np.ndarray:
        """Draws the uint8 pictures ``[N, H, W, 3]`` of latents ``[N, latent_dim]``.

        Args:
            z: The latents.
            labels: Their classes; None takes those of :meth:`labels`. Without classes they are
                not looked at.
            finished_as: See :func:`tf_fewshot.backbones.sampling.images_of`.
        """
        chosen = labels if labels is not None and self.gan.num_classes else self.labels(len(z))
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
    named = [named_adapter(str(adapter)) for adapter in adapters]
    if source is None and not named:
        raise UserError("Give a source, or the adapter of an adapted generator.")
    read = [Adapter.load(adapter_file(path)) for _, path in named]
    wanted = read[0].source if source is None else source
    gan = wanted if isinstance(wanted, GAN) else weights.load(wanted)
    if isinstance(wanted, GAN):
        of_source = str(gan.source_metadata.get("name", gan.architecture))
    else:
        of_source = Path(wanted).name
    known = {of_source}
    for name, path in named:
        if name in known:
            raise UserError(
                f"Two generators are called {name!r}: name one adapter, as in NAME={path}."
            )
        known.add(name)
    first = _checked(Subject(of_source, gan, truncation, label))
    others = []
    for (name, _), adapter in zip(named, read, strict=True):
        adapted = Adapted(adapter.apply(gan, of_source), adapter)
        shown = adapted.truncation if truncation is None else truncation
        kept = label if adapted.gan.num_classes else None
        others.append(_checked(Subject(name, adapted.gan, shown, kept)))
    return first, others


def _checked(subject: Subject) -> Subject:
    classes = subject.gan.num_classes
    if subject.label is not None and not 0 <= subject.label < classes:
        has = f"classes 0 to {classes - 1}" if classes else "no classes"
        raise UserError(f"There is no class {subject.label}: {subject.name} has {has}.")
    return subject
