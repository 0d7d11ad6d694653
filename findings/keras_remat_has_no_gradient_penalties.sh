#!/usr/bin/env bash
# TensorFlow 2.21.0 with Keras 3.15.1.
#
# `keras.remat` trades time for memory, and its page says nothing of which losses it is for. One
# expects that a loss with a gradient in it, such as R1 or a Wasserstein gradient penalty, which is
# what training of discriminators needs memory for, has the same gradient with and without it.
#
# Seen: without it the gradient is there. With it, as with `tf.recompute_grad`, which it is on
# TensorFlow, the gradient of the penalty raises NotImplementedError, eagerly and in a tf.function,
# and speaks of forward mode, which nobody asked for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1
cat >"$folder/penalty.py" <<'PYTHON'
import keras
import tensorflow as tf

weight = tf.Variable([[0.5, -0.3], [0.2, 0.7]])
images = tf.constant([[1.0, 2.0], [3.0, -1.0]])


def score(x):
    return tf.reduce_sum(tf.tanh(x @ weight) ** 2, 1)


def gradient_of_penalty(function):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(images)
            total = tf.reduce_sum(function(images))
        penalty = tf.reduce_sum(inner.gradient(total, images) ** 2)
    return outer.gradient(penalty, weight)


def outcome(function, compiled):
    def call():
        return gradient_of_penalty(function)

    try:
        return "gradient " + str((tf.function(call) if compiled else call)().shape)
    except NotImplementedError as error:
        assert "forward mode" in str(error), error
        return "NotImplementedError"


for compiled in (False, True):
    print(outcome(score, compiled), outcome(keras.remat(score), compiled),
          outcome(tf.recompute_grad(score), compiled), sep=", ")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/penalty.py" 2>/dev/null)
echo "$seen"
expected="gradient (2, 2), NotImplementedError, NotImplementedError"
test "$seen" = "$expected"$'\n'"$expected"
