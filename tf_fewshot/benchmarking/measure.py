"""Everything that a benchmark measures of sources and architectures, in one go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import methods, weights
from ..backbones import GAN, build
from ..choosing import AUTO
from ..errors import UserError, unknown_name
from ..training.precision import POLICIES
from .analyses import measure_analyses
from .banks import measure_bank
from .loading import measure_loading
from .sampling import measure_sampling
from .served import measure_serving
from .starting import measure_start
from .steps import measure_step
from .timing import WIDTHS

USUAL = ("loading", "sampling", "steps")
KINDS = (*USUAL, "start", "analyses", "bank", "serving")
# Of a start: with a method that is named, and with one that the pictures decide.
_STARTS = ("transfergan", AUTO)


@dataclasses.dataclass(frozen=True)
class Measurements:
    """What is measured, and how.

    Attributes:
        kinds: Which of :data:`KINDS` are measured of a source; of an architecture it is always
            sampling alone. Analyses and serving take minutes, and are left out unless they are
            named.
        methods: The methods whose step is timed; None is all.
        precisions: The precisions of sampling and of steps, names in ``POLICIES``.
        batch_size: Pictures in a step, and in a batch of samples.
        repeats: Timings of each, of which the best counts.
        widths: Widths of the matrices whose fastest product is the machine's peak.

    Raises:
        UserError: for a kind, method or precision that there is not.
    """

    kinds: Sequence[str] = USUAL
    methods: Sequence[str] | None = None
    precisions: Sequence[str] = ("float32", "bfloat16")
    batch_size: int = 16
    repeats: int = 5
    widths: Sequence[int] = WIDTHS

    def __post_init__(self) -> None:
        for what, names, known in (
            ("measurement", self.kinds, KINDS),
            ("precision", self.precisions, POLICIES),
            ("method", self.methods or (), methods.names()),
        ):
            for name in names:
                if name not in known:
                    raise unknown_name(what, name, known)


def benchmark(
    sources: Sequence[str],
    architectures: Sequence[str],
    measurements: Measurements,
    say: Callable[[str], None] = print,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures sources and architectures one after the other.

    Args:
        sources: Names of presets, or paths.
        architectures: Full-size networks to sample from, with new weights, such as "biggan-256".
        measurements: What is measured.
        say: Told each result in words, as soon as it is there.

    Yields:
        The name, and a record of JSON values: "loading", "start" by method, "bank", "serving",
        "analyses" by name, and for each precision "sampling" and "steps", the latter by method.
        Their fields are those of :class:`~.loading.Loading`, :class:`~.starting.Start`,
        :class:`~.banks.BankCost`, :class:`~.served.Served`, :class:`~.analyses.AnalysisTime`,
        :class:`~.sampling.Sampling` and :class:`~.steps.StepTime`.

    Raises:
        UserError: if a source cannot be loaded, or there is no such architecture.
    """
    for name in sources:
        gan = weights.load(name)
        say(name)
        yield name, _measure_source(name, gan, measurements, say)
    for name in architectures:
        gan = untrained(name)
        say(name)
        kinds = dataclasses.replace(measurements, kinds=("sampling",))
        yield name, _measure_precisions(gan, kinds, say)


def untrained(name: str) -> GAN:
    """Builds a GAN with new weights by a name such as "stylegan2-256".

    Raises:
        UserError: if there is no such architecture, or not of that resolution.
    """
    architecture, _, resolution = name.rpartition("-")
    if not architecture or not resolution.isdecimal():
        raise UserError(f"{name!r} is no architecture with a resolution, such as biggan-256.")
    return build(architecture.replace("-", "_"), resolution=int(resolution))


def _measure_source(
    name: str, gan: GAN, measurements: Measurements, say: Callable[[str], None]
) -> dict[str, Any]:
    record: dict[str, Any] = {}
    if "loading" in measurements.kinds:
        loading = measure_loading(name, measurements.repeats)
        say(f"  {loading}")
        record["loading"] = loading.record()
    if "start" in measurements.kinds:
        record["start"] = {}
        for method in _STARTS:
            for again in (False, True):
                size, repeats = measurements.batch_size, measurements.repeats
                start = measure_start(name, method, size, again, repeats)
                which = "again" if again else "first"
                say(f"  {method}, {which}: {start}")
                record["start"].setdefault(method, {})[which] = start.record()
    if "bank" in measurements.kinds:
        bank = measure_bank(gan, measurements.batch_size, measurements.repeats)
        say(f"  {bank}")
        record["bank"] = bank.record()
    if "analyses" in measurements.kinds:
        record["analyses"] = {}
        for analysis, taken in measure_analyses(gan, measurements.repeats):
            say(f"  {analysis} {taken}")
            record["analyses"][analysis] = taken.record()
    if "serving" in measurements.kinds:
        served = measure_serving(gan, measurements.batch_size, measurements.repeats)
        say(f"  {served}")
        record["serving"] = served.record()
    return record | _measure_precisions(gan, measurements, say)


def _measure_precisions(
    gan: GAN, measurements: Measurements, say: Callable[[str], None]
) -> dict[str, Any]:
    size, repeats, widths = measurements.batch_size, measurements.repeats, measurements.widths
    record: dict[str, Any] = {}
    for precision in measurements.precisions:
        part = record[precision] = {}
        if "sampling" in measurements.kinds:
            converted = gan.with_precision(POLICIES[precision])
            sampling = measure_sampling(converted, precision, size, repeats, widths)
            say(f"  {precision}: {sampling}")
            part["sampling"] = sampling.record()
        if "steps" in measurements.kinds:
            part["steps"] = _measure_steps(gan, precision, measurements, say)
    return record


def _measure_steps(
    gan: GAN, precision: str, measurements: Measurements, say: Callable[[str], None]
) -> dict[str, Any]:
    batch_size, repeats = measurements.batch_size, measurements.repeats
    record: dict[str, Any] = {}
    for name in methods.names() if measurements.methods is None else measurements.methods:
        try:
            dtype, widths = POLICIES[precision], measurements.widths
            step = measure_step(name, gan, dtype, batch_size, repeats, widths)
        except UserError as error:
            say(f"  {precision}: {name} cannot be run: {error}")
            continue
        say(f"  {precision}: {name} {step}")
        record[name] = step.record()
    return record
