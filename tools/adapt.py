"""Adapts a generator to a few pictures.

    tf-fewshot adapt --source=avataaars64 --data=my_pictures --workdir=runs/mine
    tf-fewshot adapt --method=bsa --steps=3000 --data=my_pictures --workdir=runs/mine
    tf-fewshot adapt --config=quickstart_ewc --data=my_pictures --workdir=runs/mine

Without --method, or with --method=auto, the pictures decide which one is taken, and a line says
why. Any setting of the method is a flag, too, if the command has no flag of that name: --steps=600,
--batch_size=4, --learning_rate=0.004, --mirror or --nomirror are short for --config.steps=600 and
so on. tf-fewshot adapt --method=NAME --help lists them, tf-fewshot methods NAME tells what they
mean. --config takes the name of a recipe or method, or the path of a .py file whose get_config()
returns a ConfigDict of settings. The same command on the same workdir resumes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from absl import flags

from tf_fewshot.errors import UserError

from . import arguments, common, recipes
from .catalogue import catalogue
from .startup import load_tensorflow

common.define_training_flags()
common.define_devices_flags()
_CONFIG = flags.DEFINE_string("config", None, "Name or path of a configuration.")
_METHOD = flags.DEFINE_string(
    "method",
    None,
    "Name of a method, as tf-fewshot methods lists them; else auto, which chooses one.",
)
_SOURCE = flags.DEFINE_string(
    "source", None, f"Preset or file of the source; else the config's, or {recipes.DEFAULT_SOURCE}."
)
_DATA = flags.DEFINE_string("data", None, "Folder of pictures, or another source of them.")
_LIMIT = flags.DEFINE_integer("limit", None, "At most so many pictures.", lower_bound=1)
_SKIP = common.define_skip_bad()
_EXPORT = flags.DEFINE_string("export", None, "Also write a SavedModel below this folder.")

_DEFAULT_METHOD = "auto"


def configured(argv: list[str]) -> dict[str, Any]:
    """Returns the configuration that the arguments name, before flags are parsed.

    Raises:
        UserError: if there is none of that name, or the method is another one.
    """
    config, method = (arguments.value_of(argv, name) for name in ("config", "method"))
    if config is None:
        return recipes.of_method(method or _DEFAULT_METHOD)
    fields = recipes.adaptation(config)
    if method not in (None, fields["method"]):
        raise UserError(f"--method={method} and the config's method {fields['method']!r} disagree.")
    return fields


def help_of(argv: list[str]) -> str:
    """Returns the settings of the method that the arguments name; "" if they name none."""
    if not any(arguments.value_of(argv, name) for name in ("config", "method")):
        return ""
    fields = configured(argv)
    return common.settings_help(catalogue().method(fields["method"]).settings, fields)


def prepare(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Returns the arguments without settings, and the configuration with them."""
    argv = arguments.with_flag_files(argv)
    fields = configured(argv)
    entry = catalogue().method(fields["method"])
    owner = f"method {entry.name!r}"
    known = {**entry.settings, recipes.SOURCE.name: recipes.SOURCE}
    fields = recipes.checked(fields, known, owner)

    def unknown(spelled: str, names: Collection[str]) -> UserError:
        others, elsewhere = catalogue().having(spelled.removeprefix("config.")), ""
        if others:
            elsewhere = f"It is a setting of {', '.join(others)}, not of {owner}."
        if entry is catalogue().automatic:
            # Whose setting it is can be told, though none of them is taken yet.
            names = catalogue().names()
            if others:
                elsewhere += " Name the method: --method=NAME."
        return arguments.unknown_flag(
            spelled,
            names,
            owner if entry is not catalogue().automatic else "methods",
            elsewhere,
            f"tf-fewshot adapt --method={entry.name} --help lists flags and settings.",
        )

    rest, typed = arguments.split(argv, lambda: known, unknown)
    for one in typed:
        fields[one.setting] = arguments.changed(fields.get(one.setting), one, known[one.setting])
    if entry is catalogue().automatic:
        # None is the value of the method that will be chosen.
        fields = {name: value for name, value in fields.items() if value is not None}
    return rest, fields


def main(settings: dict[str, Any]) -> None:
    flag = flags.FLAGS
    method, source = settings.pop("method"), settings.pop("source")
    if not _DATA.value:
        raise UserError("--data is missing: the folder of pictures to adapt to.")
    if not flag.dry_run and not flag.workdir:
        raise UserError("--workdir is missing: the folder that the run is kept in.")
    source = _SOURCE.value or source
    options = {
        "seed": flag.seed,
        "precision": flag.precision,
        "limit": _LIMIT.value,
        "on_error": common.on_error(_SKIP),
    }
    load_tensorflow()
    from tf_fewshot import adaptation, planning

    if flag.dry_run:
        from tf_fewshot import description

        plan = planning.plan(source, _DATA.value, method, **options, **settings)
        print(description.describe(plan, flag.memory))
        return
    run = adaptation.adapt(
        source,
        _DATA.value,
        method,
        workdir=flag.workdir,
        checkpoint_every=flag.checkpoint_every,
        deterministic=flag.deterministic,
        memory=flag.memory,
        strategy=flag.strategy,
        replicas=flag.replicas,
        worker_timeout=flag.worker_timeout,
        **options,
        **settings,
    )
    if not run.written:
        return
    if _EXPORT.value:
        print(run.export(_EXPORT.value))
    print(run.folder / "report.html")
