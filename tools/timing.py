"""Seconds, peaks and counts of operations, for the benchmark."""

from __future__ import annotations

import time


def best_seconds(call, repeats: int) -> float:
    """Shortest of ``repeats`` calls after one that compiles."""
    call()
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return best


def peak(dtype: str, repeats: int, n: int = 2048) -> float:
    """FLOP/s of a matrix product of n × n."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_normal([n, n], [0, 0]), dtype)
    product = tf.function(lambda: tf.linalg.matmul(a, a))
    return 2.0 * n**3 / best_seconds(lambda: product().numpy(), repeats)


def flops(function, *inputs) -> float:
    """Floating-point operations of one call, as TensorFlow's profiler counts its graph."""
    import tensorflow as tf
    from tensorflow.python.profiler import model_analyzer, option_builder

    graph = tf.function(function).get_concrete_function(*inputs).graph
    options = option_builder.ProfileOptionBuilder.float_operation()
    quiet = option_builder.ProfileOptionBuilder(options).with_empty_output().build()
    return float(model_analyzer.profile(graph, options=quiet).total_float_ops)
