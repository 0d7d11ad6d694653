"""Seconds of every analysis of a source, against the passes through networks that it must do."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import analysis
from ..analysis import pages
from ..backbones import GAN
from . import passes
from .scene import Amounts, Scene

_ENOUGH = 2.0  # seconds
_MOST = 5


@dataclasses.dataclass(frozen=True)
class Seconds:
    """How long something took.

    Attributes:
        wall: Seconds until it ended.
        processor: Seconds of processors of this process alone. Where other programs take their
            share of a machine, this is what tells: half of it is what two idle cores need at
            least.
    """

    wall: float
    processor: float

    def over(self, other: Seconds) -> Seconds:
        """How many times another one's it took."""
        return Seconds(self.wall / other.wall, self.processor / other.processor)


@dataclasses.dataclass(frozen=True)
class AnalysisTime:
    """How long an analysis takes.

    Attributes:
        whole: All that the command does once a source is loaded, feature networks, figures and
            files with it.
        arrays: The function that returns arrays, which draws and writes nothing.
        passes: The passes through networks that it must do, alone; None where it needs none.
    """

    whole: Seconds
    arrays: Seconds
    passes: Seconds | None

    @property
    def of_passes(self) -> Seconds | None:
        """The function by its passes."""
        return None if self.passes is None else self.arrays.over(self.passes)

    def record(self) -> dict[str, Any]:
        """The fields and their ratio as JSON values; those that there are not are left out."""
        parts = {**vars(self), "of_passes": self.of_passes}
        return {name: vars(part) for name, part in parts.items() if part is not None}

    def __str__(self) -> str:
        line = (
            f"{self.whole.wall:.1f} s with figures and files ({self.whole.processor:.1f} of "
            f"processors); arrays {self.arrays.wall:.2f} s"
        )
        ratio = self.of_passes
        if ratio is None:
            return f"{line}, no passes"
        return f"{line}, {ratio.wall:.2f} times its passes ({ratio.processor:.2f} of processors)"


@dataclasses.dataclass(frozen=True)
class Look:
    """One analysis.

    Attributes:
        arrays: What returns arrays.
        passes: What it must do; None if it passes through no network.
        written: All of it, into a folder.
    """

    arrays: Callable[[Scene], object]
    passes: Callable[[Scene], object] | None
    written: Callable[[Scene, Path], object]


def _statistics(scene: Scene) -> object:
    if scene.classes:
        return analysis.statistics_of_classes(scene.source.gan)
    return analysis.statistics_of_domains({"source": scene.source.gan, "same": scene.source.gan})


def _rates(scene: Scene) -> object:
    labels = scene.adapted.labels(scene.amounts.rates)
    return analysis.activation_rates(scene.adapted.gan, scene.amounts.rates, labels=labels)


def _morphed(scene: Scene) -> object:
    return analysis.morphed(*scene.domains, scene.amounts.ends - 1, scene.amounts.frames)


def _write_morphs(scene: Scene, out: Path) -> object:
    amounts = scene.amounts
    return pages.write_morphing(
        *scene.domains, out, samples=amounts.ends - 1, frames=amounts.frames
    )


def _projected(scene: Scene) -> object:
    amounts, pictures = scene.amounts, scene.noise[: scene.amounts.shown]
    return analysis.project(scene.source.gan, pictures, amounts.steps, amounts.begun)


def _write_projection(scene: Scene, out: Path) -> object:
    amounts, pictures = scene.amounts, scene.training
    return pages.write_projection(
        scene.source,
        [scene.adapted],
        pictures,
        out,
        limit=amounts.shown,
        steps=amounts.steps,
        samples=amounts.begun,
    )


def _swept(scene: Scene) -> object:
    amounts, source = scene.amounts, scene.source
    return analysis.truncation_sweep(
        source.gan, scene.training, samples=amounts.judged, labels=source.labels(amounts.judged)
    )


def _neighbours(scene: Scene) -> object:
    samples = scene.source.sample(scene.amounts.judged)
    return analysis.nearest_training(samples, scene.training.images, scene.unseen.images)


def _selected(scene: Scene) -> object:
    _, vectors, _ = analysis.styles_of(scene.folder())
    return analysis.select(vectors, scene.amounts.shown)


