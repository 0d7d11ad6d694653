"""Measures speed: ratios in one run, and fractions of the machine's matrix-product peak.

    tf-fewshot benchmark --sources=avataaars64 --batch_size=16 --out=benchmark.json
    tf-fewshot benchmark --architectures=biggan-256,stylegan2-256 --batch_size=4
    tf-fewshot benchmark --sources=biggan-256/ --measure=loading
    tf-fewshot benchmark --sources=avataaars64,drawings64 --measure=analyses --repeats=1

Of a source it measures loading, in a process of its own, against reading its bytes from disk,
and its memory against the bytes of its weights; sampling; and one training step of every
method that the source can run, against the passes through networks that it must do: the losses
of its players and their gradients alone, without optimizers, averaged generator and the loop.
Of an architecture it measures the sampling of the full-size network, with new weights. Sampling
is held against the fastest of large matrix products in the same precision, measured in turns
with it; dense convolutions and matrix products are counted, without those with padding. With
--measure=analyses every analysis of tf-fewshot analyze, pairs and select are timed, and what
returns their arrays against its passes alone. With --measure=serving a server of the exported
source is asked by 16 clients, in turns with its generator alone. The best of --repeats counts.
"""

from __future__ import annotations

from typing import Any

from absl import flags

from .startup import load_tensorflow

_SOURCES = flags.DEFINE_list("sources", None, "Presets or files; avataaars64 by default.")
_ARCHITECTURES = flags.DEFINE_list(
    "architectures", [], "Architectures with a resolution, such as biggan-256, to sample from."
)
_MEASURE = flags.DEFINE_list(
    "measure",
    ["loading", "sampling", "steps"],
    "What is measured of a source; analyses and serving, too, if they are named.",
)
_METHODS = flags.DEFINE_list("methods", None, "Methods whose step is timed; all by default.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Of sampling and steps.")
_BATCH = flags.DEFINE_integer("batch_size", 16, "Images in a step.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Timings of each, of which the best.", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file to write as well.")


def main() -> None:
    load_tensorflow()
    from tf_fewshot.benchmarking import Measurements, benchmark
    from tf_fewshot.files import write_json

    measurements = Measurements(
        kinds=_MEASURE.value,
        methods=_METHODS.value,
        precisions=_PRECISIONS.value,
        batch_size=_BATCH.value,
        repeats=_REPEATS.value,
    )
    default = [] if _ARCHITECTURES.value else ["avataaars64"]
    sources = _SOURCES.value or default
    records: dict[str, Any] = {}
    for name, record in benchmark(sources, _ARCHITECTURES.value, measurements):
        records[name] = record
        if _OUT.value:
            write_json(_OUT.value, records)
