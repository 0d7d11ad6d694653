"""The arithmetic of the benchmark, not its timings."""

import tensorflow as tf

from tools import timing


def test_flops_of_a_matrix_product():
    a, b = tf.ones([3, 5]), tf.ones([5, 7])
    assert timing.flops(tf.linalg.matmul, a, b) == 2 * 3 * 5 * 7


def test_flops_of_a_convolution():
    image, kernel = tf.ones([2, 8, 8, 3]), tf.ones([3, 3, 3, 4])
    counted = timing.flops(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), image)
    assert counted == 2 * 2 * 8 * 8 * 3 * 3 * 3 * 4


def test_best_seconds_is_the_shortest_call(monkeypatch):
    times = iter([0.0, 5.0, 5.0, 7.0, 7.0, 10.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(times))
    calls = []
    assert timing.best_seconds(lambda: calls.append(1), 3) == 2.0
    assert len(calls) == 4


def test_peak_is_a_rate():
    assert timing.peak("float32", repeats=1, n=64) > 0.0
