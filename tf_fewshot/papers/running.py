"""Runs the comparisons of an experiment, as far as they are not finished."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

from ..adapted import load_adapter
from ..comparison import compare
from ..data.avatars import draw_many
from ..data.grid import image_grid
from ..errors import UserError
from ..files import atomic_path
from .experiment import Experiment, Part
from .numbers import results_of

STRIP = 8  # pictures in a row of samples
_EVALUATION = 2000
_FIRST_EVALUATION = 1_000_000  # by this project's convention the first seed of unseen pictures
_SIDE = 64
_COLOURS = 128  # of a strip's file: it is small, and there are many


def run(
    experiments: Iterable[Experiment],
    folder: Path,
    say: Callable[[str], None],
    precision: str = "auto",
    n: int = 1000,
) -> None:
    """Trains and measures what is missing; the same call goes on where it was interrupted.

    Pictures are drawn once, into ``pictures/`` of the folder. Every part gets a folder of a
    comparison, and a row of samples of each trial of its first seed in ``strips/``.

    Args:
        experiments: What to run, in this order.
        folder: Of all comparisons.
        say: Told what is begun.
        precision: See :func:`tf_fewshot.comparison.compare`.
        n: How many samples are measured.

    Raises:
        UserError: if trials failed, after all others have been run, or pictures cannot be drawn.
    """
    failed = []
    for experiment in experiments:
        for part in experiment.parts:
            results = results_of(part, folder)
            missing = [
                trial for trial in part.trials() if results.missing(trial, experiment.metrics)
            ]
            if not missing:
                continue
            say(f"{experiment.paper}, {part.name}: {len(missing)} trials are missing.")
            most = max(part.pictures)
            outcome = compare(
                part.source,
                [f"{name}={_pictures(folder, name, most)}" for name in part.targets],
                part.methods,
                workdir=folder / part.name,
                shots=part.pictures,
                seeds=part.seeds,
                steps=part.steps,
                settings=part.settings,
                metrics=experiment.metrics,
                n=n,
                precision=precision,
                references=False,
            )
            failed += [f"{trial}: {why}" for trial, why in outcome.failures.items()]
            _keep_strips(part, folder)
    if failed:
        raise UserError(f"{len(failed)} trials failed. {failed[0]}")


def strip_of(part: Part, method: str, target: str, count: int) -> Path:
    """Returns where the row of samples of a trial is kept, below the folder of all parts."""
    return Path(part.name, "strips", f"{target}-{method}-{count}.png")


def _pictures(folder: Path, style: str, most: int) -> str:
    """Draws the pictures of a target, if they are not there, and returns their places."""
    training = folder / "pictures" / f"{style}-{most}.zip"
    evaluation = folder / "pictures" / f"{style}-eval.zip"
    for path, first, count in ((training, 0, most), (evaluation, _FIRST_EVALUATION, _EVALUATION)):
        if path.exists():
            continue
        with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
            for name, data in draw_many(style, first, count, _SIDE):
                archive.writestr(name, data)
    return f"{training}::{evaluation}"


def _keep_strips(part: Part, folder: Path) -> None:
    """Writes a row of samples of each trial whose run is there and whose row is not."""
    for trial in part.trials():
        place = folder / strip_of(part, trial.method, trial.target, trial.shots)
        adapter = folder / part.name / trial.folder / "adapter"
        if trial.seed != part.seeds[0] or place.exists() or not adapter.exists():
            continue
        images = load_adapter(adapter).sample(STRIP, trial.seed)
        grid = Image.fromarray(image_grid(images, STRIP)).quantize(_COLOURS)
        with atomic_path(place) as partial:
            grid.save(partial, format="PNG", optimize=True)
