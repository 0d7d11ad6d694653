#!/usr/bin/env bash
# TensorFlow 2.21.0.
#
# A function is traced by tf.function, called once and dropped, again and again, as a notebook or a
# search over settings does it. One expects that Python's garbage collector frees each graph with
# the last reference to its function, and so it does.
#
# Seen: if anything in the function is decorated with tf.custom_gradient, no graph is ever freed.
# What computes the gradient is registered under a new name in each trace, for as long as the
# process lives, and it refers to the tensors that it looks at, and these to their whole graph:
# also to what has nothing to do with the gradient, and whether or not a gradient is asked for. The
# same is seen of tf.recompute_grad and tf.grad_pass_through, which are made of it.
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


plain = lambda x: x * x
left = {
    "plain": graphs_left(plain),
    "tf.custom_gradient": graphs_left(squared),
    "tf.recompute_grad": graphs_left(tf.recompute_grad(plain)),
    "tf.grad_pass_through": graphs_left(tf.grad_pass_through(plain)),
}
for name, count in left.items():
    print(f"{name}: {count} of 5 graphs left")
assert left["plain"] == 0
# One would expect 0 of all.
assert all(left[name] == 5 for name in list(left)[1:]), left
print("As described: graphs with a gradient of one's own are never freed.")
PYTHON
"$folder/venv/bin/python" "$folder/case.py"
