"""Compares methods on equal terms: one source, the same pictures, seeds and metrics for all.

    tf-fewshot compare --source=avataaars64 --methods=transfergan,ewc,bsa \\
        --targets=toons=my_pictures:other_pictures_of_that_kind,toon-head \\
        --shots=5,10 --seeds=0,1,2 --steps=400 --set=ewc.ewc_strength=500 --workdir=runs/mine

Any setting of the methods is a flag, too, if the command has no flag of that name: --batch_size=4
and --learning_rate=0.004 are short for --set=batch_size=4 and so on. They are for every method that
has the setting; which methods have not is said. --steps is for all methods, --seed for all trials.
tf-fewshot methods NAME tells of the settings of a method.

A target is [NAME=]TRAINING[:EVALUATION]: places as --data of tf-fewshot adapt takes them, or
toon-head, which is bundled. Without EVALUATION, samples are compared with those TRAINING pictures
that no trial trains on. Two colons separate places that have colons themselves. Training pictures
are the first ones, the same for all methods and seeds.

The workdir gets results.jsonl (a line a trial), pictures.jsonl (what the pictures themselves
measure), results.md and report.html. The same command resumes; methods, targets, shots, seeds and
metrics may be added later. If trials fail, the others go on, and the exit code is 2 at the end.
Long lists of flags fit in a file: --flagfile=FILE.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from typing import Any

from absl import flags

from tf_fewshot.errors import UserError, unknown_name
from tf_fewshot.settings import Setting

from . import arguments, common, recipes
from .catalogue import Entry, catalogue
from .startup import load_tensorflow

common.define_training_flags()
_SOURCE = flags.DEFINE_string("source", recipes.DEFAULT_SOURCE, "Preset or file of the source.")
_METHODS = flags.DEFINE_list("methods", ["transfergan", "ewc", "bsa"], "Methods to compare.")
_TARGETS = flags.DEFINE_list("targets", None, "[NAME=]TRAINING[:EVALUATION], … (see above).")
_SHOTS = flags.DEFINE_list("shots", ["10"], "Numbers of training pictures.")
_SEEDS = flags.DEFINE_list("seeds", None, "Seeds of training and of samples; else --seed.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Steps of every method; else each method's own.", lower_bound=1
)
_SET = flags.DEFINE_multi_string(
    "set", [], "METHOD.SETTING=VALUE, or SETTING=VALUE of all that have it; may be repeated."
)
_N = flags.DEFINE_integer("n", 1000, "Number of samples that are measured.", lower_bound=1)
_METRICS = flags.DEFINE_list(
    "metrics", ["fid", "kid", "kmmd", "intra_lpips", "nearest_lpips"], "Names of metrics."
)
_RAY = flags.DEFINE_string(
    "ray", None, "Trials on the Ray cluster of this address, auto, or local:N workers here."
)
_SKIP = common.define_skip_bad()


def prepare(argv: list[str]) -> tuple[list[str], list[arguments.Typed]]:
    """Returns the arguments without settings, and these as they were typed."""
    argv = arguments.with_flag_files(argv)
    names = arguments.value_of(argv, "methods")
    methods = _entries(_METHODS.default if names is None else names.split(","))

    def known() -> dict[str, Setting]:
        return {k: setting for entry in methods.values() for k, setting in entry.settings.items()}

    def unknown(spelled: str, settings: Collection[str]) -> UserError:
        others = ", ".join(catalogue().having(spelled))
        return arguments.unknown_flag(
            spelled,
            settings,
            "the methods",
            f"It is a setting of {others}, which --methods does not name." if others else "",
            "tf-fewshot compare --help lists the flags, tf-fewshot methods NAME the settings.",
        )

    return arguments.split(argv, known, unknown)


def main(typed: list[arguments.Typed]) -> None:
    flag = flags.FLAGS
    if not _TARGETS.value:
        raise UserError("--targets is missing: NAME=FOLDER of pictures, or toon-head.")
    if not flag.workdir and not flag.dry_run:
        raise UserError("--workdir is missing: the folder that the comparison is kept in.")
    methods = _entries(_METHODS.value)
    shots = _numbers("shots", _SHOTS.value, 1)
    seeds = _numbers("seeds", _SEEDS.value, 0) if _SEEDS.value else [flag.seed]
    settings = _settings(methods, typed, _SET.value)
    load_tensorflow()
    from tf_fewshot import comparison

    plan = comparison.plan(
        _SOURCE.value,
        _TARGETS.value,
        list(methods),
        shots=shots,
        seeds=seeds,
        steps=_STEPS.value,
        settings=settings,
        metrics=_METRICS.value,
        n=_N.value,
        precision=flag.precision,
        on_error=common.on_error(_SKIP),
    )
    if flag.dry_run:
        print(plan.describe())
        return
    outcome = comparison.run(
        plan,
        flag.workdir,
        comparison.engine_of(_RAY.value),
        checkpoint_every=flag.checkpoint_every,
        deterministic=flag.deterministic,
    )
    print(outcome.text)
    print(outcome.folder / "report.html")
    outcome.check()


def _entries(names: Iterable[str]) -> dict[str, Entry]:
    """Returns the methods of these names, each once."""
    return {name: catalogue().method(name) for name in names}


def _numbers(name: str, texts: list[str], least: int) -> list[int]:
    if not texts or not all(text.strip().isdecimal() and int(text) >= least for text in texts):
        raise UserError(
            f"--{name}={','.join(texts)}: whole numbers from {least} on, with commas between."
        )
    return [int(text) for text in texts]


def _settings(
    methods: dict[str, Entry], typed: list[arguments.Typed], changes: list[str]
) -> dict[str, dict[str, Any]]:
    """Returns values by method and setting.

    Args:
        methods: Those that are compared.
        typed: Settings that were typed as flags.
        changes: The values of ``--set``.

    Raises:
        UserError: for what names no setting, or is no value of it.
    """
    of_one: list[tuple[str, arguments.Typed]] = []
    of_all = list(typed)
    for change in changes:
        name, equals, text = change.partition("=")
        method, dot, setting = name.rpartition(".")
        if not equals or not setting:
            raise UserError(f"--set={change}: write METHOD.SETTING=VALUE.")
        if not dot:
            of_all.append(arguments.Typed(setting, text))
        elif method in methods:
            of_one.append((method, arguments.Typed(setting, text)))
        else:
            raise unknown_name("method of --set", method, methods)
    values: dict[str, dict[str, Any]] = {name: {} for name in methods}
    for one in of_all:
        having = {name for name, entry in methods.items() if one.name in entry.settings}
        if not having:
            known = {setting for entry in methods.values() for setting in entry.settings}
            raise unknown_name(f"setting of {', '.join(methods)}", one.name, known)
        for name in having:
            values[name][one.name] = methods[name].settings[one.name].parsed(one.text)
        for name in (name for name in methods if name not in having):
            print(f"{name} has no setting {one.name} and is left as it is.", file=sys.stderr)
    # What names one method wins, wherever it stands.
    for name, one in of_one:
        known = methods[name].settings
        if one.name not in known:
            raise unknown_name(f"setting of method {name!r}", one.name, known)
        values[name][one.name] = known[one.name].parsed(one.text)
    return values
