#!/usr/bin/env bash
# TensorFlow 2.21.0 with Keras 3.15.1, CPU, one thread, op determinism enabled.
#
# A compiled step reads variables, differentiates a function of them in a GradientTape, and hands
# the gradients to a Keras optimizer. Where the gradient of one variable is made of the value of
# another (here of two factors of a product), one expects that all reads come before all updates,
# as they stand in the code, and so one result whenever the step is run from the same values.
#
# Seen: several results of one program in one process. The graph optimizer drops the order between
# the read of a variable and its update, so that a gradient is at times made of a factor that has
# moved already. Enabling op determinism does not help, nor does a single thread.
#
# Two things do: to switch dependency_optimization off, or to apply the updates under
# tf.control_dependencies(gradients). Both give one result, which this script checks, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cat >"$folder/case.py" <<'PYTHON'
import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
import keras
import numpy as np
import tensorflow as tf

tf.config.experimental.enable_op_determinism()
if "optimizer-off" in sys.argv:
    tf.config.optimizer.set_experimental_options({"dependency_optimization": False})
rng = np.random.default_rng(0)
SHAPES = [(4, 4, 8, 8), (4, 4, 8, 8), (4, 4, 3, 8)]


def drawn(scale, *shape):
    return (scale * rng.standard_normal(shape)).astype("float32")


bases = [keras.Variable(drawn(1.0, *s)) for s in SHAPES]
us = [keras.Variable(drawn(1e-7, s[0], s[1], 1, s[3])) for s in SHAPES]
vs = [keras.Variable(drawn(1e-7, 1, 1, s[2], 1)) for s in SHAPES]
kernels = [keras.Variable(b.numpy()) for b in bases]
halves = [(np.arange(s[2]) < s[2] // 2).astype("float32")[None, None, :, None] for s in SHAPES]
masks = [keras.Variable(half, trainable=False) for half in halves]
upstream = [tf.constant(drawn(1e-3, *s)) for s in SHAPES]
variables = [*bases, *us, *vs]
optimizer = keras.optimizers.Adam(0.002, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
optimizer.build(variables)


def products():
    result = []
    for base, mask, u, v in zip(bases, masks, us, vs, strict=True):
        weights, chosen = tf.convert_to_tensor(base), tf.convert_to_tensor(mask)
        factor = 1.0 + tf.convert_to_tensor(u) * tf.convert_to_tensor(v)
        result.append(chosen * (tf.stop_gradient(weights) * factor) + (1.0 - chosen) * weights)
    return result


@tf.function
def step(scale):
    of_products = [
        u * scale * tf.reduce_mean(k.value) for u, k in zip(upstream, kernels, strict=True)
    ]
    own = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(own)
        computed = products()
    gradients = tape.gradient(computed, own, of_products)
    if "ordered" in sys.argv:
        with tf.control_dependencies(gradients):
            optimizer.apply(gradients, variables)
    else:
        optimizer.apply(gradients, variables)
    for kernel, value in zip(kernels, products(), strict=True):
        kernel.assign(value)
    return gradients


every = [*variables, *kernels, *optimizer.variables]
start = [v.numpy() for v in every]
results = set()
for _ in range(600):
    for variable, value in zip(every, start, strict=True):
        variable.assign(value)
    for _ in range(2):
        step(tf.constant(1.0))
    results.add(b"".join(v.numpy().tobytes() for v in variables))
print(len(results))
PYTHON
run() { "$folder/venv/bin/python" "$folder/case.py" "$@" 2>/dev/null | tail -n 1; }
plain=1
for _ in 1 2 3 4 5; do
    plain=$(run)
    [ "$plain" -gt 1 ] && break
done
ordered=$(run ordered)
off=$(run optimizer-off)
echo "results of 600 repetitions: $plain as it is (expected 1)," \
    "$ordered with control dependencies, $off without dependency optimization"
[ "$plain" -gt 1 ] && [ "$ordered" -eq 1 ] && [ "$off" -eq 1 ]
