"""Compares methods on equal terms: one source, the same pictures, seeds and metrics for all.

    tf-fewshot compare --source=avataaars64 --methods=transfergan,ewc,bsa \\
        --targets=toons=my_pictures:other_pictures_of_that_kind,toon-head \\
        --shots=5,10 --seeds=0,1,2 --steps=400 --set=ewc.ewc_strength=500 --workdir=runs/mine

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

import ast
from typing import Any

from absl import flags

from . import common
from .startup import load_tensorflow

common.define_training_flags()
_SOURCE = flags.DEFINE_string("source", "avataaars64", "Preset or file of the source.")
_METHODS = flags.DEFINE_list("methods", ["transfergan", "ewc", "bsa"], "Methods to compare.")
_TARGETS = flags.DEFINE_list("targets", None, "[NAME=]TRAINING[:EVALUATION], … (see above).")
_SHOTS = flags.DEFINE_list("shots", ["10"], "Numbers of training pictures.")
_SEEDS = flags.DEFINE_list("seeds", None, "Seeds of training and of samples; else --seed.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Steps of every method; else each method's own.", lower_bound=1
)
_SET = flags.DEFINE_multi_string(
    "set", [], "METHOD.SETTING=VALUE, or SETTING=VALUE of all methods; may be repeated."
)
_N = flags.DEFINE_integer("n", 1000, "Number of samples that are measured.", lower_bound=1)
_METRICS = flags.DEFINE_list(
    "metrics", ["fid", "kid", "kmmd", "intra_lpips", "nearest_lpips"], "Names of metrics."
)
_SKIP = flags.DEFINE_boolean("skip_bad", False, "Leave out pictures that cannot be read.")


def main() -> None:
    from tf_fewshot.errors import UserError

    flag = flags.FLAGS
    if not _TARGETS.value:
        raise UserError("--targets is missing: NAME=FOLDER of pictures, or toon-head.")
    if not flag.workdir and not flag.dry_run:
        raise UserError("--workdir is missing: the folder that the comparison is kept in.")
    methods = list(dict.fromkeys(_METHODS.value))
    shots = _numbers("shots", _SHOTS.value, 1)
    seeds = _numbers("seeds", _SEEDS.value, 0) if _SEEDS.value else [flag.seed]
    settings = _settings(methods, _SET.value)
    load_tensorflow()
    from tf_fewshot import comparison

    made = comparison.plan(
        _SOURCE.value,
        _TARGETS.value,
        methods,
        shots=shots,
        seeds=seeds,
        steps=_STEPS.value,
        settings=settings,
        metrics=_METRICS.value,
        n=_N.value,
        precision=flag.precision,
        on_error="skip" if _SKIP.value else "raise",
    )
    if flag.dry_run:
        print(made.describe())
        return
    outcome = comparison.run(
        made,
        flag.workdir,
        checkpoint_every=flag.checkpoint_every,
        deterministic=flag.deterministic,
    )
    print(outcome.text)
    print(outcome.folder / "report.html")
    outcome.check()


def _numbers(name: str, texts: list[str], least: int) -> list[int]:
    from tf_fewshot.errors import UserError

    if not texts or not all(text.strip().isdecimal() and int(text) >= least for text in texts):
        raise UserError(
            f"--{name}={','.join(texts)}: whole numbers from {least} on, with commas between."
        )
    return [int(text) for text in texts]


def _settings(methods: list[str], changes: list[str]) -> dict[str, dict[str, Any]]:
    """Values by method and setting; those that name no method are for all."""
    from tf_fewshot.errors import UserError, unknown_name

    found: dict[str, dict[str, Any]] = {name: {} for name in methods}
    # What is said of one method wins, wherever it stands.
    for change in sorted(changes, key=lambda change: "." in change.partition("=")[0]):
        name, equals, value = change.partition("=")
        method, dot, setting = name.rpartition(".")
        if not equals or not setting:
            raise UserError(f"--set={change}: write METHOD.SETTING=VALUE.")
        if dot and method not in found:
            raise unknown_name("method of --set", method, found)
        for chosen in [method] if dot else methods:
            found[chosen][setting] = _value(value)
    return found


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
