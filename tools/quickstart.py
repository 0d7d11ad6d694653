"""Adapts the bundled generator to the bundled pictures, with collage unless told otherwise.

    tf-fewshot quickstart --workdir=runs/quickstart
    tf-fewshot quickstart --workdir=runs/quickstart --methods=collage,ewc,bsa

leaves report.html, and for each method its run folder and a SavedModel.
"""

from __future__ import annotations

import time

from absl import flags

from tf_fewshot.errors import unknown_name

from . import common, recipes
from .startup import load_tensorflow

_WORKDIR = flags.DEFINE_string("workdir", "runs/quickstart", "Where everything is left.")
_SOURCE = flags.DEFINE_string("source", None, "Another source than that of the recipes.")
_SCALE = flags.DEFINE_float("scale", 1.0, "Factor of the number of steps.", lower_bound=0.0)

# How many pictures each method is shown.
PICTURES = {"collage": 10, "ewc": 10, "bsa": 25}
_METHODS = flags.DEFINE_list("methods", ["collage"], f"Which of {', '.join(PICTURES)}.")


def main() -> None:
    # None at all is no name, either.
    for method in _METHODS.value or [""]:
        if method not in PICTURES:
            raise unknown_name("method of the quick start", method, PICTURES)
    load_tensorflow()
    import importlib.resources
    from pathlib import Path

    import tf_fewshot as tff
    from tf_fewshot.report import write_overview

    begun = time.monotonic()
    workdir = Path(_WORKDIR.value)
    pictures = importlib.resources.files("tf_fewshot") / "samples" / "toon-head"
    folders = []
    for method in _METHODS.value:
        count = PICTURES[method]
        settings = recipes.adaptation(f"quickstart_{method}")
        source = settings.pop("source")
        settings["steps"] = max(1, round(settings["steps"] * _SCALE.value))
        title = tff.methods.get(settings["method"]).short_title
        print(f"\n{title} on {count} pictures", flush=True)
        run = tff.adapt(
            _SOURCE.value or source,
            str(pictures),
            workdir=workdir / method,
            limit=count,
            seed=common.SEED.value,
            **settings,
        )
        print(f"SavedModel: {run.export(workdir / 'serving' / method)}", flush=True)
        folders.append(run.folder)
    page = write_overview(workdir / "report.html", folders)
    minutes = (time.monotonic() - begun) / 60
    print(f"\nDone in {minutes:.1f} minutes. Open {page}")
