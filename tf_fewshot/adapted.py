"""A generator that has been adapted: what one does with it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import methods, weights
from .backbones import GAN
from .backbones.sampling import images_of, sample_images
from .data.load import load_pictures
from .data.pictures import Pictures
from .errors import UserError
from .export import Adapter, Exported, export
from .export.card import Card, Part
from .export.loading import adapter_lines
from .export.origin import public_name
from .metrics.evaluate import evaluate
from .study import write_study
from .training.run_folder import RunFolder

ADAPTER_FILE = "adapter.npz"
_log = logging.getLogger(__name__)


class Adapted:
    """An adapted generator with the adapter that makes it.

    Attributes:
        gan: The GAN, in float32; its ``generator`` is a ``keras.Model``.
        adapter: What differs from the source.
        run: The folder of the run that made it, if that is known.
    """

    def __init__(self, gan: GAN, adapter: Adapter, run: Path | None = None):
        self.gan, self.adapter, self.run = gan, adapter, run

    @property
    def truncation(self) -> float | None:
        """What samples are drawn with unless asked otherwise."""
        return self.adapter.sampling.get("truncation")

    def sample(
        self, n: int, seed: int = 0, truncation: float | None = None, label: int | None = None
    ) -> np.ndarray:
        """Draws uint8 pictures ``[n, H, W, 3]``; the same seed gives the same ones.

        ``truncation`` None takes the method's own; 1 or more truncates nothing where
        the backbone truncates by a factor. ``label`` is a class, where there are any; None
        draws one for each picture.
        """
        truncation = self.truncation if truncation is None else truncation
        return sample_images(self.gan, n, seed, truncation, label=label)

    def images_of(self, z: np.ndarray, truncation: float | None = None) -> np.ndarray:
        """Draws the uint8 pictures ``[N, H, W, 3]`` of latents ``[N, latent_dim]``."""
        truncation = self.truncation if truncation is None else truncation
        return images_of(self.gan, z, truncation)

    def interpolate(self, n: int, seed: int = 0, truncation: float | None = None) -> np.ndarray:
        """Draws uint8 ``[n, H, W, 3]`` on a straight line between two latents, of one class."""
        truncation = self.truncation if truncation is None else truncation
        ends = self.gan.sample_latents(2, seed, truncation)
        t = np.linspace(0.0, 1.0, n, dtype=np.float32)[:, None]
        labels = np.zeros(n, np.int32) if self.gan.num_classes else None
        z = (1.0 - t) * ends[:1] + t * ends[1:]
        # As pictures of one latent: what becomes of finished pictures must not jump on the way.
        first = np.repeat(ends[:1], n, axis=0)
        return images_of(self.gan, z, truncation, labels=labels, finished_as=first)

    def save(self, path: str | os.PathLike, half: bool = False) -> Path:
        """Writes the adapter file; ``half`` stores float16."""
        self.adapter.save(path, half=half)
        return Path(path)

    def export(
        self,
        directory: str | os.PathLike,
        version: int | None = None,
        format: str = "savedmodel",
    ) -> Path:
        """Writes the generator for other places, checked; see :func:`tf_fewshot.export.export`.

        ``format`` is "savedmodel" for TF-Serving, which returns ``directory/<version>``, or
        "onnx", "litert" or "keras", which return the path of the file in ``directory``.
        """
        return self.exported(directory, version, format).path

    def exported(
        self,
        directory: str | os.PathLike,
        version: int | None = None,
        format: str = "savedmodel",
    ) -> Exported:
        """Does what :meth:`export` does, and also says what the file takes and gives."""
        return export(
            self.gan,
            directory,
            format,
            adapter=self.adapter,
            version=version,
            records=self._records(),
        )

    def write_card(
        self, folder: str | os.PathLike, title: str, pictures: np.ndarray | None = None
    ) -> bool:
        """Writes the model card of an adapter into the folder that holds ``adapter.npz``.

        Args:
            folder: The folder, which gets ``README.md`` and ``samples.png``.
            title: Of the card.
            pictures: Samples to show, uint8 ``[N, H, W, 3]``; None draws some.

        Returns:
            Whether it was written: not over a card that was edited.
        """
        source = self.adapter.source
        lines = adapter_lines(ADAPTER_FILE, public_name(source), source in weights.PRESETS)
        card = Card(self.gan, self.adapter, self._records(), pictures)
        return card.write(folder, title, [Part("Adapter, with its source", lines)])

    def _records(self) -> list[dict[str, Any]]:
        """What was measured of it in its run."""
        return RunFolder(self.run).metrics() if self.run else []

    def evaluate(
        self,
        reference: str | os.PathLike | Pictures,
        metrics: Sequence[str] = ("fid", "kid"),
        n: int = 2000,
        seed: int = 0,
        training: Pictures | str | os.PathLike | None = None,
        truncation: float | None = None,
        label: int | None = None,
        **options: Any,
    ) -> list[dict[str, Any]]:
        """Measures samples against real pictures; see :func:`tf_fewshot.metrics.evaluate`.

        With ``label`` it measures samples of one class, against real pictures of that class where
        these have classes. ``on_error``, one of the options, is "raise" or "skip" for pictures
        that cannot be read. What was done to pictures on the way is logged as warnings.
        """
        shown = self.truncation if truncation is None else truncation

        def draw(count: int, of_seed: int) -> np.ndarray:
            return self.sample(count, of_seed, shown, label)

        through = methods.trained_through(self.adapter.method, self.adapter.settings)
        options = {"trained_through": through, **options}
        size = self.gan.image_shape[:2]
        return _evaluated(draw, size, reference, metrics, n, seed, training, shown, label, options)

    def study(
        self,
        reference: str | os.PathLike | Pictures,
        path: str | os.PathLike,
        rounds: int = 10,
        seed: int = 0,
        truncation: float | None = None,
        label: int | None = None,
        on_error: str = "raise",
    ) -> Path:
        """Writes the page of a user study; see :func:`tf_fewshot.study.write_study`.

        ``truncation`` and ``label`` are those of :meth:`sample`; ``on_error`` is "raise" or
        "skip" for real pictures that cannot be read.
        """

        def draw(count: int, of_seed: int) -> np.ndarray:
            return self.sample(count, of_seed, truncation, label)

        return write_study(draw, reference, path, rounds, seed, on_error)


def study_source(
    source: GAN | str | os.PathLike,
    reference: str | os.PathLike | Pictures,
    path: str | os.PathLike,
    rounds: int = 10,
    seed: int = 0,
    truncation: float | None = None,
    label: int | None = None,
    on_error: str = "raise",
) -> Path:
    """Writes a user study of a generator that was not adapted; as :meth:`Adapted.study`."""
    gan = source if isinstance(source, GAN) else weights.load(source)

    def draw(count: int, of_seed: int) -> np.ndarray:
        return sample_images(gan, count, of_seed, truncation, label=label)

    return write_study(draw, reference, path, rounds, seed, on_error)


def evaluate_source(
    source: GAN | str | os.PathLike,
    reference: str | os.PathLike | Pictures,
    metrics: Sequence[str] = ("fid", "kid"),
    n: int = 2000,
    seed: int = 0,
    training: Pictures | str | os.PathLike | None = None,
    truncation: float | None = None,
    label: int | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Measures a generator that was not adapted; as :meth:`Adapted.evaluate`."""
    gan = source if isinstance(source, GAN) else weights.load(source)

    def draw(count: int, of_seed: int) -> np.ndarray:
        return sample_images(gan, count, of_seed, truncation, label=label)

    size = gan.image_shape[:2]
    return _evaluated(draw, size, reference, metrics, n, seed, training, truncation, label, options)


