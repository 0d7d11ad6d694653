"""Measures speed: ratios in one run, and fractions of the machine's matrix-product peak.

    tf-fewshot benchmark --source=avataaars64 --batch_size=16 --out=benchmark.json

For each precision: the peak of a large matrix product; sampling; one training step of every
method against the forward and backward passes that it cannot do without. Best of --repeats.
"""

from __future__ import annotations

from absl import flags

from .startup import load_tensorflow
from .timing import best_seconds, flops, peak

_SOURCE = flags.DEFINE_string("source", "avataaars64", "Preset or file of the source.")
_METHODS = flags.DEFINE_list("methods", ["transfergan", "ewc"], "Methods whose step is timed.")
_BATCH = flags.DEFINE_integer("batch_size", 16, "Images in a step.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Timings of each, of which the best.", lower_bound=1)
_OUT = flags.DEFINE_string("out", None, "JSON file to write as well.")

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def _sampling(gan, batch: int, repeats: int) -> dict[str, float]:
    import tensorflow as tf

    z = tf.constant(gan.sample_latents(batch, seed=0))
    generate = tf.function(gan.generate)
    seconds = best_seconds(lambda: generate(z).numpy(), repeats)
    return {"images_per_second": batch / seconds, "flops": flops(gan.generate, z) / seconds}


def _passes(gan, batch: int, repeats: int) -> float:
    """Seconds of what an adversarial step must do: both networks forward, both gradients."""
    import tensorflow as tf

    z = tf.constant(gan.sample_latents(batch, seed=0))
    real = tf.zeros([batch, *gan.image_shape])
    g = [v.value for v in gan.generator.trainable_weights]
    d = [v.value for v in gan.discriminator.trainable_weights]

    @tf.function
    def step():
        fake = gan.generator(z, training=True)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(d)
            loss = tf.reduce_mean(gan.discriminator(fake) - gan.discriminator(real))
        first = tape.gradient(loss, d)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(g)
            loss = tf.reduce_mean(gan.discriminator(gan.generator(z, training=True)))
        second = tape.gradient(loss, g, unconnected_gradients="zero")
        return tf.add_n([tf.reduce_sum(x) for x in [*first, *second]])

    return best_seconds(lambda: step().numpy(), repeats)


def _step(name: str, source, dtype: str, batch: int, repeats: int) -> float:
    import tempfile
    from pathlib import Path

    import numpy as np

    from tf_fewshot import methods
    from tf_fewshot.adaptation import Plan
    from tf_fewshot.data.batches import Batches
    from tf_fewshot.data.pictures import Pictures
    from tf_fewshot.training.assemble import assemble, trainer

    rng = np.random.default_rng(0)
    pictures = Pictures(rng.integers(0, 256, (10, *source.image_shape), np.uint8))
    # Few samples for Fisher: it is estimated once, and not what is timed here.
    few = {"fisher_samples": 8, "fisher_cache": False} if name == "ewc" else {}
    method = methods.get(name).with_settings(batch_size=batch, **few)
    made = Plan(method, source, "benchmark", pictures).problem(dtype, lambda line: None)
    assembly = assemble(method, made)
    with tempfile.TemporaryDirectory() as folder:
        loop = trainer(assembly, Batches(pictures, batch), Path(folder))
        for callback in assembly.callbacks:
            callback.on_train_begin()
        # Step 1: lazy terms are due at step 0 only.
        return best_seconds(lambda: [float(np.asarray(v)) for v in loop.step(1).values()], repeats)


def main() -> None:
    load_tensorflow()
    from tf_fewshot import weights
    from tf_fewshot.files import write_json

    source, batch, repeats = weights.load(_SOURCE.value), _BATCH.value, _REPEATS.value
    result: dict[str, dict] = {}
    for name, dtype in _POLICIES.items():
        gan, top = source.with_precision(dtype), peak(name, repeats)
        sampling = _sampling(gan, batch, repeats)
        print(f"\n{name}: matrix product {top / 1e9:.0f} GFLOP/s")
        print(
            f"  sampling {sampling['images_per_second']:.1f} images/s, "
            f"{sampling['flops'] / top:.0%} of that peak"
        )
        row = {"peak_flops": top, "sampling": sampling, "steps": {}}
        if gan.discriminator is not None:
            passes = _passes(gan, batch, repeats)
            for method in _METHODS.value:
                seconds = _step(method, source, dtype, batch, repeats)
                print(
                    f"  {method} step {seconds:.3f} s, {batch / seconds:.1f} images/s, "
                    f"{seconds / passes:.2f} times its passes"
                )
                row["steps"][method] = {"seconds": seconds, "of_passes": seconds / passes}
        result[name] = row
    if _OUT.value:
        write_json(_OUT.value, result)
