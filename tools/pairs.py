"""Writes a synthetic data set of pairs: the same latents through a source and an adapter.

    tf-fewshot pairs --adapter=toon=runs/mine --n=1000 --out=pairs

leaves pairs/train/avataaars64/0000000.png, pairs/train/toon/0000000.png and so on. TensorFlow
Datasets reads the folder by tfds.folder_dataset.ImageFolder("pairs"), Keras by
keras.utils.image_dataset_from_directory("pairs/train"). The same command goes on where it was
interrupted, and with a larger --n adds to what is there.
"""

from __future__ import annotations

import sys

from absl import flags

from tf_fewshot.errors import UserError

from . import common
from .startup import load_tensorflow

_ADAPTER = flags.DEFINE_string("adapter", None, "[NAME=]PATH of an adapter file or run folder.")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file; else that of the adapter.")
_N = flags.DEFINE_integer("n", 1000, "Number of pairs.", lower_bound=1)
_TRUNCATION = flags.DEFINE_float("truncation", None, "As in tf-fewshot sample.")
_LABEL = flags.DEFINE_integer("label", None, "Class, where there are classes; else any.")
_OUT = flags.DEFINE_string("out", None, "The folder: new, empty, or of the same pairs.")


def main() -> None:
    if not _ADAPTER.value:
        raise UserError("--adapter is missing: the pairs are of a source and an adapter of it.")
    if not _OUT.value:
        raise UserError("--out is missing: the folder of the pairs.")
    load_tensorflow()
    from tf_fewshot.analysis import load_subjects, write_pairs
    from tf_fewshot.analysis.correspondence import without_correspondence
    from tf_fewshot.analysis.progress import Bars

    source, (target,) = load_subjects(
        _SOURCE.value, [_ADAPTER.value], _TRUNCATION.value, _LABEL.value
    )
    for note in without_correspondence([source, target]):
        print(note, file=sys.stderr)
    print(write_pairs(source, target, _OUT.value, _N.value, common.SEED.value, Bars()))