def _evaluated(
    draw: Callable[[int, int], np.ndarray],
    size: tuple[int, int],
    reference,
    metrics,
    n,
    seed,
    training,
    truncation,
    label,
    options,
):
    on_error = options.pop("on_error", "raise")
    reference = _loaded(reference, size, on_error)
    of_class = {} if label is None else {"label": label}
    if label is not None and reference.labels is not None:
        chosen = np.flatnonzero(reference.labels == label)
        if not len(chosen):
            raise UserError(f"{reference.source} has no pictures of class {label}.")
        reference = reference.select(chosen)
    if training is not None:
        training = _loaded(training, size, on_error)

    records = evaluate(draw, reference, metrics, n, seed, training, **options)
    return [{**record, "truncation": truncation, **of_class} for record in records]


def _loaded(place: Pictures | str | os.PathLike, size: tuple[int, int], on_error: str) -> Pictures:
    """Returns pictures, and tells what was done to those that are loaded."""
    if isinstance(place, Pictures):
        return place
    pictures = load_pictures(place, size, on_error=on_error)
    for note in pictures.notes:
        _log.warning("%s: %s", place, note)
    return pictures


def load_adapter(path: str | os.PathLike, source: GAN | str | os.PathLike | None = None) -> Adapted:
    """Loads an adapter file, or the adapter folder of a run, onto its source.

    Args:
        path: The file, or a folder that holds ``adapter.npz``.
        source: The GAN that it was made for, or where it is; None loads the one that
            the adapter names.

    Raises:
        UserError: if the file cannot be read or belongs to another source.
    """
    file = adapter_file(path)
    adapter = Adapter.load(file)
    name = adapter.source
    if source is None:
        source = adapter.source
    if not isinstance(source, GAN):
        name = str(source)
        source = weights.load(source)
    run = RunFolder(file.absolute().parent.parent)
    made_here = run.adapter == file.absolute().parent and run.config_path.exists()
    return Adapted(adapter.apply(source, name), adapter, run.path if made_here else None)


def adapter_file(path: str | os.PathLike) -> Path:
    """Returns the adapter file that a path names: itself, or that of a run or adapter folder."""
    path = Path(path)
    for inside in (path / ADAPTER_FILE, path / "adapter" / ADAPTER_FILE):
        if inside.exists():
            return inside
    return path


def named_adapter(text: str) -> tuple[str, Path]:
    """Returns the name and the path that ``[NAME=]PATH`` says; the run folder's name without."""
    name, equals, place = text.partition("=")
    path = Path(place if equals else text).expanduser()
    return name if equals else folder_of_run(path).name.removesuffix(".npz") or text, path


def folder_of_run(path: str | os.PathLike) -> Path:
    """Returns the run folder whose adapter, or folder of it, a path names; or the path itself."""
    folder = Path(path).expanduser()
    while folder.name in (ADAPTER_FILE, "adapter"):
        folder = folder.parent
    return folder
