"""Adapts a generator to a few pictures.

    tf-fewshot adapt --source=avataaars64 --data=my_pictures --method=ewc --workdir=runs/mine
    tf-fewshot adapt --config=bsa --config.steps=3000 --data=my_pictures --workdir=runs/mine

--method=NAME is short for --config=NAME; any field of the config can be set with
--config.FIELD=VALUE. The same command on the same workdir resumes.
"""

from __future__ import annotations

from absl import flags
from ml_collections import config_flags

from . import common
from .startup import load_tensorflow

common.define_training_flags()
_CONFIG = config_flags.DEFINE_config_file("config", None, "Name or path of a configuration.")
_METHOD = flags.DEFINE_string("method", None, "Short for --config=METHOD.")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file of the source; else the config's.")
_DATA = flags.DEFINE_string("data", None, "Folder of pictures, or another source of them.")
_LIMIT = flags.DEFINE_integer("limit", None, "At most so many pictures.", lower_bound=1)
_SKIP = flags.DEFINE_boolean("skip_bad", False, "Leave out pictures that cannot be read.")
_EXPORT = flags.DEFINE_string("export", None, "Also write a SavedModel below this folder.")


def prepare(argv: list[str]) -> list[str]:
    method = common.given(argv, "method")
    kind = "method" if method and not common.given(argv, "config") else "config"
    return common.named_configs(argv, method or "ewc", kind)


def main() -> None:
    from tf_fewshot.errors import UserError

    flag = flags.FLAGS
    settings = dict(_CONFIG.value)
    method = settings.pop("method", None)
    if method is None:
        raise UserError("This configuration names no method: it is none of tf-fewshot adapt.")
    if _METHOD.value not in (None, method):
        raise UserError(f"--method={_METHOD.value} and the config's method {method!r} disagree.")
    source = _SOURCE.value or settings.get("source")
    settings.pop("source", None)
    if not source:
        raise UserError("--source is missing: a preset or the file of a generator.")
    if not _DATA.value:
        raise UserError("--data is missing: the folder of pictures to adapt to.")
    if not flag.dry_run and not flag.workdir:
        raise UserError("--workdir is missing: the folder that the run is kept in.")
    options = {
        "seed": flag.seed,
        "precision": flag.precision,
        "limit": _LIMIT.value,
        "on_error": "skip" if _SKIP.value else "raise",
    }
    load_tensorflow()
    from tf_fewshot import adaptation, planning

    if flag.dry_run:
        from tf_fewshot import description

        made = planning.plan(source, _DATA.value, method, **options, **settings)
        print(description.describe(made))
        return
    run = adaptation.adapt(
        source,
        _DATA.value,
        method,
        workdir=flag.workdir,
        checkpoint_every=flag.checkpoint_every,
        deterministic=flag.deterministic,
        **options,
        **settings,
    )
    if _EXPORT.value:
        print(run.export(_EXPORT.value))
    print(run.folder / "report.html")
