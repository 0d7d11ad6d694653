"""Asks people which of two pictures is generated: a page for them, and their answers pooled.

    tf-fewshot study --adapter=runs/mine/adapter --reference=pictures/ --rounds=10 --out=study.html
    tf-fewshot study --pool=answers/

The page is one file that opens in a browser without a server. It shows a generated picture beside
a real one, ten times, and saves the answers as a small file. --pool counts the right ones in such
files, of one page, from many people. As in Li et al., Few-shot Image Generation with Elastic
Weight Consolidation (NeurIPS 2020).
"""

from __future__ import annotations

import sys

from absl import flags

from . import common
from .startup import load_tensorflow

_ADAPTER = flags.DEFINE_string("adapter", None, "Adapter file, or the folder that holds it.")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file of a source.")
_REFERENCE = flags.DEFINE_string("reference", None, "Real pictures that were not trained on.")
_ROUNDS = flags.DEFINE_integer("rounds", 10, "Number of pairs that are shown.", lower_bound=1)
_TRUNCATION = flags.DEFINE_float("truncation", None, "As in tf-fewshot sample.")
_LABEL = flags.DEFINE_integer("label", None, "Class, where there are classes; else any.")
_SKIP = common.define_skip_bad()
_OUT = flags.DEFINE_string("out", "study.html", "The page; one that is there is replaced.")
_POOL = flags.DEFINE_list("pool", None, "Files of answers, or folders of them, to be counted.")


def main() -> None:
    from tf_fewshot.errors import UserError

    if _POOL.value is not None:
        _pool(_POOL.value)
        return
    if not _REFERENCE.value:
        raise UserError("--reference is missing: real pictures that were not trained on.")
    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    if not _OUT.value.lower().endswith((".html", ".htm")):
        raise UserError(f"--out={_OUT.value}: the page is written as .html.")
    load_tensorflow()
    from tf_fewshot.adapted import load_adapter, study_source

    options = {
        "rounds": _ROUNDS.value,
        "seed": common.SEED.value,
        "truncation": _TRUNCATION.value,
        "label": _LABEL.value,
        "on_error": common.on_error(_SKIP),
    }
    if _ADAPTER.value:
        adapted = load_adapter(_ADAPTER.value, _SOURCE.value)
        path = adapted.study(_REFERENCE.value, _OUT.value, **options)
    else:
        path = study_source(_SOURCE.value or "", _REFERENCE.value, _OUT.value, **options)
    print(path)


def _pool(places: list[str]) -> None:
    from tf_fewshot.errors import UserError
    from tf_fewshot.study import pool_answers

    for flag in (_ADAPTER, _SOURCE, _REFERENCE):
        if flag.value:
            raise UserError(f"--pool counts answers and draws nothing: leave out --{flag.name}.")
    pooled = pool_answers(places)
    for path in pooled.repeated:
        print(f"{path} holds answers that are counted already.", file=sys.stderr)
    low, high = pooled.interval
    print(f"people  {pooled.people}")
    print(f"rounds  {pooled.rounds}")
    print(
        f"right   {pooled.right} = {100 * pooled.share:.1f} % (95 % interval {100 * low:.1f} % to "
        f"{100 * high:.1f} %; chance is 50 %)"
    )
