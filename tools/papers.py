"""Runs the experiments of both papers here, and writes the gallery of what came of them.

    tf-fewshot papers --workdir=runs/papers --out=gallery.md
    tf-fewshot papers --experiments=ewc-pictures,bsa-sources --workdir=runs/papers --out=gallery.md
    tf-fewshot papers --write_only --workdir=benchmarks --out=docs/results.md

Each experiment is a table or a figure of Li et al. (EWC) or Noguchi and Harada (BSA), on the
sources and targets of this project: comparisons as tf-fewshot compare makes them. What is finished
is not run again; the same command goes on. The page has a table, a chart, samples, and a sentence
that says whether the paper's finding holds. --list names the experiments.

Targets are drawn by DiceBear, which the dev extra brings. All of it takes hours.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from . import common
from .startup import load_tensorflow

_PRECISION = common.define_precision()
_EXPERIMENTS = flags.DEFINE_list("experiments", None, "Names of experiments; else all.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of all comparisons.")
_OUT = flags.DEFINE_string("out", "gallery.md", "The page; its pictures are beside it.")
_WRITE = flags.DEFINE_boolean("write_only", False, "Write the page of what is there; run nothing.")
_LIST = flags.DEFINE_boolean("list", False, "Name the experiments and stop.")
_N = flags.DEFINE_integer("n", 1000, "Number of samples that are measured.", lower_bound=8)


def main() -> None:
    from tf_fewshot.errors import UserError, unknown_name

    if not _LIST.value and not _WORKDIR.value:
        raise UserError("--workdir is missing: the folder that the comparisons are kept in.")
    if not _OUT.value.endswith(".md"):
        raise UserError(f"--out={_OUT.value}: the page is written as .md.")
    load_tensorflow()
    from tf_fewshot.papers import EXPERIMENTS, INTRODUCTION, run, write_gallery

    names = list(EXPERIMENTS) if _EXPERIMENTS.value is None else _EXPERIMENTS.value
    for name in names:
        if name not in EXPERIMENTS:
            raise unknown_name("experiment", name, EXPERIMENTS)
    chosen = [EXPERIMENTS[name] for name in names]
    if _LIST.value:
        for experiment in chosen:
            print(f"{experiment.name:<16}{experiment.paper}: {experiment.title}")
        return
    folder = Path(_WORKDIR.value or "").expanduser()
    try:
        if not _WRITE.value:
            run(chosen, folder, print, _PRECISION.value, _N.value)
    finally:
        print(write_gallery(chosen, folder, Path(_OUT.value).expanduser(), INTRODUCTION))
