"""Measures samples against real pictures.

    tf-fewshot evaluate --adapter=runs/mine/adapter --reference=pictures/ \\
        --metrics=fid,kid,intra_lpips --training=my_pictures --n=2000 --out=metrics.jsonl
"""

from __future__ import annotations

import sys

from absl import flags

from . import common
from .startup import load_tensorflow

_ADAPTER = flags.DEFINE_string("adapter", None, "Adapter file, or the folder that holds it.")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file of a source.")
_REFERENCE = flags.DEFINE_string("reference", None, "Real pictures that were not trained on.")
_TRAINING = flags.DEFINE_string("training", None, "The training pictures (for intra_lpips).")
_METRICS = flags.DEFINE_list("metrics", ["fid", "kid"], "Names of metrics.")
_N = flags.DEFINE_integer("n", 2000, "Number of samples.", lower_bound=2)
_DETECTOR = flags.DEFINE_string("detector", None, "CNNDetection's file (for detectability).")
_TRUNCATION = flags.DEFINE_float("truncation", None, "As in tf-fewshot sample.")
_LABEL = flags.DEFINE_integer(
    "label", None, "Class, of samples and of the reference where it has classes; else any."
)
_SKIP = common.define_skip_bad()
_OUT = flags.DEFINE_string("out", None, "File of JSON lines that the records are added to.")


def main() -> None:
    from tf_fewshot.errors import UserError

    if not _REFERENCE.value:
        raise UserError("--reference is missing: real pictures to compare with.")
    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    load_tensorflow()
    from tf_fewshot.adapted import evaluate_source, load_adapter
    from tf_fewshot.files import append_json_line

    options = {
        "metrics": _METRICS.value,
        "n": _N.value,
        "seed": common.SEED.value,
        "training": _TRAINING.value,
        "truncation": _TRUNCATION.value,
        "label": _LABEL.value,
        "detector": _DETECTOR.value,
        "on_error": common.on_error(_SKIP),
    }
    if _ADAPTER.value:
        records = load_adapter(_ADAPTER.value, _SOURCE.value).evaluate(_REFERENCE.value, **options)
    else:
        records = evaluate_source(_SOURCE.value or "", _REFERENCE.value, **options)
    for record in records:
        spread = "" if record.get("std") is None else f" ± {record['std']:.4f}"
        print(
            f"{record['metric']:<14}{record['value']:.4f}{spread}  "
            f"({record['num_fake']} samples, {record['num_real']} real, "
            f"{record['feature_network']})"
        )
        if record["note"]:
            print(f"{record['metric']}: {record['note']}", file=sys.stderr)
        if _OUT.value:
            append_json_line(_OUT.value, record)
