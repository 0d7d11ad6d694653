"""Trains a source from scratch.

    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip --workdir=runs/source

--config takes the name of a recipe, or the path of a .py file whose get_config() returns a
ConfigDict with architecture, model and growths. Any setting is a flag, too, if the command has no
flag of that name: --batch_size=8, --learning_rate=0.002 and --model.latent_dim=64 are short for
--config.batch_size=8 and so on. --steps=1000 shortens or lengthens all growths in proportion.
tf-fewshot methods pretrain tells what every setting means.

Snapshots of the averaged generator and its discriminator are kept in the workdir. With
--reference, the FID of the last ones is measured at the end and the best becomes source.npz,
which every --source=PATH accepts. The same command resumes.
"""

from __future__ import annotations

from typing import Any

from absl import flags

from tf_fewshot.errors import UserError

from . import arguments, common, recipes
from .catalogue import catalogue
from .startup import load_tensorflow

_DEFAULT = "pretrain_avataaars64"

common.define_training_flags()
common.define_devices_flags()
_CONFIG = flags.DEFINE_string("config", _DEFAULT, "Name or path of a configuration.")
_DATA = flags.DEFINE_string("data", None, "Pictures: a folder, a .zip, …")
_REFERENCE = flags.DEFINE_string("reference", None, "Other real pictures, to choose by FID.")
_CANDIDATES = flags.DEFINE_integer("candidates", 3, "Last snapshots to choose from.", lower_bound=1)
_SKIP = common.define_skip_bad()
_START = flags.DEFINE_string("start", None, "A source file to go on from.")


def prepare(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Returns the arguments without settings, and the configuration with them."""
    argv = arguments.with_flag_files(argv)
    fields = recipes.pretraining(arguments.value_of(argv, "config") or _DEFAULT)
    # The method decides which settings there are.
    for name in ("method", "config.method"):
        fields["method"] = arguments.value_of(argv, name) or fields.get("method", "scratch")
    known = catalogue().pretraining(fields["method"]).settings
    fields = recipes.checked(fields, known, "a pretraining")
    rest, typed = arguments.split(
        argv,
        lambda: known,
        lambda spelled, names: arguments.unknown_flag(
            spelled,
            names,
            "pretraining",
            more="tf-fewshot pretrain --help lists the flags, tf-fewshot methods pretrain the "
            "settings.",
        ),
    )
    for one in typed:
        setting = known[one.setting]
        before = fields.get(one.setting, setting.value)
        fields[one.setting] = arguments.changed(before, one, setting)
    return rest, fields


def main(settings: dict[str, Any]) -> None:
    flag = flags.FLAGS
    if not _DATA.value:
        raise UserError("--data is missing: the pictures to train on.")
    if not flag.workdir and not flag.dry_run:
        raise UserError("--workdir is missing: the folder that the run is kept in.")
    load_tensorflow()
    from tf_fewshot import pretraining
    from tf_fewshot.training.strategies import devices

    shared = devices(flag.strategy, flag.replicas, flag.worker_timeout)
    on_error = common.on_error(_SKIP)
    plan = pretraining.plan(
        settings,
        _DATA.value,
        seed=flag.seed,
        precision=flag.precision,
        checkpoint_every=flag.checkpoint_every,
        start=_START.value,
        on_error=on_error,
        memory=flag.memory,
        devices=shared,
    )
    if flag.dry_run:
        print(pretraining.describe(plan, flag.memory))
        return
    options = {"on_error": on_error, "memory": flag.memory, "devices": shared}
    source = pretraining.pretrain(
        plan, flag.workdir, _REFERENCE.value, _CANDIDATES.value, **options
    )
    if shared.chief:
        print(source)