LOOKS = {
    "statistics": Look(
        _statistics,
        passes.of_statistics,
        lambda s, out: pages.write_statistics(s.source, [] if s.classes else [s.adapted], out),
    ),
    "activations": Look(
        _rates,
        passes.of_rates,
        lambda s, out: pages.write_activations(s.adapted, out, samples=s.amounts.rates),
    ),
    "change": Look(
        lambda s: analysis.change_rates(s.source.gan, s.adapted.gan),
        None,
        lambda s, out: pages.write_change(s.source, [s.adapted], out),
    ),
    "fisher": Look(
        lambda s: analysis.fisher_by_layer(s.source.gan, s.amounts.rates, cache=False),
        passes.of_fisher,
        lambda s, out: pages.write_fisher(s.source, out, samples=s.amounts.rates, cache=False),
    ),
    "drift": Look(
        lambda s: analysis.drifts_of_runs(s.runs()),
        None,
        lambda s, out: pages.write_drift(s.runs(), out),
    ),
    "interpolation": Look(
        lambda s: analysis.interpolated(s.source, s.amounts.ends, s.amounts.frames),
        passes.of_ways,
        lambda s, out: pages.write_interpolation(
            s.source, out, ends=s.amounts.ends, frames=s.amounts.frames
        ),
    ),
    "morphing": Look(_morphed, passes.of_morphs, _write_morphs),
    "correspondence": Look(
        lambda s: analysis.corresponding((s.source, s.adapted), s.amounts.shown),
        passes.of_correspondence,
        lambda s, out: pages.write_correspondence((s.source, s.adapted), out, n=s.amounts.shown),
    ),
    "projection": Look(_projected, passes.of_projection, _write_projection),
    "truncation": Look(
        _swept,
        passes.of_truncation,
        lambda s, out: pages.write_truncation(s.source, s.training, out, samples=s.amounts.judged),
    ),
    "neighbours": Look(
        _neighbours,
        passes.of_neighbours,
        lambda s, out: pages.write_neighbours(
            s.source, s.training, out, reference=s.unseen, samples=s.amounts.judged
        ),
    ),
    "pairs": Look(
        lambda s: analysis.write_pairs(s.source, s.adapted, _new(s.place), s.amounts.pairs),
        passes.of_pairs,
        lambda s, out: analysis.write_pairs(s.source, s.adapted, out, s.amounts.pairs),
    ),
    "select": Look(
        _selected,
        passes.of_selection,
        lambda s, out: pages.write_selection(s.folder(), out, s.amounts.shown),
    ),
}


def measure_analyses(
    source: GAN, repeats: int, amounts: Amounts | None = None
) -> Iterator[tuple[str, AnalysisTime]]:
    """Times every analysis of a source.

    Function and passes begin with copies of the generators that have drawn nothing yet, so that
    both trace what they draw with, as after loading. They take turns.

    Args:
        source: The source. It is adapted here, too: a copy with other scales and shifts.
        repeats: How often function and passes are timed; the shortest counts.
        amounts: How much is looked at; None is as much as the commands do.

    Yields:
        The name of each analysis, and its time.
    """
    with tempfile.TemporaryDirectory() as place:
        scene = Scene(source, Amounts() if amounts is None else amounts, Path(place))
        for name, look in LOOKS.items():
            yield name, _timed(look, scene, repeats, Path(place, "out", name))


def _timed(look: Look, scene: Scene, repeats: int, out: Path) -> AnalysisTime:
    whole = _seconds(lambda: look.written(scene, out), scene)
    arrays: list[Seconds] = []
    alone: list[Seconds] = []
    # What is short is repeated more often: anything else on the machine disturbs it more.
    while len(arrays) < repeats or (
        sum(part.wall for part in arrays) < _ENOUGH and len(arrays) < _MOST * repeats
    ):
        arrays.append(_seconds(lambda: look.arrays(scene), scene))
        if (must := look.passes) is not None:
            alone.append(_seconds(lambda: must(scene), scene))
    return AnalysisTime(whole, _least(arrays), _least(alone) if alone else None)


def _least(parts: list[Seconds]) -> Seconds:
    return Seconds(min(p.wall for p in parts), min(p.processor for p in parts))


def _seconds(call: Callable[[], object], scene: Scene) -> Seconds:
    """Times a call with new generators."""
    scene.renew()
    begun, busy = time.perf_counter(), time.process_time()
    call()
    return Seconds(time.perf_counter() - begun, time.process_time() - busy)


def _new(place: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=place))
