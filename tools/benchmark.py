"""Measures speed: ratios in one run, and fractions of the machine's matrix-product peak.

    tf-fewshot benchmark --sources=avataaars64 --batch_size=16 --out=benchmark.json
    tf-fewshot benchmark --architectures=biggan-256,stylegan2-256 --batch_size=4
    tf-fewshot benchmark --sources=biggan-256/ --measure=loading

Of a source: loading, in a process of its own, against reading its bytes from disk, and its
memory against the bytes of its weights; sampling; one training step of every method that the
source can run against the passes through networks that it must do: the losses of its players
and their gradients alone, without optimizers, averaged generator and the loop. Of an
architecture: sampling of the full-size network, with new weights. Sampling is held against the
fastest of large matrix products in the same precision, measured in turns with it; counted are
dense convolutions and matrix products, without those with padding. Best of --repeats.
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
    "measure", ["loading", "sampling", "steps"], "What is measured of a source."
)
_METHODS = flags.DEFINE_list("methods", None, "Methods whose step is timed; all by default.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Of sampling and steps.")
_BATCH = flags.DEFINE_integer("batch_size", 16, "Images in a step.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Timings of each, of which the best.", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file to write as well.")

_KINDS = ("loading", "sampling", "steps")


def loading(source: str, repeats: int) -> dict[str, float]:
    """Loads a source in processes of its own; see :func:`~.loading.measured`."""
    from tf_fewshot.benchmarking.loading import measured

    found = measured(source, repeats)
    found["of_read"] = found["load"] / found["read"]
    line = f"  loading {found['load']:.2f} s, {found['of_read']:.1f} times reading its bytes"
    if "memory" in found:
        found["of_weights"] = found["memory"] / found["weights"]
        line += f"; at most {found['of_weights']:.2f} times the memory of its weights"
    print(line)
    return found


def sampling(gan: Any, precision: str, batch: int, repeats: int) -> dict[str, float]:
    """Samples a batch, against the peak of matrix products."""
    import tensorflow as tf

    from tf_fewshot.benchmarking.operations import flops
    from tf_fewshot.benchmarking.timing import against_peak

    z = tf.constant(gan.sample_latents(batch, seed=0))
    labels = tf.zeros([batch], tf.int32) if gan.num_classes else None

    def draw(latents):
        return gan.generate(latents, labels)

    generate = tf.function(draw)
    seconds, peak = against_peak(lambda: generate(z).numpy(), precision, repeats)
    rate = flops(draw, z) / seconds
    print(
        f"  {precision}: sampling {batch / seconds:.2f} images/s, {rate / 1e9:.0f} GFLOP/s, "
        f"{rate / peak:.0%} of the {peak / 1e9:.0f} GFLOP/s of a matrix product"
    )
    return {
        "images_per_second": batch / seconds,
        "flops_per_image": rate * seconds / batch,
        "flops": rate,
        "peak_flops": peak,
        "of_peak": rate / peak,
    }


def steps(gan: Any, precision: str, names: list[str], batch: int, repeats: int) -> dict[str, Any]:
    """Times the steps of methods; see :func:`~.steps.step_and_passes`."""
    from tf_fewshot.benchmarking.steps import step_and_passes
    from tf_fewshot.errors import UserError
    from tf_fewshot.training.precision import POLICIES

    found = {}
    for name in names:
        try:
            step, passes = step_and_passes(name, gan, POLICIES[precision], batch, repeats)
        except UserError as error:
            print(f"  {precision}: {name} cannot be run: {error}")
            continue
        found[name] = {"seconds": step, "passes": passes, "of_passes": step / passes}
        print(
            f"  {precision}: {name} step {step:.3f} s, {batch / step:.1f} images/s, "
            f"{step / passes:.2f} times its passes (losses and their gradients alone)"
        )
    return found


def fresh(name: str) -> Any:
    """A GAN of an architecture, with new weights, by a name such as "stylegan2-256".

    Raises:
        UserError: if there is no such architecture, or not of that resolution.
    """
    from tf_fewshot.backbones import build
    from tf_fewshot.errors import UserError

    architecture, _, resolution = name.rpartition("-")
    if not architecture or not resolution.isdecimal():
        raise UserError(f"{name!r} is no architecture with a resolution, such as biggan-256.")
    return build(architecture.replace("-", "_"), resolution=int(resolution))


def main() -> None:
    from tf_fewshot.errors import unknown_name

    for kind in _MEASURE.value:
        if kind not in _KINDS:
            raise unknown_name("measurement", kind, _KINDS)
    load_tensorflow()
    from tf_fewshot import methods, weights
    from tf_fewshot.files import write_json
    from tf_fewshot.training.precision import POLICIES

    for precision in _PRECISIONS.value:
        if precision not in POLICIES:
            raise unknown_name("precision", precision, POLICIES)
    batch, repeats, wanted = _BATCH.value, _REPEATS.value, _MEASURE.value
    names = methods.names() if _METHODS.value is None else _METHODS.value
    for name in names:
        methods.get(name)
    given = _SOURCES.value
    sources = given or ([] if _ARCHITECTURES.value else ["avataaars64"])
    result: dict[str, dict[str, Any]] = {}
    for name in [*sources, *_ARCHITECTURES.value]:
        known = name in sources
        gan = weights.load(name) if known else fresh(name)
        print(name, flush=True)
        row: dict[str, Any] = {}
        if known and "loading" in wanted:
            row["loading"] = loading(name, repeats)
        for precision in _PRECISIONS.value:
            cell: dict[str, Any] = {}
            if not known or "sampling" in wanted:
                copy = gan.with_precision(POLICIES[precision])
                cell["sampling"] = sampling(copy, precision, batch, repeats)
            if known and "steps" in wanted:
                cell["steps"] = steps(gan, precision, names, batch, repeats)
            row[precision] = cell
        result[name] = row
        if _OUT.value:
            write_json(_OUT.value, result)
