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
returns their arrays against its passes alone. The best of --repeats counts. With --measure=bank
a batch of as many domains as it has rows is drawn in turns with one of an adapter's own
generator, by seconds of processors and the median of --repeats, and a hundred domains are
written to a file. With --measure=serving a server of the exported source is asked by 16 clients,
in turns with its generator alone. With --measure=start an adaptation to the bundled pictures is
begun in processes of its own, and timed up to its first step by what it does until then, with
the precision measured and with that known.

Steps and samples are also told as a share of the operations a second of a matrix product. With
--compare=FILE, an earlier --out, every number is also printed as a multiple of that of then;
seconds of other times are of other loads of the machine, and ratios are what to look at. With
--peer=COMMAND and --own=COMMAND two programs that do the same run in turns, from start to end.
"""

from __future__ import annotations

from typing import Any

from absl import flags

from tf_fewshot.errors import UserError

from .startup import load_tensorflow

_SOURCES = flags.DEFINE_list("sources", None, "Presets or files; avataaars64 by default.")
_ARCHITECTURES = flags.DEFINE_list(
    "architectures", [], "Architectures with a resolution, such as biggan-256, to sample from."
)
_MEASURE = flags.DEFINE_list(
    "measure",
    ["loading", "sampling", "steps"],
    "What is measured of a source; start, analyses, bank and serving, too, if they are named.",
)
_METHODS = flags.DEFINE_list("methods", None, "Methods whose step is timed; all by default.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Of sampling and steps.")
_BATCH = flags.DEFINE_integer("batch_size", 16, "Images in a step.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Timings of each, of which the best.", lower_bound=1)
_COMPARE = flags.DEFINE_string("compare", None, "Earlier --out of which ratios are printed.")
_PEER = flags.DEFINE_string("peer", None, "Command of another program, timed in turns with --own.")
_OWN = flags.DEFINE_string("own", None, "Command that does the same with this one, for --peer.")
_OUT = flags.DEFINE_string("out", None, "JSON file to write as well.")


def main() -> None:
    if bool(_PEER.value) != bool(_OWN.value):
        raise UserError("--peer and --own go together: two commands that do the same.")
    load_tensorflow()
    from tf_fewshot.benchmarking import Measurements, benchmark
    from tf_fewshot.benchmarking.earlier import ratios, read_earlier
    from tf_fewshot.benchmarking.peers import measure_peer
    from tf_fewshot.files import write_json

    # Now, as --out may be the same file.
    earlier = read_earlier(_COMPARE.value) if _COMPARE.value else None
    records: dict[str, Any] = {}
    if _PEER.value and _OWN.value:
        peer = measure_peer(_OWN.value, _PEER.value, _REPEATS.value)
        print(peer)
        measured = iter([("peer", peer.record())])
    else:
        measurements = Measurements(
            kinds=_MEASURE.value,
            methods=_METHODS.value,
            precisions=_PRECISIONS.value,
            batch_size=_BATCH.value,
            repeats=_REPEATS.value,
        )
        default = [] if _ARCHITECTURES.value else ["avataaars64"]
        sources = _SOURCES.value or default
        measured = benchmark(sources, _ARCHITECTURES.value, measurements)
    for name, record in measured:
        records[name] = record
        if _OUT.value:
            write_json(_OUT.value, records)
    if earlier is not None:
        found = ratios(records, earlier)
        if not found:
            raise UserError(f"{_COMPARE.value} has nothing that was measured now: name the same.")
        print(f"times {_COMPARE.value}:")
        for path, ratio in found.items():
            print(f"  {path} {ratio:.3f}")
