"""Trains a source from scratch.

    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip --workdir=runs/source

Snapshots of the averaged generator and its discriminator are kept in the workdir. With
--reference, the FID of the last ones is measured at the end and the best becomes source.npz,
which every --source=PATH accepts. The same command resumes.
"""

from __future__ import annotations

from absl import flags
from ml_collections import config_flags

from . import common
from .startup import load_tensorflow

common.define_training_flags()
_CONFIG = config_flags.DEFINE_config_file("config", None, "Name or path of a configuration.")
_DATA = flags.DEFINE_string("data", None, "Pictures: a folder, a .zip, …")
_REFERENCE = flags.DEFINE_string("reference", None, "Other real pictures, to choose by FID.")
_CANDIDATES = flags.DEFINE_integer("candidates", 3, "Last snapshots to choose from.")
_START = flags.DEFINE_string("start", None, "A source file to go on from.")


def prepare(argv: list[str]) -> list[str]:
    return common.named_configs(argv, "pretrain_avataaars64")


def main() -> None:
    from tf_fewshot.errors import UserError

    flag = flags.FLAGS
    if not _DATA.value:
        raise UserError("--data is missing: the pictures to train on.")
    if not flag.workdir and not flag.dry_run:
        raise UserError("--workdir is missing: the folder that the run is kept in.")
    load_tensorflow()
    from tf_fewshot import pretraining

    made = pretraining.plan(
        _CONFIG.value.to_dict(),
        _DATA.value,
        seed=flag.seed,
        precision=flag.precision,
        checkpoint_every=flag.checkpoint_every,
        start=_START.value,
    )
    if flag.dry_run:
        print(pretraining.describe(made))
        return
    print(pretraining.pretrain(made, flag.workdir, _REFERENCE.value, _CANDIDATES.value))
