"""Looks inside generators, as the papers do: pictures, their data, and one page of all.

    tf-fewshot analyze WHAT [--flags]

WHAT is

    statistics      γ and β by layer in two dimensions, of classes or domains
    activations     how often each filter is active, against its γ and β
    change          how much the weights of each layer changed
    fisher          average Fisher information of each layer
    drift           how far the weights went while runs trained
    interpolation   what lies between samples, or between the fitted pictures of a run
    morphing        from a source to a domain, from domain to domain, or from class to class
    correspondence  the same latents through a source and its adapters
    projection      pictures in a generator, by their latents, and in other domains
    truncation      samples, precision and recall at several truncations
    neighbours      samples beside the nearest training pictures, and the share of copies

The folder --out gets a PNG and an SVG of each picture, its data as .csv or .npz, and the page
analysis.html, which later analyses into the same folder are added to. Adapters are
[NAME=]PATH of adapter files or run folders. Needs the analysis extra.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl import flags

from tf_fewshot.errors import UserError, unknown_name

from . import common
from .kinds import Kind
from .startup import load_tensorflow

_SOURCE = flags.DEFINE_string("source", None, "Preset or file; else that of the first adapter.")
_ADAPTERS = flags.DEFINE_list("adapters", [], "[NAME=]PATH of adapter files or run folders.")
_RUNS = flags.DEFINE_list("runs", [], "[NAME=]PATH of run folders (drift).")
_GROUPS = flags.DEFINE_multi_string(
    "group", [], "NAME=MEMBER,… colours classes or domains (statistics); may be repeated."
)
_EMBEDDING = flags.DEFINE_enum(
    "embedding", "auto", ["auto", "tsne", "pca"], "Two dimensions (statistics)."
)
_SAMPLES = flags.DEFINE_integer("samples", None, "Generated images.", lower_bound=2)
_REFERENCE = flags.DEFINE_string(
    "reference", None, "Real pictures that were not trained on (truncation, neighbours)."
)
_TRAINING = flags.DEFINE_string("training", None, "The training pictures (neighbours).")
_TRUNCATIONS = flags.DEFINE_list("truncations", None, "Numbers (truncation).")
_TRUNCATION = flags.DEFINE_float("truncation", None, "As in tf-fewshot sample.")
_LABEL = flags.DEFINE_integer("label", None, "Class, where there are classes; else any.")
_FITTED = flags.DEFINE_boolean(
    "fitted", False, "Between the latents that the run fitted to its pictures (interpolation)."
)
_PICTURES = flags.DEFINE_string(
    "pictures", None, "Real pictures to be projected (projection, interpolation)."
)
_SKIP = common.define_skip_bad()
_INTO = flags.DEFINE_string("into", None, "Adapter to project into; else the source (projection).")
_STEPS = flags.DEFINE_integer("steps", 100, "Of a projection.", lower_bound=1)
_LIMIT = flags.DEFINE_integer("limit", 10, "At most so many pictures are projected.", lower_bound=1)
_CLASSES = flags.DEFINE_list("classes", None, "FROM,TO: classes of the source (morphing).")
_FRAMES = flags.DEFINE_integer("frames", 16, "Pictures on each way.", lower_bound=2)
_FORMAT = flags.DEFINE_enum("format", "gif", ["gif", "webp", "mp4"], "Of moving pictures.")
_OUT = flags.DEFINE_string("out", "analysis", "The folder that is written to.")


def prepare(argv: list[str]) -> tuple[list[str], str | None]:
    """Returns the arguments without the name of the analysis, and that name."""
    if len(argv) < 2 or argv[1].startswith("-"):
        return argv, None
    if argv[1] not in ANALYSES:
        raise unknown_name("analysis", argv[1], ANALYSES)
    return [argv[0], *argv[2:]], argv[1]


def main(what: str | None) -> None:
    if what is None:
        known = ", ".join(ANALYSES)
        raise UserError(f"Say what to analyze: tf-fewshot analyze WHAT. Known: {known}.")
    chosen = ANALYSES[what]
    chosen.check(what, __name__)
    print(chosen.write())


def _subjects() -> tuple[Any, list[Any]]:
    load_tensorflow()
    from tf_fewshot.analysis import load_subjects

    return load_subjects(_SOURCE.value, _ADAPTERS.value, _TRUNCATION.value, _LABEL.value)


def _one() -> tuple[Any, Any]:
    """The source, and the one generator that is looked into: the adapted one, or the source."""
    if len(_ADAPTERS.value) > 1:
        raise UserError("This looks into one generator: give one of --adapters at a time.")
    source, domains = _subjects()
    return source, (domains or [source])[0]


def _read(place: str | None, subject: Any, limit: int | None = None) -> Any:
    """Pictures for a generator; where they are, unless some may be left out."""
    if not place or not _SKIP.value:
        return place
    from tf_fewshot.data.load import load_pictures

    *size, channels = subject.gan.image_shape
    on_error = common.on_error(_SKIP)
    return load_pictures(place, tuple(size), limit, on_error=on_error, channels=channels)


def _bars() -> Any:
    from tf_fewshot.analysis.progress import Bars

    return Bars()


def _statistics() -> Path:
    groups: dict[str, list[str]] = {}
    for text in _GROUPS.value:
        name, equals, members = text.partition("=")
        if not equals or not members:
            raise UserError(f"--group={text}: write NAME=MEMBER,MEMBER.")
        groups[name] = [*groups.get(name, []), *members.split(",")]
    source, domains = _subjects()
    from tf_fewshot.analysis.pages import write_statistics

    seed = common.SEED.value
    return write_statistics(
        source, domains, _OUT.value, groups=groups, embedding=_EMBEDDING.value, seed=seed
    )


def _activations() -> Path:
    _, subject = _one()
    from tf_fewshot.analysis.pages import write_activations

    samples, seed = _SAMPLES.value or 256, common.SEED.value
    return write_activations(subject, _OUT.value, samples=samples, seed=seed, progress=_bars())


def _change() -> Path:
    source, domains = _subjects()
    from tf_fewshot.analysis.pages import write_change

    return write_change(source, domains, _OUT.value)


def _fisher() -> Path:
    source, _ = _subjects()
    from tf_fewshot.analysis.pages import write_fisher

    return write_fisher(source, _OUT.value, samples=_SAMPLES.value or 256)


def _drift() -> Path:
    load_tensorflow()
    from tf_fewshot.analysis.pages import write_drift

    return write_drift(_RUNS.value, _OUT.value)


def _interpolation() -> Path:
    if _FITTED.value and not _ADAPTERS.value:
        raise UserError("--fitted is of a run: give its folder with --adapters.")
    if _FITTED.value and _PICTURES.value:
        raise UserError("--fitted is of the run's own pictures: leave out --pictures.")
    source, subject = _one()
    from tf_fewshot.analysis import fitted_latents
    from tf_fewshot.analysis.pages import projected, write_interpolation

    ends, seed, fitted = _SAMPLES.value or 5, common.SEED.value, None
    if _FITTED.value:
        run = _ADAPTERS.value[0].partition("=")
        fitted = fitted_latents(run[2] or run[0], subject, source)
    elif _PICTURES.value:
        # What lies between two classes is no picture of either.
        subject, steps = subject.of_one_class(), _STEPS.value
        pictures = _read(_PICTURES.value, subject, ends)
        _, found = projected(
            subject, pictures, limit=ends, steps=steps, seed=seed, progress=_bars()
        )
        fitted = found.free
    return write_interpolation(
        subject,
        _OUT.value,
        fitted=fitted,
        ends=ends,
        frames=_FRAMES.value,
        seed=seed,
        kind=_FORMAT.value,
        progress=_bars(),
    )


def _correspondence() -> Path:
    source, domains = _subjects()
    from tf_fewshot.analysis.pages import write_correspondence

    n, seed = _SAMPLES.value or 10, common.SEED.value
    return write_correspondence([source, *domains], _OUT.value, n=n, seed=seed)


def _projection() -> Path:
    source, domains = _subjects()
    from tf_fewshot.analysis.pages import write_projection

    named = {subject.name: subject for subject in (source, *domains)}
    into = _INTO.value or source.name
    if into not in named:
        raise unknown_name("generator of --into", into, named)
    subject = named.pop(into)
    return write_projection(
        subject,
        list(named.values()),
        _read(_PICTURES.value, subject, _LIMIT.value) or "",
        _OUT.value,
        limit=_LIMIT.value,
        steps=_STEPS.value,
        samples=_SAMPLES.value or 100,
        seed=common.SEED.value,
        progress=_bars(),
    )


def _morphing() -> Path:
    classes = _CLASSES.value or []
    if classes and (len(classes) != 2 or not all(text.isdecimal() for text in classes)):
        raise UserError(f"--classes={','.join(classes)}: two numbers of classes, FROM,TO.")
    if bool(classes) == bool(_ADAPTERS.value) or len(_ADAPTERS.value) > 2:
        raise UserError("morphing needs one or two --adapters, or --source with --classes=FROM,TO.")
    source, domains = _subjects()
    from tf_fewshot.analysis.pages import write_morphing

    if classes:
        start, end = (source.of_class(int(text)) for text in classes)
    else:
        start, end = domains if len(domains) == 2 else (source, domains[0])
    return write_morphing(
        start,
        end,
        _OUT.value,
        samples=_SAMPLES.value or 4,
        frames=_FRAMES.value,
        seed=common.SEED.value,
        kind=_FORMAT.value,
        progress=_bars(),
    )


def _truncation() -> Path:
    texts = _TRUNCATIONS.value or []
    try:
        numbers = [float(text) for text in texts] or None
    except ValueError:
        raise UserError(f"--truncations={','.join(texts)}: numbers with commas between.") from None
    _, subject = _one()
    from tf_fewshot.analysis.pages import write_truncation

    return write_truncation(
        subject,
        _read(_REFERENCE.value, subject) or "",
        _OUT.value,
        truncations=numbers,
        samples=_SAMPLES.value or 200,
        seed=common.SEED.value,
        progress=_bars(),
    )


def _neighbours() -> Path:
    _, subject = _one()
    from tf_fewshot.analysis.pages import write_neighbours

    return write_neighbours(
        subject,
        _read(_TRAINING.value, subject) or "",
        _OUT.value,
        reference=_read(_REFERENCE.value, subject),
        samples=_SAMPLES.value or 200,
        seed=common.SEED.value,
    )


_GENERATOR = ("source", "adapters")
# What says which samples are drawn.
_DRAWN = ("truncation", "label", "samples")
ANALYSES: dict[str, Kind] = {
    "statistics": Kind(_statistics, ("group", "embedding"), (_GENERATOR,)),
    "activations": Kind(_activations, _DRAWN, (_GENERATOR,)),
    "change": Kind(_change, ("source",), (("adapters",),)),
    "fisher": Kind(_fisher, ("samples",), (_GENERATOR,)),
    "drift": Kind(_drift, (), (("runs",),)),
    "interpolation": Kind(
        _interpolation,
        ("fitted", "pictures", "skip_bad", "steps", "frames", "format", *_DRAWN),
        (_GENERATOR,),
    ),
    "correspondence": Kind(_correspondence, ("source", *_DRAWN), (("adapters",),)),
    "projection": Kind(
        _projection,
        ("into", "skip_bad", "steps", "limit", "label", "samples"),
        (_GENERATOR, ("pictures",)),
    ),
    "morphing": Kind(_morphing, ("classes", "frames", "format", "samples"), (_GENERATOR,)),
    "truncation": Kind(
        _truncation, ("truncations", "skip_bad", "label", "samples"), (_GENERATOR, ("reference",))
    ),
    "neighbours": Kind(
        _neighbours, ("reference", "skip_bad", *_DRAWN), (_GENERATOR, ("training",))
    ),
}
