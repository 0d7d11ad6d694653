#!/usr/bin/env bash
# TensorFlow 2.21.0, Keras 3.15.1.
#
# A function is traced by tf.function, called once and dropped, again and again, as a notebook or a
# search over settings does it. One expects that Python's garbage collector frees each graph with
# the last reference to its function, and so it does.
#
# Seen: a function that calls apply of any Keras optimizer stays in memory with its whole graph for
# as long as the process lives: every training step that was ever traced. (The optimizer sums
# gradients over replicas first, also where there is one. That sum has a gradient of its own, by
# tf.custom_gradient, which each trace registers under a new name for good, together with the
# tensors that it looks at.) The same is seen of whatever else is made with tf.custom_gradient,
# such as tf.recompute_grad and tf.grad_pass_through, whether or not a gradient is asked for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1
cat >"$folder/case.py" <<'PYTHON'
import gc
import os
import weakref

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf


@tf.custom_gradient
def squared(x):
    return x * x, lambda dy: 2.0 * x * dy


def graphs_left(inner, traces=5):
    graphs = []
    for _ in range(traces):
        function = tf.function(lambda x: tf.sin(inner(x)) + 1.0)
        function(tf.constant(3.0))
        graphs.append(weakref.ref(function.get_concrete_function(tf.constant(3.0)).graph))
        del function
    gc.collect()
    return sum(graph() is not None for graph in graphs)


weight = keras.Variable(np.ones(3, np.float32))
optimizer = keras.optimizers.SGD(0.1)
optimizer.build([weight])


def applied(x):
    optimizer.apply([weight.value], [weight])
    return x


def assigned(x):
    weight.assign(weight.value - 0.1 * weight.value)
    return x


plain = lambda x: x * x
left = {
    "plain": graphs_left(plain),
    "assign of a variable": graphs_left(assigned),
    "apply of keras.optimizers.SGD": graphs_left(applied),
    "tf.custom_gradient": graphs_left(squared),
    "tf.recompute_grad": graphs_left(tf.recompute_grad(plain)),
    "tf.grad_pass_through": graphs_left(tf.grad_pass_through(plain)),
}
for name, count in left.items():
    print(f"{name}: {count} of 5 graphs left")
assert left["plain"] == left["assign of a variable"] == 0
# One would expect 0 of all.
assert all(left[name] == 5 for name in list(left)[2:]), left
print("As described: graphs of training steps are never freed.")
PYTHON
"$folder/venv/bin/python" "$folder/case.py"
